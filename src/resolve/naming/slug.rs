//! Safe forms of any text, as other spawners make them, so that existing names keep their meaning.

use sha2::{Digest, Sha256};

/// Hex digits of the hash in a slug.
const HASH_DIGITS: usize = 8;
/// What stands between a slug's safe part and its hash.
const HASH_JOINT: &str = "---";

/// Makes a slug of a text, exactly as `KubeSpawner`'s
/// [`safe_slug`](https://github.com/jupyterhub/kubespawner/blob/main/kubespawner/slugs.py) with a maximal length.
///
/// A text of lower-case letters, digits and single dashes that starts with a letter, ends with no dash and is not
/// longer than `max` (at least 12) is its own slug; any other becomes `{safe part}---{8 hex digits}`.
pub fn slug(text: &str, max: usize) -> String {
    if is_safe(text) && text.len() <= max {
        return text.to_owned();
    }
    let mut hash = hex::encode(Sha256::digest(text));
    hash.truncate(HASH_DIGITS);
    let safe = safe_part(text, max.saturating_sub(HASH_DIGITS + HASH_JOINT.len()));
    format!("{safe}{HASH_JOINT}{hash}")
}

fn is_safe(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && super::is_dns_label(text) && !text.contains("--")
}

/// What is safe of a text: at least one character, starting with a letter.
fn safe_part(text: &str, max: usize) -> String {
    let mut safe = String::new();
    // Lowering comes first, and by Unicode's rules: the Kelvin sign becomes a `k`.
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => safe.push(c),
            _ if safe.is_empty() || safe.ends_with('-') => {}
            _ => safe.push('-'),
        }
    }
    safe.truncate(max);
    safe.truncate(safe.trim_end_matches('-').len());
    if safe.starts_with(|c: char| c.is_ascii_digit()) {
        // The cut may leave a dash at the end here: so it does in KubeSpawner.
        safe.truncate(max.saturating_sub(2));
        safe.insert_str(0, "x-");
    }
    if safe.is_empty() { "x".to_owned() } else { safe }
}

/// Escapes a text exactly as
/// [`DockerSpawner`](https://github.com/jupyterhub/dockerspawner/blob/main/dockerspawner/dockerspawner.py) since 12.0.
///
/// Lower-case letters and digits stay; of anything else each UTF-8 byte becomes `-` and its hex digits, of which there
/// is only one for bytes below 16, as in escapism.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => escaped.push(char::from(byte)),
            _ => escaped += &format!("-{byte:x}"),
        }
    }
    escaped
}
