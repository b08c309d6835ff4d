//! The form's HTML, by templates/form.html or a template of the operator's.

use std::collections::BTreeSet;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};
use serde_json::{Value, json};

use super::field::{Field, Kind};
use super::{Form, NO_PROFILE, posted};
use crate::check::object::MOST_OF_CONFIG;
use crate::diag::{Diagnostic, Diagnostics, code};
use crate::emit::template::explain;
use crate::ir::Resources;
use crate::resolve::amount::resources_shown;
use crate::resolve::choice::{Choice, FormTemplate};
use crate::resolve::roster::User;
use crate::resolve::upload::MOST_FILES;
use crate::resolve::{Compiler, Request as Asked};
use crate::source::Span;

/// The field that names the profile.
pub(super) const FIELD_OF_PROFILE: &str = "profile";
/// What the names of fields for options start with; the option's path follows.
pub(super) const OPTION: &str = "option:";
/// What the names of fields for the units of options start with.
pub(super) const UNIT: &str = "unit:";
/// The field that brings files: the one of SwarmSpawner's form.
pub const FIELD_OF_FILES: &str = "user-upload";

/// Instructions that a template may run.
const FUEL: u64 = 10_000_000;
/// The form that swarmgen brings.
const BUILT_IN: &str = include_str!("../../../templates/form.html");

/// The form's HTML.
pub(super) fn render(form: &Form<'_>, present: &BTreeSet<String>) -> Result<String, Box<Diagnostic>> {
    let mut diagnostics = Diagnostics::new();
    let own = form.compiler.form_template(&mut diagnostics);
    if let Some(unreadable) = diagnostics.into_iter().next() {
        return Err(Box::new(unreadable));
    }
    fill(own.as_ref(), &context(form, present))
}

/// Checks the operator's template, if there is one, with all profiles.
pub fn check_template(compiler: &Compiler<'_>, diagnostics: &mut Diagnostics) {
    let Some(template) = compiler.form_template(diagnostics) else { return };
    let user = User::unlisted("user");
    let form =
        Form { choices: compiler.all_choices(), first: Some(0), ..Form::new(compiler, &user, &Asked::default(), None) };
    // A user without a profile gets a page, too.
    let none = Form { first: None, choices: Vec::new(), ..Form::new(compiler, &user, &Asked::default(), None) };
    for form in [form, none] {
        if let Err(failure) = fill(Some(&template), &context(&form, &BTreeSet::new())) {
            diagnostics.push(*failure);
            return;
        }
    }
}

fn fill(own: Option<&FormTemplate>, context: &Value) -> Result<String, Box<Diagnostic>> {
    let text = own.map_or(BUILT_IN, |own| &own.text);
    let name = own.map_or("form.html", |own| &own.name);
    let rendered = || {
        let context = minijinja::Value::from(Serde(context));
        environment()?.template_from_named_str(name, text)?.render(context)
    };
    rendered().map_err(|error| {
        let diagnostic = Diagnostic::new(&code::FORM_TEMPLATE, explain(&error));
        let range = error.range().filter(|range| text.get(range.clone()).is_some()).unwrap_or(0..0);
        Box::new(match own {
            Some(own) => diagnostic.at(Span::new(own.source, range.start, range.end), ""),
            None => diagnostic,
        })
    })
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    Ok(environment)
}

/// What a template is given; docs/form.md says it.
fn context(form: &Form<'_>, present: &BTreeSet<String>) -> Value {
    let settings = &form.compiler.settings;
    let profiles: Vec<Value> = form
        .offered()
        .map(|(index, choice)| {
            json!({
                "name": &*choice.name,
                "description": choice.description.as_deref(),
                "image": &*choice.image,
                "present": present.contains(&*choice.image),
                "resources": resources(&choice.resources),
                "selected": form.first == Some(index),
            })
        })
        .collect();
    let options: Vec<Value> = form.fields.iter().map(|field| option(form, field)).collect();
    let uploads = settings.uploads.then(|| {
        json!({
            "field": FIELD_OF_FILES,
            "extensions": settings.upload_extensions.iter().map(|end| &**end).collect::<Vec<_>>(),
            "most_files": MOST_FILES,
            "most_bytes": MOST_OF_CONFIG,
            "directory": &*settings.upload_directory,
        })
    });
    let usable = form.first.is_some();
    json!({
        "user": &*form.user.name,
        "server": form.asked.server_name,
        "reason": (!usable).then_some(NO_PROFILE),
        "profile_field": settings.use_user_options.then_some(FIELD_OF_PROFILE),
        "profiles": profiles,
        "options": if usable { options } else { Vec::new() },
        "uploads": uploads.filter(|_| usable),
    })
}

/// What a profile's servers may use, a name and an amount each.
fn resources(resources: &Resources) -> Vec<Value> {
    let shown = resources_shown(resources).into_iter();
    shown.map(|(name, amount)| json!({ "name": name, "amount": amount })).collect()
}

/// One option, as a template is given it.
fn option(form: &Form<'_>, field: &Field<'_>) -> Value {
    let keys = field.keys();
    let hidden = keys.iter().any(|key| form.compiler.settings.secret_names.matches(key));
    // What was typed and refused stands there again; else what was chosen last, if it still may be.
    let typed = form.typed.filter(|_| !hidden).and_then(|typed| posted::option(typed, field.path));
    let of_last = |keys: &[&str]| keys.iter().try_fold(form.last?, |node, key| node.get(key));
    let short = || keys.strip_prefix(&["container_spec"]).and_then(of_last);
    let last = of_last(&keys).or_else(short);
    let chosen = || {
        last.filter(|_| !hidden).and_then(|node| field.held(node)).filter(|text| {
            let unit = match &field.kind {
                Kind::Number { unit, .. } => unit.suffix(),
                _ => "",
            };
            field.read(text, unit).is_ok_and(|value| value.is_some_and(|value| form.may_set(&field.request(value))))
        })
    };
    let held = typed.map(str::to_owned).or_else(chosen);
    let (kind, unit, values) = match &field.kind {
        Kind::Choice(values) => ("choice", None, values.iter().map(|(text, _)| text.as_str()).collect()),
        Kind::Number { unit, .. } => ("number", Some(*unit), Vec::new()),
        Kind::Text if hidden => ("secret", None, Vec::new()),
        Kind::Text => ("text", None, Vec::new()),
        Kind::List => ("list", None, Vec::new()),
        Kind::Table => ("table", None, Vec::new()),
    };
    let (min, max, whole) = match &field.kind {
        Kind::Number { min, max, whole, .. } => {
            (min.map(|min| min.to_string()), max.map(|max| max.to_string()), *whole)
        }
        _ => (None, None, false),
    };
    json!({
        "field": format!("{OPTION}{}", field.path),
        "path": field.path,
        "label": field.label,
        "kind": kind,
        "values": values,
        "value": held,
        "unit": unit.map(super::field::Unit::word).filter(|word| !word.is_empty()),
        "unit_field": unit.filter(|unit| !unit.suffix().is_empty()).map(|_| format!("{UNIT}{}", field.path)),
        "unit_value": unit.map(super::field::Unit::suffix),
        "min": min,
        "max": max,
        "whole": whole,
        "range": field.range(),
        "default": default(form, field),
    })
}

/// What a server has without an answer: the same for all profiles, or else profile by profile.
fn default(form: &Form<'_>, field: &Field<'_>) -> Option<String> {
    let keys = field.keys();
    let of = |choice: &Choice<'_>| form.compiler.preset(choice, &keys).and_then(|node| field.shown(node));
    let defaults: Vec<(&str, Option<String>)> = form.offered().map(|(_, choice)| (&*choice.name, of(choice))).collect();
    let (_, first) = defaults.first()?;
    if defaults.iter().all(|(_, default)| default == first) {
        return first.clone();
    }
    let each = defaults.iter().map(|(name, default)| format!("{} ({name})", default.as_deref().unwrap_or("none")));
    Some(each.collect::<Vec<_>>().join(", "))
}
