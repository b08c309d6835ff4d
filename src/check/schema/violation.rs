//! Violations of the schema, each as a diagnostic.

use std::collections::HashSet;
use std::rc::Rc;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value as Json;

use super::MOST_TOLD;
use super::finder::Finder;
use super::outline::{Outline, either, one_of, option_text};
use super::spelling;
use super::unknown::{Unknown, in_place_of};
use crate::diag::{Code, Diagnostic, code, fix};
use crate::source::{Entry, Node, Pointer, Span, Value};

/// What helps where one value stands and a list may.
const IN_BRACKETS: &str = "put it in brackets, as a list of one";
/// What helps where a number or a truth value stands for text.
const QUOTES: &str = "put it in quotes";

/// One thing that the schema forbids: where, and what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Violation {
    /// The value at fault; for keys, their table.
    pointer: Rc<Pointer>,
    /// What is wrong with it.
    fault: Breach,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Breach {
    UnknownKey(String),
    MissingKey(String),
    KeyName(String),
    Type,
    Options,
    /// Too little or too much, by the keyword that sets the limit.
    Limit(&'static str),
    FewKeys,
    ManyKeys,
    Form,
}

/// Takes an error apart into violations; of a union, into those of the branch that was meant.
pub(super) fn flatten(error: &ValidationError<'_>, violations: &mut Vec<Violation>) {
    let pointer = Rc::new(Pointer::parse(error.instance_path().as_str()));
    let mut add = |fault| violations.push(Violation { pointer: Rc::clone(&pointer), fault });
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            unexpected.iter().take(MOST_TOLD + 1).cloned().map(Breach::UnknownKey).for_each(add);
        }
        Kind::Required { property } => add(Breach::MissingKey(property.as_str().unwrap_or_default().to_owned())),
        Kind::PropertyNames { error } => add(Breach::KeyName(error.instance().as_str().unwrap_or_default().to_owned())),
        Kind::Enum { .. } | Kind::Constant { .. } => add(Breach::Options),
        Kind::Minimum { .. } => add(Breach::Limit("minimum")),
        Kind::Maximum { .. } => add(Breach::Limit("maximum")),
        Kind::MinItems { .. } => add(Breach::Limit("minItems")),
        Kind::MaxItems { .. } => add(Breach::Limit("maxItems")),
        Kind::MinLength { .. } => add(Breach::Limit("minLength")),
        Kind::MaxLength { .. } => add(Breach::Limit("maxLength")),
        Kind::MinProperties { .. } => add(Breach::FewKeys),
        Kind::MaxProperties { .. } => add(Breach::ManyKeys),
        Kind::Pattern { .. } => add(Breach::Form),
        Kind::AnyOf { context } => {
            match context.iter().find(|branch| !branch.iter().any(|e| mistakes_type(e, &pointer))) {
                Some(branch) => branch.iter().for_each(|error| flatten(error, violations)),
                None => add(Breach::Type),
            }
        }
        _ => add(Breach::Type),
    }
}

/// Tells whether an error says that the value itself has a type that this branch of a union does not take.
fn mistakes_type(error: &ValidationError<'_>, union: &Pointer) -> bool {
    let here = error.instance_path().as_str() == union.as_str();
    here && match error.kind() {
        Kind::Type { .. } => true,
        Kind::AnyOf { context } => context.iter().all(|branch| branch.iter().any(|error| mistakes_type(error, union))),
        _ => false,
    }
}

/// Makes the diagnostics of a tree's violations, without those that only follow from others.
pub(super) fn explain(root: &Node, outline: Outline<'_>, violations: Vec<Violation>) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut finder = Finder::new(root);
    let mut told: HashSet<Violation> = HashSet::new();
    for violation in &violations {
        let Breach::UnknownKey(key) = &violation.fault else { continue };
        let Some(present) = finder.at(&violation.pointer).and_then(Node::as_map) else { continue };
        let Some(entry) = present.entry(key) else { continue };
        let unknown = Unknown { outline, table: &violation.pointer, present, entry };
        let explained = unknown.explain();
        diagnostics.push(explained.diagnostic);
        let missing = explained.meant.map(Breach::MissingKey);
        for fault in missing.into_iter().chain([Breach::FewKeys, Breach::ManyKeys]) {
            told.insert(Violation { pointer: Rc::clone(&violation.pointer), fault });
        }
    }
    for violation in &violations {
        if violation.fault == Breach::Type {
            for fault in [Breach::Options, Breach::Form] {
                told.insert(Violation { pointer: Rc::clone(&violation.pointer), fault });
            }
        }
    }
    let nowhere = Json::Null;
    for violation in violations {
        let Some(node) = finder.at(&violation.pointer) else { continue };
        if !told.insert(violation.clone()) {
            continue;
        }
        let schema = outline.at(&violation.pointer).unwrap_or(&nowhere);
        let site = Site { outline, schema, pointer: &violation.pointer, node };
        diagnostics.extend(site.explain(&violation.fault));
    }
    diagnostics
}

/// A value that breaks its schema.
struct Site<'a> {
    outline: Outline<'a>,
    schema: &'a Json,
    pointer: &'a Pointer,
    node: &'a Node,
}

impl Site<'_> {
    fn explain(&self, fault: &Breach) -> Option<Diagnostic> {
        Some(match fault {
            Breach::UnknownKey(_) => return None,
            Breach::MissingKey(key) => self.missing_key(key),
            Breach::KeyName(key) => self.key_name(key),
            Breach::Type => self.wrong_type(),
            Breach::Options => self.not_one_of(),
            Breach::Limit(keyword) => self.out_of_range(keyword),
            Breach::FewKeys => self.few_keys(),
            Breach::ManyKeys => self.many_keys(),
            Breach::Form => self.bad_format(),
        })
    }

    fn name(&self) -> String {
        match self.pointer.as_str() {
            "" => "the config".to_owned(),
            _ => format!("`{}`", self.pointer),
        }
    }

    fn at(&self, code: &'static Code, message: String, label: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, message).at(self.node.span, label)
    }

    fn missing_key(&self, key: &str) -> Diagnostic {
        let message = format!("{} lacks the key `{key}`", self.name());
        self.at(&code::MISSING_KEY, message, format!("`{key}` is missing")).help(format!("add `{key}`"))
    }

    fn key_name(&self, key: &str) -> Diagnostic {
        let limit = self.outline.limit(self.schema, "propertyNames").and_then(|names| names.get("maxLength"));
        let limit = limit.map(Json::to_string).unwrap_or_default();
        let message = format!("a name in {} has more than {limit} characters", self.name());
        let span = self.node.entry(key).map_or(self.node.span, |entry| entry.key_span);
        Diagnostic::new(&code::OUT_OF_RANGE, message).at(span, "").help("shorten the name")
    }

    fn wrong_type(&self) -> Diagnostic {
        let expected = self.outline.words(self.schema);
        let found = match self.node.value {
            Value::Float(_) => "a number with a fraction",
            _ => self.node.type_name(),
        };
        let message = format!("{}: expected {expected}, found {found}", self.name());
        let diagnostic = self.at(&code::WRONG_TYPE, message, format!("expected {expected}"));
        if let Some(truth) = self.meant_truth() {
            return diagnostic.help(format!("write `{truth}`")).fix(
                self.node.span,
                truth.to_string(),
                format!("write `{truth}`"),
            );
        }
        if let Some(list) = self.meant_list() {
            let title = format!("write `{list}`");
            return diagnostic.help(IN_BRACKETS).fix(self.node.span, list, title);
        }
        let Some(advice) = self.type_advice() else { return diagnostic };
        let diagnostic = diagnostic.help(advice);
        match self.meant_text(advice) {
            Some(meant) => diagnostic.fix(self.node.span, meant, advice),
            None => diagnostic,
        }
    }

    /// The text that was meant by a number or a truth value.
    fn meant_text(&self, advice: &str) -> Option<String> {
        let as_written = |text: &str| self.node.span.range().len() == text.len();
        match &self.node.value {
            Value::Int(number) if advice == QUOTES => {
                Some(number.to_string()).filter(|text| as_written(text)).map(|text| fix::quoted(&text))
            }
            Value::Bool(truth) if advice == QUOTES => Some(fix::quoted(&truth.to_string())),
            _ => None,
        }
    }

    /// The truth value that was meant by a word or number, where only a truth value may stand.
    fn meant_truth(&self) -> Option<bool> {
        let takes = |kind| self.outline.takes(self.schema, kind);
        if !takes("boolean") || takes("string") || takes("integer") || takes("number") {
            return None;
        }
        match &self.node.value {
            Value::Int(0) => Some(false),
            Value::Int(1) => Some(true),
            Value::Str(word) => match word.to_ascii_lowercase().as_str() {
                "yes" | "on" | "true" | "y" | "1" => Some(true),
                "no" | "off" | "false" | "n" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    fn type_advice(&self) -> Option<&'static str> {
        if self.pointer.as_str().is_empty() {
            return None;
        }
        let word = self.outline.options(self.schema).is_some();
        let takes = |kind| !word && self.outline.takes(self.schema, kind);
        let lists = |kind| !word && self.outline.lists(self.schema, kind);
        let in_list = self.pointer.segments().last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        let key = self.pointer.segments().last().unwrap_or_default();
        match &self.node.value {
            Value::Null if in_list => Some("remove the item"),
            Value::Null => Some("remove the key"),
            Value::Str(_) if key == "access" => {
                Some("write a list of names, or `{ file = \"...\" }` for a file that lists them")
            }
            Value::Str(_) if lists("string") => Some(IN_BRACKETS),
            Value::Int(_) | Value::Float(_) | Value::Bool(_)
                if takes("string") && !takes("number") && !takes("integer") =>
            {
                Some(QUOTES)
            }
            Value::Map(_) if lists("object") => Some(IN_BRACKETS),
            Value::Seq(_) if key == "generic_resources" => Some("write a table of kinds and counts: `{ gpu = 1 }`"),
            Value::Seq(items) if takes("string") && items.len() == 1 => Some("take it out of the brackets"),
            _ => None,
        }
    }

    fn not_one_of(&self) -> Diagnostic {
        let options = self.outline.options(self.schema).unwrap_or_default();
        let must = format!("must be {}", one_of(options));
        let found = match &self.node.value {
            _ if self.looks_secret() => None,
            Value::Str(text) if text.chars().count() <= 40 => Some(text.to_string()),
            Value::Int(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        };
        let message = match &found {
            Some(found) => format!("{} {must}, found `{}`", self.name(), found.escape_debug()),
            None => format!("{} {must}", self.name()),
        };
        let diagnostic = self.at(&code::NOT_ONE_OF, message, "");
        let words: Vec<String> = options.iter().map(option_text).collect();
        if let Value::Str(text) = &self.node.value {
            return match spelling::nearest(text, words.iter().map(String::as_str)) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                    self.node.span,
                    in_place_of(self.node.span, text, near),
                    format!("write `{near}`"),
                ),
                None => diagnostic,
            };
        }
        match (&self.node.value, self.pointer.as_str()) {
            (_, "/version") => diagnostic.help("write `1`: this swarmgen reads version 1 of the config language"),
            (Value::Bool(false), _) => diagnostic.help("remove the key"),
            _ => diagnostic,
        }
    }

    fn out_of_range(&self, keyword: &str) -> Diagnostic {
        let limit = self.outline.limit(self.schema, keyword).map(Json::to_string).unwrap_or_default();
        let same = |a, b| self.outline.limit(self.schema, a) == self.outline.limit(self.schema, b);
        let bound = match keyword {
            "minimum" => format!("must be at least {limit}"),
            "maximum" => format!("must be at most {limit}"),
            "minItems" | "maxItems" if same("minItems", "maxItems") => format!("must have {limit} items"),
            "minItems" if limit == "1" => "must not be empty".to_owned(),
            "minItems" => format!("must have at least {limit} items"),
            "maxItems" => format!("must have at most {limit} items"),
            "minLength" if limit == "1" => "must not be empty".to_owned(),
            "minLength" => format!("must have at least {limit} characters"),
            _ => format!("must have at most {limit} characters"),
        };
        self.at(&code::OUT_OF_RANGE, format!("{} {bound}", self.name()), "")
    }

    fn keys(&self) -> String {
        let keys = self.outline.keys(self.schema).into_iter().flat_map(|keys| keys.keys());
        either(&keys.map(|key| format!("`{key}`")).collect::<Vec<_>>())
    }

    fn few_keys(&self) -> Diagnostic {
        let keys = self.keys();
        let message = format!("{} is empty: it needs {keys}", self.name());
        self.at(&code::MISSING_KEY, message, "empty").help(format!("add {keys}"))
    }

    fn many_keys(&self) -> Diagnostic {
        let message = format!("{} takes exactly one of {}", self.name(), self.keys());
        let spans: Vec<Span> = self.node.as_map().into_iter().flatten().map(|entry: &Entry| entry.key_span).collect();
        let diagnostic = Diagnostic::new(&code::CONFLICTING_KEYS, message);
        let diagnostic = diagnostic.at(spans.get(1).copied().unwrap_or(self.node.span), "excludes the first");
        diagnostic.maybe_at(spans.first().copied(), "the first").help("remove all but one")
    }

    fn bad_format(&self) -> Diagnostic {
        let diagnostic = self.at(&code::BAD_FORMAT, format!("{} does not have the right form", self.name()), "");
        if self.pointer.as_str().starts_with("/allowed_user_upload_extensions/") {
            let diagnostic = diagnostic.help("start it with a dot: `.txt`");
            // `*.txt` or an empty text may mean something else.
            return match self.node.as_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
                Some(text) if !text.is_empty() => {
                    diagnostic.fix(self.node.span, format!("\".{text}\""), format!("write `.{text}`"))
                }
                _ => diagnostic,
            };
        }
        diagnostic
    }

    /// The list of one that a text alone was meant as, where its text says how to write it in every syntax.
    fn meant_list(&self) -> Option<String> {
        let text = self.node.as_str().filter(|_| self.type_advice() == Some(IN_BRACKETS))?;
        let is_one = |c: char| c.is_ascii_graphic() && !matches!(c, ',' | ';' | '"' | '\\');
        (!text.is_empty() && text.chars().all(is_one)).then(|| format!("[\"{text}\"]"))
    }

    /// Tells whether the key's name is one under which people keep secrets: its value is not quoted.
    fn looks_secret(&self) -> bool {
        self.pointer.segments().any(|segment| {
            let key = segment.to_ascii_lowercase();
            ["password", "passphrase", "secret", "token", "id_rsa", "_key"].iter().any(|word| key.contains(word))
        })
    }
}
