//! Diagnostics as annotations of a GitHub workflow.
//!
//! A line `::error file=..::message` each: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use super::{notes_text, visible};
use crate::diag::{Diagnostic, Severity};
use crate::source::SourceMap;

/// Renders a diagnostic as a workflow command, without a line end.
///
/// A place of several lines has no columns: GitHub takes them within one line only.
pub fn render(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = String::new();
    if let Some(label) = diagnostic.primary() {
        let source = sources.get(label.span.source);
        let (start, end) = (source.position(label.span.start), source.position(label.span.end));
        let file = property(source.name());
        properties = match start.line == end.line {
            true => format!(
                "file={file},line={},col={},endLine={},endColumn={},",
                start.line, start.column, end.line, end.column
            ),
            false => format!("file={file},line={},endLine={},", start.line, end.line),
        };
    }
    let title = property(&format!("{} {}", diagnostic.code.id, diagnostic.code.name));

    let mut lines = vec![visible(&diagnostic.message).into_owned()];
    for label in diagnostic.labels.iter().skip(1).filter(|label| !label.text.is_empty()) {
        let source = sources.get(label.span.source);
        let at = source.position(label.span.start);
        lines.push(format!("{}:{}:{}: {}", visible(source.name()), at.line, at.column, visible(&label.text)));
    }
    lines.extend(notes_text(diagnostic, sources));
    format!("::{command} {properties}title={title}::{}", data(&lines.join("\n")))
}

/// A message as a command takes it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value as a command takes it.
fn property(text: &str) -> String {
    data(&visible(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::code;
    use crate::source::{Author, Span};

    #[test]
    fn a_line_whatever_the_input() {
        let sources = SourceMap::new();
        let id = sources.add("C:\\a,b%\n.toml", "", Author::Config, "x = 1\n𝒳 = 2\n".to_owned());
        let diagnostic = Diagnostic::new(&code::UNKNOWN_KEY, "100% `\r\n::error::forged\u{1b}`")
            .at(Span::new(id, 6, 10), "")
            .at(Span::new(id, 0, 1), "first, set: here")
            .help("do\nit")
            .note("50%, or: so")
            .fix(Span::new(id, 6, 10), "y", "write `y`")
            .about(&"a::b".into());
        assert_eq!(
            render(&diagnostic, &sources),
            "::error file=C%3A\\a%2Cb%25\\n.toml,line=2,col=1,endLine=2,endColumn=2,title=SG101 unknown-key\
             ::100%25 `\\r\\n::error::forged\\u{1b}`%0AC:\\a,b%25\\n.toml:1:1: first, set: here\
             %0Ahelp: do\\nit%0Anote: 50%25, or: so%0Anote: for user `a::b`"
        );
    }

    #[test]
    fn several_lines_have_no_columns_and_no_place_has_no_file() {
        let sources = SourceMap::new();
        let id = sources.add("a.toml", "", Author::Config, "x = [\n1]\n".to_owned());
        let warning = Diagnostic::new(&code::FLOATING_TAG, "m").at(Span::new(id, 4, 8), "");
        assert_eq!(render(&warning, &sources), "::warning file=a.toml,line=1,endLine=2,title=SG202 floating-tag::m");
        let note = Diagnostic { severity: Severity::Note, ..Diagnostic::new(&code::NO_CONFIG, "none") };
        assert_eq!(render(&note, &sources), "::notice title=SG012 no-config::none");
    }
}
