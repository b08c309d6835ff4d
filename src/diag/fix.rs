//! The mends that findings carry, as changes of texts.
//!
//! Only config documents are mended, and no place that holds a secret is touched. All else of a text stays as it is.

use std::ops::Range;

use super::Diagnostics;
use crate::source::{self, Author, Source, SourceId, SourceMap, Syntax};

/// A byte range of a text, and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub range: Range<usize>,
    /// What replaces it.
    pub replacement: String,
}

/// The changes that mend a run's findings, text by text; sorted and without overlaps.
pub fn edits(diagnostics: &Diagnostics, sources: &SourceMap) -> Vec<(SourceId, Vec<Edit>)> {
    let mut all: Vec<(SourceId, Edit)> = diagnostics
        .iter()
        .filter_map(|diagnostic| diagnostic.fix.as_ref())
        .map(|fix| (fix.span.source, Edit { range: fix.span.range(), replacement: fix.replacement.clone() }))
        .collect();
    all.sort_by(|(a, one), (b, other)| {
        let place = |id: SourceId, edit: &Edit| (id, edit.range.start, edit.range.end);
        place(*a, one).cmp(&place(*b, other)).then_with(|| one.replacement.cmp(&other.replacement))
    });
    let mut of_texts: Vec<(SourceId, Vec<Edit>)> = Vec::new();
    for (id, edit) in all {
        if of_texts.last().is_none_or(|(last, _)| *last != id) {
            of_texts.push((id, Vec::new()));
        }
        let Some((_, own)) = of_texts.last_mut() else { continue };
        // Of two for one place, the first will do: the next check tells what is left.
        if own.last().is_none_or(|last| last.range.end < edit.range.start) {
            own.push(edit);
        }
    }
    for (id, own) in &mut of_texts {
        let source = sources.get(*id);
        let secrets = source.secrets();
        own.retain(|edit| may_change(&source, &secrets, edit));
    }
    of_texts.retain(|(_, own)| !own.is_empty());
    of_texts
}

fn may_change(source: &Source, secrets: &[Range<u32>], edit: &Edit) -> bool {
    let touches = |secret: &Range<u32>| {
        (secret.start as usize) < edit.range.end.max(edit.range.start + 1) && edit.range.start < secret.end as usize
    };
    source.author() == Author::Config && source.text().get(edit.range.clone()).is_some() && !secrets.iter().any(touches)
}

/// A string as all three syntaxes of configs write it.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text with its changes made.
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut mended = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for edit in edits {
        mended.push_str(text.get(done..edit.range.start).unwrap_or_default());
        mended.push_str(&edit.replacement);
        done = edit.range.end;
    }
    mended.push_str(text.get(done..).unwrap_or_default());
    mended
}

/// The changes after which the text can still be read: two mends may give two keys the same name.
pub fn readable(text: &str, syntax: Syntax, edits: Vec<Edit>) -> Vec<Edit> {
    let reads = |edits: &[Edit]| {
        let sources = SourceMap::new();
        let id = sources.add("", "", Author::Config, apply(text, edits));
        source::parse(&sources, id, syntax).is_ok()
    };
    if reads(&edits) {
        return edits;
    }
    let mut kept: Vec<Edit> = Vec::new();
    for edit in edits {
        kept.push(edit);
        if !reads(&kept) {
            kept.pop();
        }
    }
    kept
}

/// Where a range of the text before the changes is after them; one that a change touches grows to hold all of it.
pub fn forward(range: Range<usize>, edits: &[Edit]) -> Range<usize> {
    moved(range, &pairs(edits))
}

/// Where a range of the text after the changes was before them.
pub fn backward(range: Range<usize>, edits: &[Edit]) -> Range<usize> {
    let turned: Vec<_> = pairs(edits).into_iter().map(|(before, after)| (after, before)).collect();
    moved(range, &turned)
}

/// Each change's range before and after.
fn pairs(edits: &[Edit]) -> Vec<(Range<usize>, Range<usize>)> {
    let (mut added, mut removed) = (0, 0);
    edits
        .iter()
        .map(|edit| {
            let start = edit.range.start + added - removed;
            added += edit.replacement.len();
            removed += edit.range.len();
            (edit.range.clone(), start..start + edit.replacement.len())
        })
        .collect()
}

fn moved(range: Range<usize>, pairs: &[(Range<usize>, Range<usize>)]) -> Range<usize> {
    let shift = |offset: usize, before: Option<&(Range<usize>, Range<usize>)>| match before {
        Some((from, to)) => offset - from.end + to.end,
        None => offset,
    };
    let start = match pairs.iter().find(|(from, _)| from.start < range.start && range.start < from.end) {
        Some((_, to)) => to.start,
        None => shift(range.start, pairs.iter().rev().find(|(from, _)| from.end <= range.start)),
    };
    let end = match pairs.iter().find(|(from, _)| from.start < range.end && range.end < from.end) {
        Some((_, to)) => to.end,
        None => shift(range.end, pairs.iter().rev().find(|(from, _)| from.end <= range.end)),
    };
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Diagnostic, code};
    use crate::source::Span;

    fn edit(range: Range<usize>, replacement: &str) -> Edit {
        Edit { range, replacement: replacement.to_owned() }
    }

    fn found(fixes: &[(Span, &str)]) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        diagnostics.extend(fixes.iter().enumerate().map(|(index, (span, replacement))| {
            Diagnostic::new(&code::UNKNOWN_KEY, index.to_string()).at(*span, "").fix(*span, *replacement, "")
        }));
        diagnostics
    }

    #[test]
    fn changes_are_sorted_and_apart() {
        let sources = SourceMap::new();
        let id = sources.add("a.toml", "", Author::Config, "one two three".to_owned());
        let span = |start, end| Span::new(id, start, end);
        let diagnostics = found(&[(span(8, 13), "3"), (span(0, 3), "1"), (span(2, 6), "no"), (span(0, 3), "1")]);
        let edits = edits(&diagnostics, &sources);
        assert_eq!(edits, [(id, vec![edit(0..3, "1"), edit(8..13, "3")])]);
        assert_eq!(apply("one two three", &edits[0].1), "1 two 3");
    }

    #[test]
    fn data_and_secrets_are_left_alone() {
        let sources = SourceMap::new();
        let config = sources.add("a.toml", "", Author::Config, "key = 'hush'".to_owned());
        let data = sources.add("users.json", "", Author::Data, "{}".to_owned());
        sources.mark_secret(Span::new(config, 6, 12));
        let inside = found(&[(Span::new(config, 8, 8), "x"), (Span::new(data, 0, 2), "[]")]);
        assert_eq!(edits(&inside, &sources), []);
        let across = found(&[(Span::new(config, 4, 7), "x")]);
        assert_eq!(edits(&across, &sources), []);
        let beside = found(&[(Span::new(config, 0, 3), "x")]);
        assert_eq!(edits(&beside, &sources).len(), 1);
    }

    #[test]
    fn two_keys_never_become_one() {
        let text = "imgae = 1\niamge = 2\nprot = 3\n";
        let edits = vec![edit(0..5, "image"), edit(10..15, "image"), edit(20..24, "port")];
        let kept = readable(text, Syntax::Toml, edits);
        assert_eq!(apply(text, &kept), "image = 1\niamge = 2\nport = 3\n");
    }

    #[test]
    fn ranges_move_with_the_text() {
        let edits = [edit(2..4, "xyz"), edit(6..9, "")];
        // ab[cd]ef[ghi]jk -> ab[xyz]efjk
        for (before, after) in [(0..2, 0..2), (4..6, 5..7), (9..11, 7..9), (2..4, 2..5), (0..11, 0..9)] {
            assert_eq!(forward(before.clone(), &edits), after, "{before:?}");
        }
        assert_eq!(forward(3..5, &edits), 2..6);
        assert_eq!(backward(5..7, &edits), 4..9);
        assert_eq!(backward(0..2, &edits), 0..2);
        assert_eq!(backward(8..9, &edits), 10..11);
        assert_eq!(backward(3..5, &edits), 2..4);
    }
}
