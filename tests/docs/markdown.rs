//! As much of Markdown as the documentation uses: fences, tables, generated sections.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Fence {
    /// The first word after the fence.
    pub(crate) language: String,
    /// The second word: the file that the block shows.
    pub(crate) file: Option<String>,
    /// The text, without the fence's indentation.
    pub(crate) body: String,
    /// The line of the opening fence, from 1.
    pub(crate) line: usize,
    /// Where the text stands in the document, in bytes.
    pub(crate) range: Range<usize>,
}

/// All fenced blocks of a document.
pub(crate) fn fences(document: &str) -> Vec<Fence> {
    let mut fences: Vec<Fence> = Vec::new();
    let mut open: Option<(usize, Fence)> = None;
    let mut at = 0;
    for (index, line) in document.split_inclusive('\n').enumerate() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let fence = line.trim().strip_prefix("```");
        let end = at + line.len();
        match (&mut open, fence) {
            (None, Some(info)) => {
                let mut words = info.split_whitespace().map(str::to_owned);
                let (language, file) = (words.next().unwrap_or_default(), words.next());
                open = Some((indent, Fence { language, file, body: String::new(), line: index + 1, range: end..end }));
            }
            (Some(_), Some("")) => {
                let (_, mut done) = open.take().unwrap();
                done.range.end = at;
                fences.push(done);
            }
            (Some((indent, fence)), _) => fence.body.push_str(line.get(*indent..).unwrap_or("\n")),
            (None, None) => {}
        }
        at = end;
    }
    assert!(open.is_none(), "a fence is not closed: {open:?}");
    fences
}

/// The cells of a table's row.
pub(crate) fn cells(row: &str) -> Vec<String> {
    let row = row.trim().strip_prefix('|').unwrap().strip_suffix('|').unwrap();
    let mut cells = vec![String::new()];
    let mut characters = row.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' if characters.peek() == Some(&'|') => cells.last_mut().unwrap().push(characters.next().unwrap()),
            '|' => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

/// Writes a table.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&header.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    text.push_str(&format!("{}|\n", "|---".repeat(header.len())));
    for row in rows {
        assert_eq!(row.len(), header.len(), "{row:?}");
        text.push_str(&line(&row.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>()));
    }
    text
}

/// Shows text as code.
pub(crate) fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let ticks = "`".repeat(longest + 1);
    if longest == 0 { format!("`{text}`") } else { format!("{ticks} {text} {ticks}") }
}

/// The text of a cell that is nothing but code.
pub(crate) fn uncode(cell: &str) -> &str {
    let ticks = cell.len() - cell.trim_start_matches('`').len();
    let inner = cell.get(ticks..cell.len() - ticks).unwrap_or_else(|| panic!("no code: {cell}"));
    assert!(ticks > 0, "no code: {cell}");
    if ticks == 1 { inner } else { inner.trim() }
}

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document, with its path from the project's folder.
pub(crate) fn documents() -> Vec<PathBuf> {
    let mut documents = vec![PathBuf::from("README.md"), PathBuf::from("CONTRIBUTING.md")];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents.sort();
    documents
}

/// Tells whether documents are to be brought up to date.
pub(crate) fn updating() -> bool {
    std::env::var_os("SWARMGEN_UPDATE").is_some()
}

/// Lets one test at a time change documents.
pub(crate) fn lock() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Compares a generated section with what it should say, or writes that.
///
/// `make` is given the section as it is.
pub(crate) fn section(document: &str, name: &str, make: impl FnOnce(&str) -> String) {
    let path = root().join(document);
    let (start, end) = (format!("<!-- generated: {name} -->\n"), "<!-- end -->\n");
    let place = |text: &str| {
        let from = text.find(&start).unwrap_or_else(|| panic!("{document} has no section `{name}`")) + start.len();
        from..from + text[from..].find(end).unwrap_or_else(|| panic!("{document}: `{name}` has no end"))
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let made = make(&text[place(&text)]);
    if updating() {
        let _lock = lock();
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.replace_range(place(&text), &made);
        std::fs::write(&path, text).unwrap();
        return;
    }
    let old = &text[place(&text)];
    let line = old.lines().zip(made.lines()).position(|(old, new)| old != new);
    assert!(
        old == made,
        "{document}: section `{name}` is out of date at its line {}; run `SWARMGEN_UPDATE=1 cargo test --test docs` \
         and look at what changed",
        line.unwrap_or_else(|| old.lines().count().min(made.lines().count())) + 1
    );
}

/// Checks a table whose first column is given and whose others follow from it.
pub(crate) fn computed(document: &str, name: &str, row: impl Fn(&str, &[&str]) -> Vec<String>) {
    section(document, name, |old| {
        let mut lines = old.lines().filter(|line| line.starts_with('|'));
        let header = cells(lines.next().unwrap());
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let given: Vec<String> = lines.skip(1).map(|line| cells(line).swap_remove(0)).collect();
        assert!(!given.is_empty(), "{document}: `{name}` has no rows");
        table(
            &header,
            given.into_iter().map(|first| {
                let others = row(uncode(&first), &header[1..]);
                std::iter::once(first).chain(others).collect()
            }),
        )
    });
}
