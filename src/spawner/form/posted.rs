//! What a filled-in form means. Nothing that was posted is trusted: it comes from whoever can speak HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::diag::{Diagnostic, Note};
use crate::resolve::Request as Asked;
use crate::resolve::choice::Choice;
use crate::resolve::options::canonical;
use crate::resolve::upload;
use crate::source::{Author, Node, SourceMap, Syntax, parse};
use crate::spawner::request::{self, PostedFile};
use crate::spawner::words;

use super::page::{FIELD_OF_FILES, FIELD_OF_PROFILE, OPTION, UNIT};
use super::{Form, NO_PROFILE, pair};

/// The user options that a form stands for, or everything that is wrong with it, in sentences.
pub(super) fn options(form: &Form<'_>, posted: &request::Form) -> Result<Value, Vec<String>> {
    let mut reading = Reading { form, posted, options: Map::new(), refused: Vec::new() };
    reading.profile();
    reading.fields();
    reading.files();
    reading.finish()
}

/// The profile that a form names, if there is one of that name.
pub(super) fn profile(posted: &request::Form, choices: &[Choice<'_>]) -> Option<usize> {
    let (_, texts) = posted.fields.iter().find(|(name, _)| name == FIELD_OF_PROFILE)?;
    named(choices, texts.first()?)
}

/// What a form has for an option, as it was typed.
pub(super) fn option<'p>(posted: &'p request::Form, path: &str) -> Option<&'p str> {
    let (_, texts) = spelled(posted, OPTION, path)?;
    texts.first().map(String::as_str)
}

/// The profile of a name.
fn named(choices: &[Choice<'_>], name: &str) -> Option<usize> {
    // A browser sends each line break as two characters.
    let plain = |name: &str| name.replace("\r\n", "\n");
    choices.iter().position(|choice| plain(&choice.name) == plain(name))
}

/// The field of an option, however its path is spelled.
fn spelled<'p>(posted: &'p request::Form, prefix: &str, path: &str) -> Option<&'p (String, Vec<String>)> {
    let is_it = |name: &str| name.strip_prefix(prefix).is_some_and(|own| canonical(own) == canonical(path));
    posted.fields.iter().find(|(name, _)| is_it(name))
}

struct Reading<'a> {
    form: &'a Form<'a>,
    posted: &'a request::Form,
    options: Map<String, Value>,
    refused: Vec<String>,
}

impl<'a> Reading<'a> {
    fn refuse(&mut self, sentence: impl Into<String>) {
        self.refused.push(sentence.into());
    }

    /// The one text of a field; `None` if it is empty or not there.
    fn text(&mut self, name: &str) -> Option<&'a str> {
        let posted: &'a request::Form = self.posted;
        let mut texts = posted.fields.iter().filter(|(own, _)| own == name).flat_map(|(_, texts)| texts);
        let texts: Vec<&'a String> = texts.by_ref().filter(|text| !text.trim().is_empty()).collect();
        let first = *texts.first()?;
        if texts.iter().any(|text| *text != first) {
            self.refuse(format!("“{}” was sent twice, and differs.", words::shown(name)));
            return None;
        }
        Some(first)
    }

    fn profile(&mut self) {
        if self.form.first.is_none() {
            self.refuse(NO_PROFILE);
            return;
        }
        let chosen = self.text(FIELD_OF_PROFILE).map(|name| (name.to_owned(), None));
        let chosen = chosen.or_else(|| self.pair());
        let Some((name, image)) = chosen else { return };
        if !self.form.compiler.settings.use_user_options {
            self.refuse("The kind of server cannot be chosen here.");
            return;
        }
        match named(&self.form.choices, &name).and_then(|at| self.form.choices.get(at)) {
            None => self.refuse(words::unavailable(&name)),
            Some(choice) if image.is_some_and(|image| *image != *choice.image) => {
                self.refuse(format!("The image is not that of “{}”.", words::shown(&name)));
            }
            Some(choice) => {
                self.options.insert("profile".to_owned(), (*choice.name).into());
            }
        }
    }

    /// What clients of SwarmSpawner post.
    fn pair(&mut self) -> Option<(String, Option<String>)> {
        if let Some(text) = self.text("select_image") {
            let pair = pair::read(text);
            if pair.is_none() {
                self.refuse("“select_image” is no name with its image.");
            }
            return pair.map(|pair| (pair.name, Some(pair.image)));
        }
        let image = self.text("user_selected_image").map(str::to_owned);
        match self.text("user_selected_name") {
            Some(name) => Some((name.to_owned(), image)),
            None if image.is_some() => {
                self.refuse("A server is chosen by its name, not by its image alone.");
                None
            }
            None => None,
        }
    }

    fn fields(&mut self) {
        let form: &'a Form<'a> = self.form;
        let posted: &'a request::Form = self.posted;
        for field in &form.fields {
            let Some((name, _)) = spelled(posted, OPTION, field.path) else { continue };
            let unit = match spelled(posted, UNIT, field.path).and_then(|(name, _)| self.text(name)) {
                None => "",
                Some(unit) if ["M", "G", "s"].contains(&unit) => unit,
                Some(_) => {
                    self.refuse(format!("The unit of “{}” is unknown.", field.label));
                    continue;
                }
            };
            let read = self.text(name).map_or(Ok(None), |text| field.read(text, unit));
            match read {
                Ok(None) => {}
                Ok(Some(value)) => {
                    let request = field.request(value);
                    if self.is_granted(&request, |node| {
                        field
                            .keys()
                            .iter()
                            .try_fold(node, |node, key| node.get(key))
                            .is_some_and(|node| field.is_amount(node))
                    }) {
                        lay(&mut self.options, request);
                    } else {
                        self.refuse(format!("“{}” {}.", field.label, field.bounds()));
                    }
                }
                Err(why) => self.refuse(format!("“{}” {why}.", field.label)),
            }
        }
        for (name, texts) in &posted.fields {
            let Some(path) = name.strip_prefix(OPTION).filter(|_| texts.iter().any(|text| !text.trim().is_empty()))
            else {
                continue;
            };
            if !form.fields.iter().any(|field| canonical(field.path) == canonical(path)) {
                self.refuse(format!("“{}” cannot be chosen here.", words::shown(path)));
            }
        }
    }

    /// Tells whether a request may set what it sets.
    fn is_granted(&self, request: &Value, fits: impl Fn(&Node) -> bool) -> bool {
        let node = self.node(request);
        node.is_some_and(|node| self.form.compiler.check_options(&node).is_ok() && fits(&node))
    }

    fn node(&self, request: &Value) -> Option<Node> {
        node(self.form.compiler.sources(), request)
    }

    fn files(&mut self) {
        let posted: &'a request::Form = self.posted;
        let mut files = Vec::new();
        for (field, sent) in &posted.files {
            // A browser sends a field without a file as one with neither a name nor content.
            let sent: Vec<&PostedFile> =
                sent.iter().filter(|file| !(file.name.is_empty() && file.content.is_empty())).collect();
            if sent.is_empty() {
                continue;
            }
            if !self.form.compiler.settings.uploads {
                self.refuse("Files cannot be sent along here.");
                return;
            }
            if field != FIELD_OF_FILES {
                self.refuse(format!("There is no field “{}” for files.", words::shown(field)));
                continue;
            }
            for file in sent {
                match self.file(file) {
                    Ok(file) => files.push(file),
                    Err(why) => self.refuse(format!("The file “{}” {why}.", words::shown(&file.name))),
                }
            }
        }
        if !files.is_empty() {
            self.options.insert(upload::KEY.to_owned(), files.into());
        }
    }

    /// A file as `start` takes it.
    fn file(&self, file: &PostedFile) -> Result<Value, String> {
        let allowed = &self.form.compiler.settings.upload_extensions;
        let ends = |end: &&std::sync::Arc<str>| file.name.len() > end.len() && file.name.ends_with(&***end);
        let Some(extension) = allowed.iter().filter(ends).max_by_key(|end| end.len()) else {
            return Err(format!("has to end in {}", allowed.join(" or ")));
        };
        let name = file.name.strip_suffix(&**extension).unwrap_or_default();
        let bytes = STANDARD.decode(&file.content).map_err(|_| "did not arrive whole".to_owned())?;
        let text = String::from_utf8(bytes).map_err(|_| "holds no text".to_owned())?;
        let whole = json!({ "name": name, "extension": &**extension, "data": text });
        let options = self.node(&json!({ upload::KEY: [whole] })).ok_or_else(|| "cannot be read".to_owned())?;
        match self.check_files(&options) {
            Ok(()) => Ok(whole),
            Err(findings) => Err(findings.first().map_or_else(String::new, advice)),
        }
    }

    fn check_files(&self, options: &Node) -> Result<(), Vec<Diagnostic>> {
        self.form.compiler.check_uploads(self.form.user, &Asked { options: Some(options), ..self.form.asked })
    }

    /// Checks the whole as a start does.
    fn finish(mut self) -> Result<Value, Vec<String>> {
        if self.refused.is_empty() {
            let options = Value::Object(std::mem::take(&mut self.options));
            let Some(node) = self.node(&options) else { return Err(vec!["The form is too large.".to_owned()]) };
            let mut findings = self.form.compiler.check_options(&node).err().unwrap_or_default();
            findings.extend(self.check_files(&node).err().unwrap_or_default());
            let asked = Asked { options: Some(&node), ..self.form.asked };
            findings.extend(self.form.compiler.profile_name(self.form.user, &asked).err().map(|finding| *finding));
            if findings.is_empty() {
                return Ok(options);
            }
            self.refused = findings.iter().map(|finding| words::sentence(&finding.message)).collect();
        }
        Err(self.refused)
    }
}

/// A request as a text with places, as the compiler takes it. It may hold secrets.
pub(super) fn node(sources: &SourceMap, request: &Value) -> Option<Node> {
    let id = sources.add("form".to_owned(), "", Author::Data, request.to_string());
    let node = parse(sources, id, Syntax::Json).ok()?;
    request::hide(&node, sources);
    Some(node)
}

/// A finding about a file, as the end of a sentence.
fn advice(finding: &Diagnostic) -> String {
    let help = finding.notes.iter().find_map(|note| match note {
        Note::Help(help) => Some(help.as_str()),
        Note::Note(_) => None,
    });
    format!("cannot be sent along: {}; {}", finding.message.replace('`', ""), help.unwrap_or("send another one"))
}

/// Lays one table over another, key by key.
fn lay(options: &mut Map<String, Value>, layer: Value) {
    let Value::Object(layer) = layer else { return };
    for (key, value) in layer {
        match (options.get_mut(&key), value) {
            (Some(Value::Object(own)), value @ Value::Object(_)) => lay(own, value),
            (_, value) => {
                options.insert(key, value);
            }
        }
    }
}
