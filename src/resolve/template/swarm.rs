//! The fields that Swarm's own templates have.
//!
//! Source: `template.Context` of SwarmKit. A template with functions, pipes or variables is left to the engine.

use crate::diag::{Diagnostic, closest, code};
use crate::source::Span;

/// The fields, as they are listed to users.
const FIELDS: [&str; 10] = [
    ".Service.ID",
    ".Service.Name",
    ".Service.Labels",
    ".Node.ID",
    ".Node.Hostname",
    ".Node.Platform.Architecture",
    ".Node.Platform.OS",
    ".Task.ID",
    ".Task.Name",
    ".Task.Slot",
];

/// What the engine refuses in a template of Swarm's, braces and all; `None` where it may take it.
pub(in crate::resolve) fn problem(template: &str, span: impl FnOnce() -> Span) -> Option<Diagnostic> {
    let path = plain_field(template)?;
    // A whole part, such as `.Node`, is printed.
    let is_part = |field: &str| field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if FIELDS.iter().any(|field| is_part(field)) {
        return None;
    }
    let diagnostic = Diagnostic::new(&code::BAD_SWARM_TEMPLATE, format!("Swarm's templates have no field `{path}`"))
        .at(span(), "the engine refuses the service");
    let near = closest(path, FIELDS);
    Some(if path.starts_with(".Service.Labels.") {
        diagnostic.help("write the label's value itself, which this config sets")
    } else if let Some(near) = near {
        diagnostic.help(format!("did you mean `{near}`?"))
    } else {
        let fields: Vec<String> = FIELDS.iter().map(|field| format!("`{field}`")).collect();
        diagnostic.help(format!("use one of {}", fields.join(", ")))
    })
}

/// The path of a template that is nothing but a field.
fn plain_field(template: &str) -> Option<&str> {
    let inside = template.strip_prefix("{{")?.strip_suffix("}}")?;
    let inside = inside.strip_prefix('-').unwrap_or(inside);
    let inside = inside.strip_suffix('-').unwrap_or(inside).trim_matches([' ', '\t']);
    let mut names = inside.strip_prefix('.')?.split('.');
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    names.all(is_name).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Author, SourceMap};

    fn notes(template: &str) -> Option<String> {
        let source = SourceMap::new().add("", "", Author::Config, String::new());
        Some(format!("{:?}", problem(template, || Span::new(source, 0, 0))?.notes))
    }

    #[test]
    fn what_the_engine_may_take_is_left_alone() {
        for template in [
            "{{.Node.Hostname}}",
            "{{- .Task.Slot -}}",
            "{{ .Node.Platform.OS }}",
            "{{.Node}}",
            "{{.}}",
            "{{.Service.Labels}}",
            "{{.Nonsense | printf \"%s\"}}",
            "{{.Node.Hostname \"x\"}}",
        ] {
            assert_eq!(notes(template), None, "{template}");
        }
    }

    #[test]
    fn unknown_fields_are_found() {
        for (template, expected) in [
            ("{{.Nonsense}}", "use one of `.Service.ID`"),
            ("{{ .node.hostname }}", "did you mean `.Node.Hostname`?"),
            ("{{.Node.Hostnam}}", "did you mean `.Node.Hostname`?"),
            ("{{.Node.Labels.rack}}", "`.Node.Hostname`"),
            ("{{.Service.Labels.a}}", "value itself"),
            ("{{.Task.Slot.x}}", "`.Task.Slot`"),
        ] {
            assert!(notes(template).is_some_and(|notes| notes.contains(expected)), "{template}: {:?}", notes(template));
        }
    }
}
