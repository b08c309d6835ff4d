//! placeholder
use super::{Fault, Node, SourceId};
/// Reads.
pub fn parse(id: SourceId, text: &str) -> Result<Node, Vec<Fault>> {
    let _ = (id, text);
    Err(vec![])
}
