//! SG250 not-a-key.

use super::ServerView;
use crate::diag::{Diagnostic, code};
use crate::ir::{Mount, MountKind};
use crate::source::Node;

/// How the text of an OpenSSH key goes on that has no passphrase: `openssh-key-v1` and the cipher `none` in base64.
const OPENSSH_PLAIN: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbm";
/// What is the same in it with and without a passphrase.
const OPENSSH: &str = "b3BlbnNzaC1rZXktdjEAAAAA";

/// Finds sshfs volumes whose `id_rsa` is no private key that can be used. Its text is in no message.
pub(super) fn check(view: &ServerView<'_>, mount: &Mount, node: &Node) -> Option<Diagnostic> {
    let MountKind::Volume { driver: Some(driver), .. } = &mount.kind else { return None };
    // Only the plugin has this option, and each of its volumes has it.
    driver.options.iter().find(|(key, _)| &**key == "sshcmd")?;
    let (_, key) = driver.options.iter().find(|(key, _)| &**key == "id_rsa")?;
    let options = node.get("driver_config").map_or(Some(node), |config| config.get("options"))?;
    let own = options.get("id_rsa");
    // Without a user, only what stands in the mount itself is known.
    if view.probe && own.is_none_or(|own| (view.varies)(own)) {
        return None;
    }
    let (message, help) = fault(key.expose())?;
    let label = if own.is_some() { "" } else { "logs in with the user's `id_rsa`" };
    let diagnostic =
        Diagnostic::new(&code::NOT_A_KEY, message).at(own.or(options.get("sshcmd")).unwrap_or(node).span, label);
    Some(diagnostic.note("the plugin could not log in, and the server would not start").help(help))
}

/// What is wrong with a key's text, and what helps.
fn fault(key: &str) -> Option<(&'static str, &'static str)> {
    const FILE: &str = "take the key's text from its file: `id_rsa = { file = \"keys/id_rsa\" }`";
    // In attributes that come as JSON or from variables, line breaks are often written `\n`; who reads them is not ours to
    // say.
    let text = zeroize::Zeroizing::new(key.replace("\\n", "\n"));
    let text = text.trim();
    let first = text.lines().next().unwrap_or_default().trim_end();
    if text.is_empty() {
        return Some(("`id_rsa` is empty", FILE));
    }
    let public = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "---- BEGIN SSH2 PUBLIC", "-----BEGIN PUBLIC"];
    if public.iter().any(|start| text.starts_with(start)) || first.ends_with(" PUBLIC KEY-----") {
        return Some(("`id_rsa` is a public key", "take the private key, which is in the file without `.pub`"));
    }
    if text.starts_with("PuTTY-User-Key-File") {
        return Some(("`id_rsa` is a key of PuTTY's", "write it as OpenSSH does: `puttygen KEY -O private-openssh`"));
    }
    let begins = text.starts_with("-----BEGIN ");
    if !begins {
        let is_path = !text.contains(char::is_whitespace) && text.starts_with(['/', '~', '.']);
        return Some(match is_path {
            true => (
                "`id_rsa` is a path, and the key's own text belongs there",
                "write `id_rsa = { file = \"..\" }`, or `identity_file` for a file of the node",
            ),
            false => ("`id_rsa` is no private key", FILE),
        });
    }
    if !text.contains('\n') && text.contains(" PRIVATE KEY-----") {
        return Some(("the lines of `id_rsa` have run together", FILE));
    }
    if !first.ends_with(" PRIVATE KEY-----") {
        return Some(("`id_rsa` is no private key", FILE));
    }
    if !text.contains("-----END ") {
        return Some(("the end of `id_rsa` is missing", FILE));
    }
    let body = text.lines().nth(1).unwrap_or_default();
    let locked = first.contains(" ENCRYPTED ")
        || text.contains("Proc-Type: 4,ENCRYPTED")
        || body.starts_with(OPENSSH) && !body.starts_with(OPENSSH_PLAIN);
    locked.then_some((
        "`id_rsa` has a passphrase, which nobody could type",
        "make a key without one for this: `ssh-keygen -N '' -f keys/id_rsa`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let told = |text: &str| fault(text).map(|(message, _)| message);
        for good in [
            "-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\r\nMIIE\r\n-----END PRIVATE KEY-----\r\n",
            "\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE\n-----END OPENSSH PRIVATE KEY-----",
        ] {
            assert_eq!(told(good), None, "{good}");
        }
        for (bad, part) in [
            ("", "empty"),
            (" \n", "empty"),
            ("ssh-rsa AAAAB3 a@b", "public key"),
            ("-----BEGIN RSA PUBLIC KEY-----\nx\n-----END RSA PUBLIC KEY-----", "public key"),
            ("/home/a/.ssh/id_rsa", "path"),
            ("~/.ssh/id_rsa", "path"),
            ("hunter2", "no private key"),
            ("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", "no private key"),
            ("PuTTY-User-Key-File-3: ssh-rsa", "PuTTY"),
            ("-----BEGIN RSA PRIVATE KEY----- MII -----END RSA PRIVATE KEY-----", "run together"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMII", "end of"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END ENCRYPTED PRIVATE KEY-----", "passphrase"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nx\n-----END RSA PRIVATE KEY-----",
                "passphrase",
            ),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHI\n-----END OPENSSH PRIVATE KEY-----",
                "passphrase",
            ),
        ] {
            assert!(told(bad).is_some_and(|message| message.contains(part)), "{bad}: {:?}", told(bad));
        }
    }
}
