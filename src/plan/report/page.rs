//! The report's HTML, by templates/report.html.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};
use serde_json::Value;

use super::Report;
use crate::diag::render::visible;

const TEMPLATE: &str = include_str!("../../../templates/report.html");

/// Renders a report as one page that needs nothing beside it.
///
/// # Errors
///
/// None that the input can bring about: the template's own.
pub fn render(report: &Report) -> Result<String, Error> {
    let mut context = serde_json::to_value(report).unwrap_or_default();
    show(&mut context);
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    environment.template_from_named_str("report.html", TEMPLATE)?.render(minijinja::Value::from(Serde(&context)))
}

/// Makes visible what a browser would obey instead of showing: a name must not turn the text around it. Line ends stay.
fn show(value: &mut Value) {
    match value {
        Value::String(text) => {
            let lines: Vec<String> = text.lines().map(|line| visible(line).into_owned()).collect();
            *text = lines.join("\n");
        }
        Value::Array(items) => items.iter_mut().for_each(show),
        Value::Object(fields) => fields.iter_mut().for_each(|(_, field)| show(field)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
