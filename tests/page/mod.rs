//! Reads the page that `report` writes, as far as tests look at it.

/// The text of each cell of a row, by its first one.
pub(crate) fn row(page: &str, first: &str) -> Vec<String> {
    let start =
        page.find(&format!("<tr><th scope=\"row\">{first}")).unwrap_or_else(|| panic!("no row {first}: {page}"));
    let cells = page[start..].split("</tr>").next().unwrap().split("<t").skip(2);
    let text = |cell: &str| {
        let parts = cell.split_once('>').unwrap().1.split('<');
        parts.enumerate().map(|(at, part)| if at == 0 { part } else { part.split_once('>').unwrap().1 }).collect()
    };
    cells.map(text).collect()
}

/// A text as it stands on the page.
pub(crate) fn escaped(text: &str) -> String {
    let marks = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("/", "&#x2f;")];
    marks.iter().fold(text.to_owned(), |text, (mark, shown)| text.replace(mark, shown))
}
