//! Every code's page: its form, and that its example shows the code and its mend does not.

use std::collections::BTreeSet;

use swarmgen::diag::{Code, code};

use super::markdown::{fences, lock, root, updating};

/// The sections of a page, in their order.
const SECTIONS: &[&str] = &["Why it matters", "Example", "How to mend it", "How to allow it"];

/// The text of a section with its heading; it ends where the next begins.
fn section<'t>(page: &'t str, heading: &str) -> &'t str {
    let start = page.find(&format!("\n## {heading}\n")).unwrap();
    let end = page[start + 1..].find("\n## ").map_or(page.len(), |at| start + 1 + at);
    &page[start..end]
}

/// What the blocks of a terminal in a section show.
fn consoles(section: &str) -> String {
    fences(section).iter().filter(|fence| fence.language == "console").map(|fence| fence.body.as_str()).collect()
}

/// What is wrong with a code's page.
fn problem(code: &Code) -> Result<(), String> {
    let id = code.id;
    let path = root().join(format!("docs/codes/{id}.md"));
    let page = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let head = format!("# {id} {}\n\n{}\n", code.name, code.summary);
    let fits = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{id}: {what}")) };
    fits(page.starts_with(&head), &format!("the page does not start with\n{head}"))?;
    let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    fits(headings == SECTIONS, &format!("the sections are {headings:?}, not {SECTIONS:?}"))?;
    let (example, mend) = (section(&page, "Example"), section(&page, "How to mend it"));
    let shown = format!("[{id}]");
    fits(consoles(example).contains(&shown), "the example does not show the code")?;
    fits(!mend.contains(&shown), "the mended example shows the code")?;
    fits(consoles(mend).contains("swarmgen "), "nothing shows that the mend works")?;
    let allow = section(&page, "How to allow it");
    let right = format!("\n## How to allow it\n\n{}", code.allowance());
    if updating() && allow != right {
        let _lock = lock();
        let page = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, page.replace(section(&page, "How to allow it"), &right)).unwrap();
        return Ok(());
    }
    fits(allow == right, &format!("its last section is not\n{right}"))
}

#[test]
fn every_code_has_a_page() {
    let problems: Vec<String> = code::ALL.iter().filter_map(|code| problem(code).err()).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let pages = std::fs::read_dir(root().join("docs/codes")).unwrap();
    let pages: BTreeSet<String> = pages.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let codes: BTreeSet<String> = code::ALL.iter().map(|code| format!("{}.md", code.id)).collect();
    assert_eq!(pages, codes);
}
