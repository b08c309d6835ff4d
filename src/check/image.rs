//! The grammar of image references.
//!
//! Source: the distribution project's `reference/regexp.go`. Read by hand because it is asked of every server.

/// A reference in its parts: `[registry/]repository[:tag][@digest]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The registry and the repository.
    pub name: &'a str,
    /// The tag.
    pub tag: Option<&'a str>,
    /// The digest.
    pub digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Reads a reference; `None` if the engine would not take it as one.
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.len() > 4096 {
            return None;
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest.get(last..)?.split_once(':') {
            Some((part, tag)) => (rest.get(..last + part.len())?, Some(tag)),
            None => (rest, None),
        };
        let fits = is_name(name) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
        fits.then_some(Self { name, tag, digest })
    }

    /// How firmly it names one version of the image.
    pub fn pin(&self) -> Pin {
        match (self.digest, self.tag) {
            (Some(_), _) => Pin::Digest,
            (None, None | Some("latest")) => Pin::Floating,
            (None, Some(_)) => Pin::Tag,
        }
    }
}

/// How firmly a reference names one version of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// By digest: always the same.
    Digest,
    /// By a tag that is meant to stay.
    Tag,
    /// `latest`, said or implied.
    Floating,
}

/// The likeliest reason why a text is no reference.
pub fn problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("it is empty")
    } else if text.contains(char::is_whitespace) {
        Some("it holds white space")
    } else if text.contains("://") {
        Some("it starts with a scheme")
    } else if text.ends_with([':', '@', '/']) {
        Some("its end is missing")
    } else if text.rsplit('/').next().is_some_and(|last| last.split([':', '@']).next().is_some_and(has_upper)) {
        Some("its repository has upper-case letters")
    } else {
        None
    }
}

fn has_upper(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_uppercase())
}

/// `[domain/]part[/part]..`: the first part may be a domain if others follow.
fn is_name(name: &str) -> bool {
    match name.split_once('/') {
        Some((first, rest)) => (is_domain(first) || is_part(first)) && rest.split('/').all(is_part),
        None => is_part(name),
    }
}

/// A host name or a bracketed IPv6 address, with an optional port.
fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(inside) => match inside.split_once(']') {
            Some((address, rest)) => {
                let fits = !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
                return fits && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port));
            }
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lower-case letters and digits, joined by `.`, `_`, `__` or dashes.
fn is_part(part: &str) -> bool {
    let in_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let mut at = 0;
    loop {
        let start = at;
        while bytes.get(at).is_some_and(|byte| in_word(*byte)) {
            at += 1;
        }
        if at == start {
            return false;
        }
        let joint = at;
        while bytes.get(at).is_some_and(|byte| !in_word(*byte)) {
            at += 1;
        }
        match bytes.get(joint..at) {
            Some([]) => return at == bytes.len(),
            Some([b'.'] | [b'_'] | [b'_', b'_']) => {}
            Some(dashes) if dashes.iter().all(|byte| *byte == b'-') => {}
            _ => return false,
        }
    }
}

fn is_tag(tag: &str) -> bool {
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first = tag.bytes().next().is_some_and(in_word);
    first && tag.len() <= 128 && tag.bytes().all(|byte| in_word(byte) || matches!(byte, b'.' | b'-'))
}

/// `algorithm:hex`, where the algorithm's parts are joined by one of `-_+.`.
fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    hex.len() >= 32
        && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        && algorithm.split(['-', '_', '+', '.']).all(is_word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// The grammar as the distribution project writes it.
    fn grammar() -> Regex {
        let host = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
        let domain = format!(r"(?:{host}(?:\.{host})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?");
        let part = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*";
        let tag = r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}";
        let digest = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
        let pattern = format!(r"^(?:{domain}/)?{part}(?:/{part})*(?::(?P<tag>{tag}))?(?:@(?P<digest>{digest}))?$");
        Regex::new(&pattern).unwrap()
    }

    #[test]
    fn references() {
        for good in [
            "a",
            "jupyter/base-notebook:lab-4.1.0",
            "host:5000/a/b_c:1",
            "[::1]:5000/a",
            "quay.io/x/y@sha256:0123456789abcdef0123456789abcdef",
            "Upper.example.org/a:1",
        ] {
            assert!(Reference::parse(good).is_some(), "{good}");
        }
        for bad in ["", "A", "a b", "a:", "/a", "a//b", "https://x/y", "a:b:c", "a@sha256:12", "a/B"] {
            assert!(Reference::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn pins() {
        let pin = |text| Reference::parse(text).unwrap().pin();
        assert_eq!(pin("a"), Pin::Floating);
        assert_eq!(pin("host:5000/a"), Pin::Floating);
        assert_eq!(pin("a:latest"), Pin::Floating);
        assert_eq!(pin("a:1"), Pin::Tag);
        assert_eq!(pin("a:latest@sha256:0123456789abcdef0123456789abcdef"), Pin::Digest);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn the_grammar_is_the_projects(text in "([aB0.:_/@\\[\\]-]|ab|__|sha256|[0-9a-f]{32}){0,12}") {
            let captures = grammar().captures(&text).map(|found| {
                (found.name("tag").map(|tag| tag.as_str().to_owned()), found.name("digest").map(|digest| digest.as_str().to_owned()))
            });
            let ours = Reference::parse(&text)
                .map(|reference| (reference.tag.map(str::to_owned), reference.digest.map(str::to_owned)));
            prop_assert_eq!(ours, captures);
        }
    }
}
