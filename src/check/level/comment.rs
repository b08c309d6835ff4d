//! Comments that allow what a rule finds: `# swarmgen: allow(floating-tag)`.
//!
//! A comment speaks for its own line, or, alone on a line, for the next one that holds anything else. What a rule finds
//! stands on the line where its primary place starts.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::diag::{Code, Diagnostic, Diagnostics, code};
use crate::source::{Node, Source, SourceId, Span, Value};

use super::{NameError, Subject};

/// What starts such a comment, after `#` and spaces.
const MARK: &str = "swarmgen:";

/// One rule that a comment allows.
#[derive(Debug)]
pub(super) struct Allowance {
    source: SourceId,
    /// The bytes of the line that it speaks for.
    line: Range<usize>,
    code: &'static Code,
    /// The rule's name in the comment.
    span: Span,
    used: AtomicBool,
}

impl Allowance {
    pub(super) fn allows(&self, diagnostic: &Diagnostic) -> bool {
        let Some(label) = diagnostic.primary() else { return false };
        let allows = self.code == diagnostic.code
            && label.span.source == self.source
            && self.line.contains(&label.span.range().start);
        if allows {
            self.used.store(true, Ordering::Relaxed);
        }
        allows
    }

    pub(super) fn code(&self) -> &'static Code {
        self.code
    }

    pub(super) fn unused(&self) -> Option<Diagnostic> {
        (!self.used.load(Ordering::Relaxed)).then(|| {
            Diagnostic::new(&code::UNUSED_ALLOW, format!("`{}` finds nothing on this line", self.code.name))
                .at(self.span, "")
                .help("remove the rule from the comment")
        })
    }
}

/// Reads the comments of a document.
pub(super) fn read(source: &Source, root: &Node, out: &mut Vec<Allowance>, diagnostics: &mut Diagnostics) {
    let text = source.text();
    for (mark, _) in text.match_indices(MARK) {
        let before = text[..mark].trim_end_matches([' ', '\t']);
        if !before.ends_with('#') || stands_in_a_value(root, mark) {
            continue;
        }
        let id = root.span.source;
        let comment = before.len() - 1;
        let end = text[mark..].find('\n').map_or(text.len(), |length| mark + length);
        let start = mark + MARK.len();
        let content = text[start..end].trim_end();
        let Some(names) = names(content) else {
            diagnostics.push(
                Diagnostic::new(&code::UNKNOWN_LINT, "this comment cannot be read")
                    .at(Span::new(id, comment, start + content.len()), "")
                    .help("write `# swarmgen: allow(RULE)`, or several rules with commas between them"),
            );
            continue;
        };
        let line = line_for(text, comment, end);
        for (name, at) in names {
            let span = Span::new(id, start + at, start + at + name.len());
            match Subject::find(name) {
                Ok(Subject::Rule(code)) => {
                    let (line, used) = (line.clone(), AtomicBool::new(false));
                    out.push(Allowance { source: id, line, code, span, used });
                }
                Ok(Subject::Warnings) => {
                    let error = NameError::Unknown { name: name.to_owned(), near: None };
                    diagnostics.push(error.diagnostic().at(span, "").help("name the rules one by one"));
                }
                Err(error) => diagnostics.push(error.diagnostic().at(span, "")),
            }
        }
    }
}

/// The names in `allow(a, b)`, each with its offset.
fn names(content: &str) -> Option<Vec<(&str, usize)>> {
    let list = content.trim_start().strip_prefix("allow")?.trim_start().strip_prefix('(')?;
    let list = &list[..list.find(')')?];
    let offset = |part: &str| part.as_ptr() as usize - content.as_ptr() as usize;
    let names: Vec<_> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    (!names.is_empty()).then(|| names.into_iter().map(|name| (name, offset(name))).collect())
}

/// The line that a comment speaks for.
fn line_for(text: &str, comment: usize, end: usize) -> Range<usize> {
    let start = text[..comment].rfind('\n').map_or(0, |at| at + 1);
    if !text[start..comment].trim().is_empty() {
        return start..end;
    }
    let mut at = end;
    for line in text[end..].split_inclusive('\n') {
        let content = line.trim();
        if !content.is_empty() && !content.starts_with('#') {
            return at..at + line.len();
        }
        at += line.len();
    }
    end..end
}

/// Tells whether an offset lies in a key or a value, where `#` starts no comment.
fn stands_in_a_value(node: &Node, offset: usize) -> bool {
    match &node.value {
        Value::Map(map) => {
            map.iter().any(|entry| entry.key_span.range().contains(&offset) || stands_in_a_value(&entry.value, offset))
        }
        Value::Seq(items) => items.iter().any(|item| stands_in_a_value(item, offset)),
        _ => node.span.range().contains(&offset),
    }
}
