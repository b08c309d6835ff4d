//! One line for each diagnostic, as compilers and editors exchange them.

use super::visible;
use crate::diag::Diagnostic;
use crate::source::SourceMap;

/// Renders a diagnostic as `file:line:column: error[SG101]: message`, without a line end.
///
/// What has no place starts with the severity.
pub fn render(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let finding = format!("{}[{}]: {}", diagnostic.severity.word(), diagnostic.code.id, visible(&diagnostic.message));
    match diagnostic.primary() {
        Some(label) => {
            let at = sources.position(label.span);
            format!("{}:{}:{}: {finding}", visible(sources.get(label.span.source).name()), at.line, at.column)
        }
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::code;
    use crate::source::{Author, Span};

    #[test]
    fn one_line_whatever_the_input() {
        let sources = SourceMap::new();
        let id = sources.add("a\u{1b}\n.toml", ".", Author::Config, "x = 1\nä = 2".to_owned());
        let diagnostic = Diagnostic::new(&code::UNKNOWN_KEY, "unknown key `\u{1b}[2J\n`").at(Span::new(id, 9, 10), "");
        assert_eq!(render(&diagnostic, &sources), "a\\u{1b}\\n.toml:2:3: error[SG101]: unknown key `\\u{1b}[2J\\n`");
        let placeless = Diagnostic::new(&code::FLOATING_TAG, "no tag");
        assert_eq!(render(&placeless, &sources), "warning[SG202]: no tag");
    }
}
