//! The grammar of image references.

use std::sync::LazyLock;

use regex::Regex;

/// The grammar of the distribution project, anchored (`reference/regexp.go`).
#[allow(clippy::expect_used, reason = "a constant pattern; a test compiles it")]
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    let host = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
    let domain = format!(r"(?:{host}(?:\.{host})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?");
    let part = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*";
    let tag = r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}";
    let digest = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
    let pattern = format!(r"^(?:{domain}/)?{part}(?:/{part})*(?::(?P<tag>{tag}))?(?:@(?P<digest>{digest}))?$");
    Regex::new(&pattern).expect("a constant pattern")
});

/// Tells whether the engine takes a text as an image reference.
pub fn is_reference(text: &str) -> bool {
    text.len() <= 4096 && REFERENCE.is_match(text)
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

/// Tells how firmly a reference names a version; `None` if it is no reference.
pub fn pin(text: &str) -> Option<Pin> {
    let captures = REFERENCE.captures(text)?;
    if captures.name("digest").is_some() {
        return Some(Pin::Digest);
    }
    match captures.name("tag").map(|tag| tag.as_str()) {
        None | Some("latest") => Some(Pin::Floating),
        Some(_) => Some(Pin::Tag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for good in [
            "a",
            "jupyter/base-notebook:lab-4.1.0",
            "host:5000/a/b_c:1",
            "quay.io/x/y@sha256:0123456789abcdef0123456789abcdef",
        ] {
            assert!(is_reference(good), "{good}");
        }
        for bad in ["", "A", "a b", "a:", "/a", "a//b", "https://x/y", "a:b:c", "Upper/Case:1", "a@sha256:12"] {
            assert!(!is_reference(bad), "{bad}");
        }
    }

    #[test]
    fn pins() {
        assert_eq!(pin("a"), Some(Pin::Floating));
        assert_eq!(pin("host:5000/a"), Some(Pin::Floating));
        assert_eq!(pin("a:latest"), Some(Pin::Floating));
        assert_eq!(pin("a:1"), Some(Pin::Tag));
    }
}
