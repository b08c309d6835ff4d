//! Quoting: for a POSIX shell, for the CLI's own word splitter, and for its comma-separated flags.

/// Quotes a text as one word for a POSIX shell; what needs no quotes gets none.
///
/// A NUL, which no argument can hold, is the caller's to refuse.
pub(in crate::emit) fn quote(text: &str) -> String {
    let safe = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':' | b'=' | b'@' | b'%' | b'+' | b',')
    };
    if !text.is_empty() && text.bytes().all(safe) { text.to_owned() } else { single(text) }
}

/// Between single quotes nothing but the quote itself is special, to a shell as to the CLI's splitter.
fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Joins words so that the CLI's `--entrypoint` splits them the same way.
pub(super) fn join(words: &[&str]) -> String {
    words.iter().map(|word| single(word)).collect::<Vec<_>>().join(" ")
}

/// Joins fields as a record of comma-separated values.
pub(super) fn record(fields: &[String]) -> String {
    let quoted = fields.iter().map(|field| {
        if field.is_empty() || field.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.clone()
        }
    });
    quoted.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_what_needs_it() {
        assert_eq!(quote("FOO=bar:1,2"), "FOO=bar:1,2");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's"), "'it'\\''s'");
        assert_eq!(quote("~"), "'~'");
        assert_eq!(quote("ü"), "'ü'");
    }

    #[test]
    fn records_double_quotes() {
        let fields = ["type=volume".to_owned(), "volume-opt=password=p,\"q\"".to_owned()];
        assert_eq!(record(&fields), "type=volume,\"volume-opt=password=p,\"\"q\"\"\"");
    }
}
