//! Places in the config's merged tree.

use crate::source::{Node, SourceMap, Span, Value};

/// One step of the way to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A table's key.
    Key(String),
    /// A list's entry by its number, from 0.
    Index(usize),
    /// A list's entry by what one of its keys says.
    Entry {
        /// The key.
        key: &'static str,
        /// What it says.
        value: String,
    },
}

/// Where the config may say something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The way from the root of the merged tree.
    pub steps: Vec<Step>,
    /// How many steps must be found: what lies deeper may be told by the nearest one above.
    pub needed: usize,
}

impl Place {
    /// The node, and how many steps led to it; `None` if the tree has no such place.
    fn find<'n>(&self, root: &'n Node) -> Option<(&'n Node, usize)> {
        let mut node = root;
        for (taken, step) in self.steps.iter().enumerate() {
            let next = match step {
                Step::Key(key) => node.get(key),
                Step::Index(index) => node.as_seq().and_then(|items| items.get(*index)),
                Step::Entry { key, value } => {
                    let has = |item: &&Node| item.get(key).and_then(Node::as_str) == Some(value.as_str());
                    node.as_seq().and_then(|items| items.iter().find(has))
                }
            };
            match next {
                Some(next) => node = next,
                None => return (taken >= self.needed).then_some((node, taken)),
            }
        }
        Some((node, self.steps.len()))
    }
}

/// Writes the best of several places as people and editors read them; `None` if there is none.
pub type Locate<'a> = dyn Fn(&[Place]) -> Option<String> + 'a;

/// Finds the node that says something: that of the place that is found best, the first one of several.
pub fn locate<'n>(root: &'n Node, places: &[Place]) -> Option<&'n Node> {
    let mut best: Option<(&Node, usize)> = None;
    for place in places {
        let Some((node, depth)) = place.find(root) else { continue };
        if best.is_none_or(|(_, known)| depth > known) {
            best = Some((node, depth));
        }
    }
    best.map(|(node, _)| node).filter(|node| node.value != Value::Null)
}

/// A function that writes places of a merged tree as `file:line:column`.
pub fn locator<'a>(root: &'a Node, sources: &'a SourceMap) -> impl Fn(&[Place]) -> Option<String> + 'a {
    move |places| Some(place(locate(root, places)?.span, sources))
}

/// Writes where a text begins, as `file:line:column`.
pub fn place(span: Span, sources: &SourceMap) -> String {
    let source = sources.get(span.source);
    let at = source.position(span.start);
    format!("{}:{}:{}", source.name(), at.line, at.column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Map;

    fn key(text: &str) -> Step {
        Step::Key(text.to_owned())
    }

    fn to(steps: Vec<Step>, needed: usize) -> Place {
        Place { steps, needed }
    }

    /// `{ list: [{ name: "a", x: "here" }] }`
    fn tree() -> Node {
        let mut map = Map::new();
        let source = SourceMap::new().add("", "", crate::source::Author::Config, String::new());
        let span = Span::new(source, 0, 0);
        let entry = |key: &str, value| crate::source::Entry { key: key.into(), key_span: span, value };
        map.insert(entry("name", Node::string(span, "a")));
        map.insert(entry("x", Node::string(span, "here")));
        let list = Node::new(span, Value::Seq(vec![Node::new(span, Value::Map(map))]));
        let mut root = Map::new();
        root.insert(entry("list", list));
        Node::new(span, Value::Map(root))
    }

    #[test]
    fn the_deepest_of_several_places_is_taken() {
        let (root, entry) = (tree(), Step::Entry { key: "name", value: "a".to_owned() });
        let deep = to(vec![key("list"), entry.clone(), key("x")], 2);
        let other = to(vec![key("list"), Step::Index(0), key("y")], 2);
        assert_eq!(locate(&root, &[other.clone(), deep]).and_then(Node::as_str), Some("here"));
        assert!(locate(&root, &[other]).is_some_and(|node| node.get("x").is_some()), "the entry stands for its key");
    }

    #[test]
    fn what_is_not_there_has_no_place() {
        let missing = Step::Entry { key: "name", value: "b".to_owned() };
        assert!(locate(&tree(), &[to(vec![key("list"), missing, key("x")], 2)]).is_none());
        assert!(locate(&tree(), &[to(vec![key("env"), key("A")], 2)]).is_none());
        assert!(locate(&tree(), &[]).is_none());
    }
}
