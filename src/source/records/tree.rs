//! Records in a JSON, YAML or TOML tree.

use super::packed::Packed;
use super::{Form, Keys, Misfits, NAME, Record, USERNAME, renamed};
use crate::source::{Entry, Fault, FaultKind, Map, Node, Span, Value};

/// Takes the records out of a document's tree.
pub(super) fn read(root: Node, keys: &mut Keys, misfits: &mut Misfits) -> Result<Form, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut records = Packed::default();
    let mut unpackable = Vec::new();
    let mut take = |record: Option<Record>| {
        let Some(record) = record else { return };
        if let Err(error) = records.push(&record, keys) {
            let message = format!("the record cannot be kept: {error}");
            unpackable.push(Fault::new(FaultKind::TooMany, record.span, message));
        }
    };
    match root.value {
        Value::Seq(items) => items.into_iter().for_each(|item| take(record(item, None, &mut faults, misfits))),
        Value::Map(mut map) => {
            let only = map.entries.len() == 1;
            let entries = match map.entries.pop() {
                Some(Entry { value: Node { value: Value::Seq(items), .. }, .. }) if only => {
                    items.into_iter().for_each(|item| take(record(item, None, &mut faults, misfits)));
                    Vec::new()
                }
                Some(Entry { key, value: Node { value: Value::Map(map), .. }, .. })
                    if only && is_config(&key, &map) =>
                {
                    map.entries
                }
                last => {
                    map.entries.extend(last);
                    let is_users = |entry: &&Entry| match &entry.value.value {
                        Value::Map(map) => !map.is_empty() && is_config(&entry.key, map),
                        _ => false,
                    };
                    if let Some(users) = map.iter().find(is_users) {
                        let help = "take what is below `users` for the file, or name it with `-c` as a config";
                        misfits.add(users.key_span, "a users file has nothing beside its users", help);
                    }
                    map.entries
                }
            };
            for Entry { key, key_span, value } in entries {
                let name = Entry { key: NAME.into(), key_span, value: Node::string(key_span, key) };
                take(record(value, Some(name), &mut faults, misfits));
            }
        }
        _ => {
            let message = format!("{} where a list of users is needed", root.type_name());
            faults.push(Fault::new(FaultKind::Syntax, root.span, message).help("write a list of tables or of names"));
        }
    }
    faults.append(&mut unpackable);
    records.shrink();
    if faults.is_empty() { Ok(Form::Packed(records)) } else { Err(faults) }
}

/// Tells whether a table is written as in a config, where users stand under `users`, and is not the one user `users`.
fn is_config(key: &str, map: &Map) -> bool {
    key == "users" && map.iter().all(|entry| matches!(entry.value.value, Value::Map(_) | Value::Null))
}

/// Makes a record of a table, or of a name alone; `name` is what the table is set under.
///
/// One that says no user is among the `misfits`; it keeps its fields, since what is secret in them is found by their keys.
pub(super) fn record(
    node: Node,
    name: Option<Entry>,
    faults: &mut Vec<Fault>,
    misfits: &mut Misfits,
) -> Option<Record> {
    let keyed = name.is_some();
    let mut fields: Vec<Entry> = name.into_iter().collect();
    match node.value {
        Value::Map(map) => {
            for mut entry in map.entries {
                if !matches!(&*entry.key, NAME | USERNAME) {
                    fields.push(entry);
                } else if let Some(first) = fields.iter().find(|own| &*own.key == NAME) {
                    let fault = renamed(&entry.key, entry.key_span, first.key_span);
                    faults.push(if keyed {
                        fault.help("the record is set under its name: remove this")
                    } else {
                        fault
                    });
                } else {
                    if &*entry.key == USERNAME {
                        entry.key = NAME.into();
                    }
                    fields.push(entry);
                }
            }
        }
        Value::Str(text) if !keyed => {
            let key_span = node.span;
            fields.push(Entry { key: NAME.into(), key_span, value: Node::string(node.span, text) });
        }
        // `alice:` in YAML.
        Value::Null if keyed => {}
        _ => {
            let message = format!("{} where a user's record is needed", node.type_name());
            let help = match node.value {
                _ if keyed => "write a table",
                Value::Int(_) | Value::Float(_) | Value::Bool(_) => "put the name in quotes",
                _ => "write a table or a name",
            };
            misfits.add(node.span, message, help);
            if keyed || matches!(node.value, Value::Seq(_)) {
                misfits.hidden.push(node.span);
            }
            return None;
        }
    }
    let named = fields.iter().find(|field| &*field.key == NAME).is_some_and(|field| match &field.value.value {
        Value::Null => false,
        Value::Str(text) => !text.trim().is_empty(),
        _ => true,
    });
    let span = enclosing(node.span, &fields);
    if !named {
        misfits.nameless(span);
        fields.retain(|field| &*field.key != NAME);
    }
    Some(Record { span, fields })
}

/// A record's span: TOML gives tables with a header only that.
fn enclosing(own: Span, fields: &[Entry]) -> Span {
    let within = |span: &Span| span.start >= own.start;
    let ends = fields.iter().map(|field| field.value.span).filter(within).map(|span| span.end);
    Span { end: ends.chain([own.end]).max().unwrap_or(own.end), ..own }
}
