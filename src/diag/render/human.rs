//! Diagnostics for people: rustc's look, with the lines that the labels point at.
//!
//! Nothing that is shown can steer a terminal, and no secret is shown: places known to hold one read `«redacted»`.

mod excerpt;
mod mask;

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use self::excerpt::Excerpt;
use super::{fix_text, subjects_text, visible};
use crate::diag::{Diagnostic, Label, Note, Severity, code};
use crate::source::{Author, Source, SourceId, SourceMap};

/// What is shown in place of a secret.
const REDACTED: &str = "«redacted»";
/// Labels of one text that are farther apart than this many lines get excerpts of their own.
const APART: usize = 100;
/// The terminal width to render for. Long lines are cut before, so that they never reach the renderer's own cutting.
const WIDTH: usize = 1000;
/// Starts what stands for a place in the renderer's output. [`visible`] lets no control character through, so input
/// cannot hold it.
const PLACE: char = '\u{9f}';

/// Renders a diagnostic in several lines, without a final line end.
pub fn render(diagnostic: &Diagnostic, sources: &SourceMap, colour: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let message = visible(&diagnostic.message);
    let mut group = Group::with_title(level.primary_title(&*message).id(diagnostic.code.id));

    let blocks = blocks(diagnostic, sources);
    for (index, block) in blocks.iter().enumerate() {
        group = group.element(block.snippet(index));
    }
    for note in &diagnostic.notes {
        group = group.element(match note {
            Note::Help(text) => Level::HELP.message(visible(text)),
            Note::Note(text) => Level::NOTE.message(visible(text)),
        });
    }
    if let Some(text) = fix_text(diagnostic, sources) {
        group = group.element(Level::HELP.message(text));
    }
    if let Some(text) = subjects_text(&diagnostic.subjects) {
        group = group.element(Level::NOTE.message(text));
    }

    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    with_places(&renderer.term_width(WIDTH).render(&[group]), &blocks)
}

/// Labels of one text that stand close together, and the lines that they point at.
struct Block {
    /// `file:line:column` of the first label.
    place: String,
    excerpt: Excerpt,
    labels: Vec<(bool, String)>,
}

impl Block {
    fn snippet(&self, index: usize) -> Snippet<'_, Annotation<'_>> {
        let annotations = self.labels.iter().zip(&self.excerpt.spans).map(|((primary, text), span)| {
            let kind = if *primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            kind.span(span.clone()).label((!text.is_empty()).then_some(text.as_str()))
        });
        Snippet::source(&*self.excerpt.text)
            .line_start(self.excerpt.first_line)
            .path(format!("{PLACE}{index}"))
            .annotations(annotations.collect::<Vec<_>>())
    }
}

fn blocks(diagnostic: &Diagnostic, sources: &SourceMap) -> Vec<Block> {
    let mut clusters: Vec<(SourceId, Vec<(usize, &Label)>)> = Vec::new();
    let line_of = |label: &Label| sources.position(label.span).line as usize;
    for label in diagnostic.labels.iter().enumerate() {
        let near = clusters.iter_mut().find(|(source, members)| {
            *source == label.1.span.source
                && members.iter().any(|(_, member)| line_of(member).abs_diff(line_of(label.1)) <= APART)
        });
        match near {
            Some((_, members)) => members.push(label),
            None => clusters.push((label.1.span.source, vec![label])),
        }
    }
    let before_secrets_are_known = is_syntax_stage(diagnostic);
    let block = |(id, members): (SourceId, Vec<(usize, &Label)>)| {
        let source = sources.get(id);
        let at = members.first().map(|(_, label)| source.position(label.span.start));
        let place = at.map_or_else(String::new, |at| format!("{}:{}:{}", visible(source.name()), at.line, at.column));
        let labels = members.iter().map(|(index, label)| (*index == 0, visible(&label.text).into_owned())).collect();
        let spans: Vec<_> = members.iter().map(|(_, label)| label.span.range()).collect();
        let broken = if diagnostic.code == &code::SYNTAX { spans.as_slice() } else { &[] };
        Block { place, labels, excerpt: excerpt_of(&source, &spans, before_secrets_are_known, broken) }
    };
    clusters.into_iter().map(block).collect()
}

fn excerpt_of(
    source: &Source,
    spans: &[Range<usize>],
    before_secrets_are_known: bool,
    broken: &[Range<usize>],
) -> Excerpt {
    match (before_secrets_are_known, source.author()) {
        (false, _) => Excerpt::new(source, spans, &|_| Vec::new()),
        (true, Author::Config) => Excerpt::new(source, spans, &|line| {
            let after = broken.iter().filter_map(|place| mask::value_of_broken_key(source, &line, place));
            let after: Vec<_> = after.collect();
            mask::secrets_by_look(source, line).into_iter().chain(after).collect()
        }),
        // Rows of a users file have no keys in sight that would tell what is secret.
        (true, Author::Data) => Excerpt::new(source, spans, &|line| vec![line]),
    }
}

/// Tells whether a finding may come before the text's values, and so its secrets, are known.
fn is_syntax_stage(diagnostic: &Diagnostic) -> bool {
    diagnostic.code.id < code::NO_CONFIG.id
}

/// Puts the places where the renderer was given stand-ins: it would count columns in the excerpt.
fn with_places(rendered: &str, blocks: &[Block]) -> String {
    let mut pieces = rendered.split(PLACE);
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        // `{index}:{line}:{column}`, then the rest of the output.
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
        let index = piece.split(':').next().and_then(|digits| digits.parse::<usize>().ok());
        if let Some(block) = index.and_then(|index| blocks.get(index)) {
            text += &block.place;
        }
        text += rest;
    }
    text
}

#[cfg(test)]
mod tests;
