//! What a user may choose from before there is a server.

use std::borrow::Cow;
use std::sync::Arc;

use crate::diag::{Diagnostic, Diagnostics, Severity, code};
use crate::ir::Resources;
use crate::source::{Author, Entry, Node, SourceId};

use super::access::Access;
use super::decode::Decoder;
use super::profile::Profile;
use super::roster::User;
use super::scope::{Failure, Place, Scope};
use super::template::may_be_template;
use super::{Asked, Compiler, Request, options};

/// A profile as its user would get it.
#[derive(Debug)]
pub struct Choice<'c> {
    /// Its name.
    pub name: Arc<str>,
    /// The operator's words about it.
    pub description: Option<Arc<str>>,
    /// Its image; as the config writes it where that says nothing yet.
    pub image: Arc<str>,
    /// What its servers may use, as far as that is known before the start.
    pub resources: Resources,
    /// Who may use it.
    pub access: &'c Access,
    /// The profile's tree with the user's layer.
    spec: Cow<'c, Node>,
}

/// The operator's template of the form.
#[derive(Debug)]
pub struct FormTemplate {
    /// Its source, for diagnostics.
    pub source: SourceId,
    /// The name of its file.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl<'a> Compiler<'a> {
    /// The profiles that a user may choose from, in their order. What cannot be said before the start is left out.
    pub fn choices(&self, user: &User<'_>, request: &Request<'_>) -> Vec<Choice<'_>> {
        self.choices_among(user, request, |profile| profile.access.admits(user))
    }

    /// All profiles, as a stand-in for a user would see them.
    pub fn all_choices(&self) -> Vec<Choice<'_>> {
        self.choices_among(&User::unlisted("user"), &Request::default(), |_| true)
    }

    fn choices_among(
        &self,
        user: &User<'_>,
        request: &Request<'_>,
        admits: impl Fn(&Profile) -> bool,
    ) -> Vec<Choice<'_>> {
        let names = self.names(user, request);
        let layers = self.root().get("images").and_then(Node::as_seq).unwrap_or_default();
        let offered = self.profiles().iter().enumerate().filter(|(_, profile)| admits(profile));
        offered
            .map(|(index, profile)| {
                let asked = Asked { user, names: &names, request, probe: false };
                let plain = Request { options: None, ..*request };
                let spec = self.layered(user, profile, &plain, &mut Vec::new());
                let spec = spec.unwrap_or(Cow::Borrowed(&profile.spec));
                let scope = Scope::new(self, asked, &spec, &profile.name);
                let resources = Decoder::new(&scope).resources(&spec);
                let image = shown_image(&scope, &spec);
                drop(scope);
                let description = layers.get(index).and_then(|layer| layer.get("description")).and_then(Node::as_str);
                Choice {
                    name: Arc::clone(&profile.name),
                    description: description.map(Arc::from),
                    image,
                    resources,
                    access: &profile.access,
                    spec,
                }
            })
            .collect()
    }

    /// The image of a profile, as [`Compiler::choices`] shows it to a user.
    pub(super) fn image_for(&self, user: &User<'_>, profile: &Profile, request: &Request<'_>) -> Arc<str> {
        let names = self.names(user, request);
        let plain = Request { options: None, ..*request };
        let asked = Asked { user, names: &names, request: &plain, probe: false };
        let spec = self.layered(user, profile, &plain, &mut Vec::new());
        let spec = spec.unwrap_or(Cow::Borrowed(&profile.spec));
        shown_image(&Scope::new(self, asked, &spec, &profile.name), &spec)
    }

    /// The name of the profile that a server of this request gets.
    ///
    /// # Errors
    ///
    /// There is none that the user may use.
    pub fn profile_name(&self, user: &User<'_>, request: &Request<'_>) -> Result<Arc<str>, Failure> {
        self.profile_for(user, request).map(|profile| Arc::clone(&profile.name))
    }

    /// What `user_options.allow` lists, in its order.
    pub fn allowances(&self) -> &[Entry] {
        self.allow.as_ref().and_then(Node::as_map).map_or(&[], |map| &map.entries)
    }

    /// Checks what a request sets, besides its profile and its files, as each start does.
    ///
    /// # Errors
    ///
    /// A finding for each thing that it may not set, or not to that.
    pub fn check_options(&self, options: &Node) -> Result<(), Vec<Diagnostic>> {
        let mut found = Vec::new();
        if options::layer(options, self.allow.as_ref(), self.settings.uploads, &mut found).is_some() {
            return Ok(());
        }
        found.retain(|finding| finding.severity == Severity::Error);
        Err(found)
    }

    /// Checks the files of a request as each start does.
    ///
    /// # Errors
    ///
    /// A finding for each file that may not be sent along.
    pub fn check_uploads(&self, user: &User<'_>, request: &Request<'_>) -> Result<(), Vec<Diagnostic>> {
        let mut findings = Vec::new();
        self.uploads(&self.names(user, request), request, &mut findings);
        if findings.is_empty() { Ok(()) } else { Err(findings) }
    }

    /// What a profile's servers have at a path of the merged tree, if it is a literal that anybody may see.
    pub fn preset<'n>(&self, choice: &'n Choice<'_>, keys: &[&str]) -> Option<&'n Node> {
        let node = keys.iter().try_fold(&*choice.spec, |node, key| node.get(key))?;
        let literal = node.as_str().is_none_or(|text| !may_be_template(text));
        let secret = keys.iter().any(|key| self.settings.secret_names.matches(key));
        (literal && !secret && !self.is_hidden(node)).then_some(node)
    }

    /// The operator's template of the form, if the config names one.
    pub fn form_template(&self, diagnostics: &mut Diagnostics) -> Option<FormTemplate> {
        let file = self.root().get("form")?.get("template")?;
        let path = self.sources.get(file.span.source).directory().join(file.as_str()?);
        let name = path.display().to_string();
        match self.world.read(&path, Some(crate::source::MAX_CONFIG_BYTES)) {
            Ok(text) => {
                let source = self.sources.add(name.clone(), "", Author::Config, text.to_string());
                Some(FormTemplate { source, name, text: text.to_string() })
            }
            Err(error) => {
                diagnostics.push(
                    Diagnostic::new(&code::UNREADABLE, "the form's template cannot be read")
                        .at(file.span, error.to_string())
                        .note(format!("the file is `{name}`")),
                );
                None
            }
        }
    }
}

/// The image of a merged tree; as the config writes it where that says nothing yet, or too much.
fn shown_image(scope: &Scope<'_>, spec: &Node) -> Arc<str> {
    let Some(node) = spec.get("image") else { return Arc::from("") };
    match (scope.text(node, Place::Plain), node.as_str()) {
        (Ok(text), _) if !text.is_secret() => Arc::from(text.expose()),
        (_, Some(text)) => Arc::from(text),
        _ => Arc::from(""),
    }
}
