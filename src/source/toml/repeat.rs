//! Where a repeated key was first set, which the parser's errors do not tell.
//!
//! The text is parsed once more with every repetition renamed. The renamed key then stands in the table where it
//! belongs, beside the first one.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::source::assembly::MAX_FAULTS;

/// What is found of a repeated key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum First {
    /// Where it was first set.
    At(Range<usize>),
    /// Nothing.
    Unknown,
    /// That it is only repeated because a table around it is.
    WithinAnother,
}

/// The key that a range of the text spells.
pub(super) fn decode(text: &str, range: Range<usize>) -> String {
    let raw = text.get(range).unwrap_or("");
    let line = format!("{raw} = 0");
    let decoded = DeTable::parse(&line).ok().and_then(|table| {
        let table = table.into_inner();
        table.keys().next().map(|key| key.get_ref().to_string())
    });
    decoded.unwrap_or_else(|| raw.to_owned())
}

/// Finds for each repeated key where it was first set.
pub(super) fn firsts(text: &str, repeats: &[Range<usize>]) -> Vec<First> {
    let mut found = vec![First::Unknown; repeats.len()];
    if repeats.is_empty() {
        return found;
    }
    let mut order: Vec<usize> = (0..repeats.len().min(MAX_FAULTS)).collect();
    let place = |index: usize| repeats.get(index).cloned().unwrap_or(0..0);
    order.sort_by_key(|index| place(*index).start);
    let mut renamed = Renamed { text: String::with_capacity(text.len()), shifts: Vec::new(), keys: HashMap::new() };
    let mut done = 0;
    for index in order {
        let range = place(index);
        if range.start < done {
            continue;
        }
        renamed.text.push_str(text.get(done..range.start).unwrap_or(""));
        renamed.text.push_str(&format!("\"\\u0000{index}\""));
        renamed.shifts.push((renamed.text.len(), range.end));
        renamed.keys.insert(format!("\0{index}"), (index, decode(text, range.clone())));
        done = range.end;
    }
    renamed.text.push_str(text.get(done..).unwrap_or(""));
    let (tree, _) = DeTable::parse_recoverable(&renamed.text);
    renamed.table(tree.get_ref(), false, &mut found);
    found
}

struct Renamed {
    text: String,
    /// Offsets in the renamed text from which on another distance to the original's holds, with the original's.
    shifts: Vec<(usize, usize)>,
    /// The repetition and the key that a new name stands for.
    keys: HashMap<String, (usize, String)>,
}

impl Renamed {
    fn table(&self, table: &DeTable<'_>, within: bool, found: &mut [First]) {
        for (key, value) in table {
            let renamed = self.keys.get(key.get_ref().as_ref());
            if let Some((index, original)) = renamed
                && let Some(slot) = found.get_mut(*index)
            {
                *slot = match table.get_key_value(original.as_str()) {
                    Some((first, _)) => First::At(self.original(first.span())),
                    None if within => First::WithinAnother,
                    None => First::Unknown,
                };
            }
            self.value(value, within || renamed.is_some(), found);
        }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, within: bool, found: &mut [First]) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, within, found),
            DeValue::Array(items) => items.iter().for_each(|item| self.value(item, within, found)),
            _ => {}
        }
    }

    fn original(&self, range: Range<usize>) -> Range<usize> {
        let back = |offset: usize| {
            let before = self.shifts.partition_point(|(renamed, _)| *renamed <= offset);
            let (renamed, original) =
                before.checked_sub(1).and_then(|index| self.shifts.get(index)).copied().unwrap_or((0, 0));
            original + (offset - renamed)
        };
        back(range.start)..back(range.end)
    }
}
