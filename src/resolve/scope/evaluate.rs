//! Expressions, over what their names stand for.

use std::collections::HashMap;

use indexmap::IndexMap;
use minijinja::Value as JinjaValue;
use zeroize::Zeroizing;

use crate::diag::{Diagnostic, code};
use crate::ir::Text;
use crate::source::{Node, Span, Value};

use super::super::secret;
use super::{BUILTINS, Failure, Found, Scope};

impl Scope<'_> {
    /// The text of an expression.
    pub(super) fn expression(&self, source: &str, span: &dyn Fn() -> Span) -> Result<Text, Failure> {
        let compiled = self.compiler.expressions.get(source).map_err(|error| {
            Box::new(
                Diagnostic::new(&code::TEMPLATE_SYNTAX, format!("the expression does not compile: {}", told(&error)))
                    .at(span(), "")
                    .help("`{{ .. }}` holds a MiniJinja expression; `{{ \"{{\" }}` writes two literal braces"),
            )
        })?;
        let mut context = HashMap::new();
        let mut secret = false;
        for name in compiled.all_names() {
            match self.find(name)? {
                Found::Builtin(text) => {
                    secret |= text.is_secret();
                    context.insert(name.clone(), JinjaValue::from(text.expose()));
                }
                Found::Node { node, secret: is_secret } => {
                    let value = self.value(name, node, span, &mut secret)?;
                    secret |= is_secret;
                    context.insert(name.clone(), value);
                }
                Found::Missing if self.probe && !BUILTINS.contains(&name.as_str()) => {
                    context.insert(name.clone(), JinjaValue::from("x"));
                }
                Found::Missing => {}
                Found::Unknown if compiled.is_global(name) || compiled.sliced.contains(name) => {}
                Found::Unknown => return Err(Box::new(self.unknown(name, span()))),
            }
        }
        let lacking: Vec<&String> = compiled.names.iter().filter(|name| !context.contains_key(*name)).collect();
        match compiled.text(context) {
            Ok(text) if secret => Ok(Text::secret(Zeroizing::new(text))),
            Ok(text) => Ok(Text::from(text)),
            Err(error) => match lacking.as_slice() {
                [name] if error.kind() == minijinja::ErrorKind::UndefinedError => Err(Box::new(
                    self.missing(name, span()).help(format!("or give it a default: `{{{{ {name} or \"..\" }}}}`")),
                )),
                // The details of an error can quote values.
                _ if secret => Err(Box::new(
                    Diagnostic::new(&code::TEMPLATE_FAILED, "the expression failed on a secret").at(span(), ""),
                )),
                _ => Err(Box::new(
                    Diagnostic::new(&code::TEMPLATE_FAILED, format!("the expression failed: {}", told(&error)))
                        .at(span(), ""),
                )),
            },
        }
    }

    fn value(
        &self,
        path: &str,
        node: &Node,
        span: &dyn Fn() -> Span,
        secret: &mut bool,
    ) -> Result<JinjaValue, Failure> {
        Ok(match &node.value {
            Value::Null => JinjaValue::from(()),
            Value::Bool(truth) => JinjaValue::from(*truth),
            Value::Int(number) => JinjaValue::from(*number),
            Value::Float(number) => JinjaValue::from(*number),
            Value::Seq(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.value(path, item, span, secret)).collect();
                JinjaValue::from(items?)
            }
            Value::Map(map) if !secret::is_reference(map) => {
                let mut values = IndexMap::new();
                for entry in map {
                    *secret |= self.compiler.settings.secret_names.matches(&entry.key);
                    values.insert(JinjaValue::from(&*entry.key), self.value(path, &entry.value, span, secret)?);
                }
                JinjaValue::from(values)
            }
            Value::Str(_) | Value::Map(_) => {
                let text = self.attribute(path, node, false, span)?;
                *secret |= text.is_secret();
                JinjaValue::from(text.expose())
            }
        })
    }
}

/// A MiniJinja error's own words, without its place in a template that nobody sees.
fn told(error: &minijinja::Error) -> String {
    let mut text = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    if text.len() > 200 {
        text = text.chars().take(200).collect();
    }
    text.to_lowercase()
}
