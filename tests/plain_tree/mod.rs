//! A tree without its places, for the tests that write it in another syntax.

use serde_json::Value;
use swarmgen::source::{Node, Value as Tree};

/// The values of a tree.
pub(crate) fn plain(node: &Node) -> Value {
    match &node.value {
        Tree::Null => Value::Null,
        Tree::Bool(truth) => (*truth).into(),
        Tree::Int(number) => (*number).into(),
        Tree::Float(number) => (*number).into(),
        Tree::Str(text) => (&**text).into(),
        Tree::Seq(items) => items.iter().map(plain).collect(),
        Tree::Map(map) => map.iter().map(|entry| (entry.key.to_string(), plain(&entry.value))).collect(),
    }
}
