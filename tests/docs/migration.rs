//! That docs/migration.md names keys that exist.

use serde_json::Value;

use super::markdown::{cells, root};

/// What a key holds, through references, lists and alternatives.
fn inside<'s>(schema: &'s Value, at: &'s Value, key: &str) -> Option<&'s Value> {
    if let Some(name) = at["$ref"].as_str() {
        return inside(schema, schema.pointer(name.strip_prefix('#')?)?, key);
    }
    let found = at["properties"].get(key);
    let below = at["anyOf"].as_array().into_iter().flatten().chain(at.get("items"));
    found.or_else(|| below.into_iter().find_map(|branch| inside(schema, branch, key)))
}

/// The text of each code span.
fn spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn settings_become_keys_that_exist() {
    let schema = std::fs::read_to_string(root().join("schema/config.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let exists = |path: &str| path.split('.').try_fold(&schema, |at, key| inside(&schema, at, key)).is_some();
    assert!(exists("container_spec.mounts.driver_config.name") && !exists("container_spec.mounts.bogus"));
    let document = std::fs::read_to_string(root().join("docs/migration.md")).unwrap();
    let (mut tables, mut keys) = (0, 0);
    let mut lines = document.lines();
    while lines.any(|line| line == "| trait | becomes | what changes |") {
        tables += 1;
        for row in lines.by_ref().skip(1).take_while(|line| line.starts_with('|')) {
            let [of, becomes, changes] = &cells(row)[..] else { panic!("{row}") };
            assert!(!of.is_empty(), "{row}");
            assert!(!becomes.is_empty() || !changes.is_empty(), "{row}");
            for path in spans(becomes) {
                assert!(exists(path), "docs/migration.md: no key `{path}`");
                keys += 1;
            }
        }
    }
    assert!(tables == 3 && keys > 60, "{tables} tables, {keys} keys");
}
