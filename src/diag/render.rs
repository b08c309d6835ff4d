//! Diagnostics as text.

pub mod human;
pub mod short;

use std::borrow::Cow;

/// Makes every character visible that a terminal obeys instead of showing, so that input cannot forge output: control
/// characters, line ends, bidirectional overrides and what takes no room.
///
/// Each becomes its Rust escape (`\u{1b}`, `\n`). Joiners stay: scripts and emoji need them.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_unseen(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Tells whether a character acts on the terminal or the layout and shows nothing itself.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_becomes_visible() {
        for (text, expected) in [
            ("plain ä 日本 e\u{301} 👩\u{200d}💻", "plain ä 日本 e\u{301} 👩\u{200d}💻"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\r\nb\tc\0\u{7f}", "a\\r\\nb\\tc\\u{0}\\u{7f}"),
            ("\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}"),
            ("\u{feff}\u{200b}\u{e0041}", "\\u{feff}\\u{200b}\\u{e0041}"),
        ] {
            assert_eq!(visible(text), expected, "{text:?}");
        }
    }
}
