//! `swarmgen validate --fix` and `--diff`: what the findings' mends make of the files.
//!
//! All rounds happen in memory, so a file is written once, when nothing more can be mended.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use similar::TextDiff;
use zeroize::Zeroizing;

use crate::diag::Diagnostics;
use crate::diag::fix::{Edit, apply, backward, edits, forward, readable};
use crate::diag::render::visible;
use crate::source::{Author, Disk, ReadError, SourceMap, Syntax, World};

use super::super::error::Failure;
use super::super::output;

/// A mend may uncover the next; more rounds than this none needs.
pub(super) const ROUNDS: usize = 10;
/// The lines shown around a change.
const CONTEXT: usize = 3;

/// The disk, with the files as mended so far.
#[derive(Default)]
pub(super) struct Mended {
    files: BTreeMap<PathBuf, File>,
    /// Standard input can be read only once, and there are several rounds.
    stdin: Mutex<Option<Zeroizing<String>>>,
}

/// A file that is mended.
struct File {
    original: Zeroizing<String>,
    text: Zeroizing<String>,
    /// The changes of each round.
    rounds: Vec<Vec<Edit>>,
    /// What is secret in the text as it was after so many rounds.
    secrets: Vec<(usize, Range<usize>)>,
}

impl World for Mended {
    fn read(&self, path: &Path, limit: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        if let Some(file) = self.files.get(path) {
            return Ok(file.text.clone());
        }
        if path != Path::new("-") {
            return Disk.read(path, limit);
        }
        let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        match &*stdin {
            Some(text) => Ok(text.clone()),
            None => Ok(stdin.insert(Disk.read(path, limit)?).clone()),
        }
    }

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, ReadError> {
        Disk.variable(name)
    }

    fn output(&self, command: &[String], directory: &Path) -> Result<Zeroizing<String>, ReadError> {
        Disk.output(command, directory)
    }
}

impl Mended {
    /// Makes the changes that a round's findings carry; tells whether there were any.
    pub(super) fn mend(&mut self, configs: &[PathBuf], sources: &SourceMap, diagnostics: &Diagnostics) -> bool {
        self.learn_secrets(configs, sources);
        let mut mended: Vec<&Path> = Vec::new();
        for (id, edits) in edits(diagnostics, sources) {
            let source = sources.get(id);
            let Some(path) = path_of(configs, source.name()) else { continue };
            let Some(syntax) = Syntax::of_path(path) else { continue };
            // A config that is named twice is one file.
            if mended.contains(&path) {
                continue;
            }
            let edits = readable(source.text(), syntax, edits);
            let Some(file) = self.files.get_mut(path).filter(|_| !edits.is_empty()) else { continue };
            file.text = Zeroizing::new(apply(source.text(), &edits));
            file.rounds.push(edits);
            mended.push(path);
        }
        !mended.is_empty()
    }

    /// Remembers which places must not be shown: later rounds may know more of them than earlier ones.
    fn learn_secrets(&mut self, configs: &[PathBuf], sources: &SourceMap) {
        for source in sources.all().iter().filter(|source| source.author() == Author::Config) {
            let Some(path) = path_of(configs, source.name()) else { continue };
            let file = self.files.entry(path.to_owned()).or_insert_with(|| {
                let text = Zeroizing::new(source.text().to_owned());
                File { original: text.clone(), text, rounds: Vec::new(), secrets: Vec::new() }
            });
            let round = file.rounds.len();
            let own = source.secrets();
            file.secrets.extend(own.into_iter().map(|range| (round, range.start as usize..range.end as usize)));
        }
    }

    /// The files that changed, with how many changes each has.
    pub(super) fn changed(&self) -> impl Iterator<Item = (&Path, usize)> {
        let changed = self.files.iter().filter(|(_, file)| !file.rounds.is_empty());
        changed.map(|(path, file)| (path.as_path(), file.rounds.iter().map(Vec::len).sum()))
    }

    /// What changed, as a unified diff that shows no secret.
    pub(super) fn diff(&self) -> String {
        let mut text = String::new();
        for (path, file) in &self.files {
            let (before, after) = (file.masked_original(), file.masked());
            let name = path.display().to_string();
            let name = visible(&name);
            let diff = TextDiff::from_lines(&*before, &*after);
            text.push_str(&diff.unified_diff().context_radius(CONTEXT).header(&name, &name).to_string());
        }
        text
    }

    /// Writes a changed file, unless somebody else changed it meanwhile.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        const MARK: &str = "\u{feff}";
        let Some(file) = self.files.get(path) else { return Ok(()) };
        let cannot = || format!("cannot write `{}`", path.display());
        let now = Zeroizing::new(std::fs::read_to_string(path).with_context(cannot)?);
        // A byte order mark is no part of what was read.
        let (mark, text) = now.strip_prefix(MARK).map_or(("", now.as_str()), |text| (MARK, text));
        if text != file.original.as_str() {
            return Err(anyhow::anyhow!("`{}` changed meanwhile: nothing is written", path.display()).into());
        }
        let whole = Zeroizing::new(format!("{mark}{}", file.text.as_str()));
        output::replace_file(path, whole.as_bytes())
    }
}

impl File {
    fn masked_original(&self) -> Zeroizing<String> {
        let before = |(round, range): &(usize, Range<usize>)| {
            let made = self.rounds.get(..*round).unwrap_or_default();
            made.iter().rev().fold(range.clone(), |range, edits| backward(range, edits))
        };
        masked(&self.original, self.secrets.iter().map(before).collect())
    }

    fn masked(&self) -> Zeroizing<String> {
        let after = |(round, range): &(usize, Range<usize>)| {
            let rest = self.rounds.get(*round..).unwrap_or_default();
            rest.iter().fold(range.clone(), |range, edits| forward(range, edits))
        };
        masked(&self.text, self.secrets.iter().map(after).collect())
    }
}

/// The config of a text, by the name that the text has.
fn path_of<'a>(configs: &'a [PathBuf], name: &str) -> Option<&'a Path> {
    configs.iter().map(PathBuf::as_path).find(|path| path.display().to_string() == name)
}

/// A text without its secrets, line by line, so that every line keeps its number; and without what a terminal obeys.
fn masked(text: &str, secrets: Vec<Range<usize>>) -> Zeroizing<String> {
    let secrets = joined(secrets);
    let mut shown = Zeroizing::new(String::with_capacity(text.len() + 64));
    let (mut start, mut first) = (0, 0);
    for line in text.split_inclusive('\n') {
        let content = line.strip_suffix("\r\n").or_else(|| line.strip_suffix('\n')).unwrap_or(line);
        let end = start + content.len();
        let mut done = start;
        first += secrets.iter().skip(first).take_while(|secret| secret.end <= start).count();
        for secret in secrets.iter().skip(first).take_while(|secret| secret.start < end) {
            let hidden = secret.start.max(start)..secret.end.min(end);
            push_visible(&mut shown, text.get(done..hidden.start).unwrap_or_default());
            shown.push_str("«redacted»");
            done = hidden.end;
        }
        push_visible(&mut shown, text.get(done..end).unwrap_or_default());
        shown.push_str(line.get(content.len()..).unwrap_or_default());
        start += line.len();
    }
    shown
}

/// Ranges sorted, those that overlap as one.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    ranges.dedup_by(|next, own| {
        let overlaps = next.start < own.end;
        if overlaps {
            own.end = own.end.max(next.end);
        }
        overlaps
    });
    ranges
}

fn push_visible(shown: &mut String, text: &str) {
    for (index, part) in text.split('\t').enumerate() {
        if index > 0 {
            shown.push('\t');
        }
        shown.push_str(&visible(part));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_line_by_line() {
        let masked = |text, secrets: &[(usize, usize)]| {
            masked(text, secrets.iter().map(|(start, end)| *start..*end).collect()).to_string()
        };
        assert_eq!(masked("a = hush\r\nb\n", &[(4, 8)]), "a = «redacted»\r\nb\n");
        assert_eq!(masked("a = one\ntwo\nthree # c\n", &[(4, 17)]), "a = «redacted»\n«redacted»\n«redacted» # c\n");
        assert_eq!(masked("xhush hushy", &[(1, 5), (6, 10), (2, 4)]), "x«redacted» «redacted»y");
        assert_eq!(masked("ab", &[(0, 2), (1, 2)]), "«redacted»");
        assert_eq!(masked("a\u{1b}\tb", &[]), "a\\u{1b}\tb");
        assert_eq!(masked("one\ntwo\nthree\n", &[(0, 14), (4, 7)]), "«redacted»\n«redacted»\n«redacted»\n");
    }
}
