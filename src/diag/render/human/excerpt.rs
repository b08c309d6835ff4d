//! The few lines of a text that labels point at, made fit to be shown.

use std::ops::Range;

use super::REDACTED;
use crate::diag::render::is_unseen;
use crate::source::Source;

/// A line up to this many characters is shown whole.
const WHOLE: usize = 160;
/// Characters shown before and after a label on a longer line.
const AROUND: usize = 50;
/// Characters of a label's own text shown at each of its ends on a longer line.
const ENDS: usize = 40;
/// What stands for the characters left out.
const LEFT_OUT: &str = "...";

/// Lines of a text as they are shown, and where in them the labels are.
pub(super) struct Excerpt {
    /// The lines, joined by `\n`; those that no label is on or next to are empty.
    pub(super) text: String,
    /// The number of the first line.
    pub(super) first_line: usize,
    /// Byte ranges in `text`, one for each span asked for; each stays on the line that its span starts on.
    pub(super) spans: Vec<Range<usize>>,
}

impl Excerpt {
    /// Cuts the lines of some spans out of a text. What is marked secret is left out, and what `masked` tells of a
    /// line's byte range.
    pub(super) fn new(
        source: &Source,
        spans: &[Range<usize>],
        masked: &dyn Fn(Range<usize>) -> Vec<Range<usize>>,
    ) -> Self {
        let text = source.text();
        let starts = source.line_starts();
        let line_of =
            |offset: usize| starts.partition_point(|start| *start as usize <= offset.min(text.len())).saturating_sub(1);
        let lines: Vec<usize> = spans.iter().map(|span| line_of(span.start)).collect();
        let (first, last) = (lines.iter().min().copied().unwrap_or(0), lines.iter().max().copied().unwrap_or(0));
        let secrets: Vec<Range<usize>> =
            source.secrets().into_iter().map(|range| range.start as usize..range.end as usize).collect();

        let mut excerpt = Self { text: String::new(), first_line: first + 1, spans: vec![0..0; spans.len()] };
        for line in first..=last {
            if line > first {
                excerpt.text.push('\n');
            }
            // A single line between two labelled ones is shown, as the renderer would not fold it.
            let labelled = |line: usize| lines.contains(&line);
            let between = line > 0 && labelled(line - 1) && labelled(line + 1);
            if !labelled(line) && !between {
                continue;
            }
            let range = line_range(text, starts, line);
            let hidden = hidden_parts(&secrets, masked(range.clone()), &range);
            let here: Vec<(usize, Range<usize>)> = (0..spans.len())
                .filter(|index| lines.get(*index) == Some(&line))
                .filter_map(|index| Some((index, clip(text, spans.get(index)?, &range))))
                .collect();
            excerpt.push_line(text, &range, &hidden, &here);
        }
        excerpt
    }

    fn push_line(&mut self, text: &str, line: &Range<usize>, hidden: &[Range<usize>], spans: &[(usize, Range<usize>)]) {
        let base = self.text.len();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut at = line.start;
        for window in windows(text, line, spans) {
            if window.start > at {
                self.push_piece(&mut pieces, at..window.start, |shown| shown.push_str(LEFT_OUT));
            }
            at = window.end;
            let mut next = window.start;
            while next < window.end {
                let secret = hidden.iter().find(|range| range.start <= next && next < range.end);
                if let Some(secret) = secret {
                    let end = secret.end.min(window.end);
                    self.push_piece(&mut pieces, next..end, |shown| shown.push_str(REDACTED));
                    next = end;
                    continue;
                }
                let Some(c) = text.get(next..window.end).and_then(|rest| rest.chars().next()) else { break };
                self.push_piece(&mut pieces, next..next + c.len_utf8(), |shown| match c {
                    '\t' => shown.push(c),
                    _ if is_unseen(c) => shown.extend(c.escape_default()),
                    _ => shown.push(c),
                });
                next += c.len_utf8();
            }
        }
        if at < line.end {
            self.push_piece(&mut pieces, at..line.end, |shown| shown.push_str(LEFT_OUT));
        }
        let end = self.text.len();
        for (index, span) in spans {
            let from = pieces.iter().find(|piece| span.start < piece.original.end);
            let start = from.map_or(end, |piece| piece.shown.start).max(base);
            let to = pieces.iter().rev().find(|piece| piece.original.start < span.end);
            let stop = to.map_or(start, |piece| piece.shown.end);
            if let Some(slot) = self.spans.get_mut(*index) {
                *slot = if span.is_empty() { start..start } else { start..stop.max(start) };
            }
        }
    }

    fn push_piece(&mut self, pieces: &mut Vec<Piece>, original: Range<usize>, show: impl FnOnce(&mut String)) {
        let start = self.text.len();
        show(&mut self.text);
        pieces.push(Piece { original, shown: start..self.text.len() });
    }
}

/// A part of a line and how it is shown.
struct Piece {
    original: Range<usize>,
    shown: Range<usize>,
}

/// The byte range of a line without its line end.
pub(super) fn line_range(text: &str, starts: &[u32], line: usize) -> Range<usize> {
    let start = starts.get(line).map_or(text.len(), |start| *start as usize);
    let end = starts.get(line + 1).map_or(text.len(), |next| (*next as usize).saturating_sub(1));
    let content = text.get(start..end).unwrap_or_default();
    start..start + content.strip_suffix('\r').unwrap_or(content).len()
}

/// The parts of a line that may not be shown, sorted and without overlaps.
fn hidden_parts(secrets: &[Range<usize>], masked: Vec<Range<usize>>, line: &Range<usize>) -> Vec<Range<usize>> {
    let from = secrets.partition_point(|range| range.end <= line.start);
    let of_line = secrets.iter().skip(from).take_while(|range| range.start < line.end).cloned();
    let mut all: Vec<Range<usize>> = of_line.chain(masked).filter(|range| !range.is_empty()).collect();
    all.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(all.len());
    for range in all {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// A span's part on the line that it starts on, on character boundaries.
fn clip(text: &str, span: &Range<usize>, line: &Range<usize>) -> Range<usize> {
    let floor = |offset: usize| (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let start = floor(span.start.clamp(line.start, line.end));
    start..floor(span.end.clamp(start, line.end)).max(start)
}

/// The parts of a line that are shown: all of it, or what is around the ends of the labels, sorted and apart.
fn windows(text: &str, line: &Range<usize>, spans: &[(usize, Range<usize>)]) -> Vec<Range<usize>> {
    let content = text.get(line.clone()).unwrap_or_default();
    if content.chars().nth(WHOLE).is_none() || spans.is_empty() {
        let end = content.char_indices().nth(WHOLE).map_or(line.end, |(cut, _)| line.start + cut);
        return vec![Range { end, ..line.clone() }];
    }
    let back = |from: usize, count: usize| {
        let before = text.get(line.start..from).unwrap_or_default();
        before.char_indices().rev().take(count).last().map_or(from, |(at, _)| line.start + at)
    };
    let forth = |from: usize, count: usize| {
        let after = text.get(from..line.end).unwrap_or_default();
        after.char_indices().nth(count).map_or(line.end, |(at, _)| from + at)
    };
    let mut all: Vec<Range<usize>> = Vec::new();
    for (_, span) in spans {
        all.push(back(span.start, AROUND)..forth(span.start, ENDS.max(1)).min(forth(span.end, AROUND)));
        all.push(back(span.end, ENDS).max(back(span.start, AROUND))..forth(span.end, AROUND));
    }
    all.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(all.len());
    for range in all {
        match merged.last_mut() {
            Some(last) if range.start <= last.end + LEFT_OUT.len() => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}
