//! What a user may choose, and what a filled-in form means.
//!
//! ```text
//! Compiler + User -> Choices, Fields -> page (templates/form.html, or the operator's) -> HTML
//! posted fields and files -> posted -> user_options, checked as each start does
//! ```

mod field;
mod page;
mod pair;
mod posted;

use std::collections::BTreeSet;

use crate::diag::Diagnostic;
use crate::resolve::choice::Choice;
use crate::resolve::roster::User;
use crate::resolve::{Compiler, Request as Asked};
use crate::source::Node;

use super::event::{Event, Failed, Offer};
use super::request;
use super::words;
use field::Field;

pub use page::{FIELD_OF_FILES, check_template};

/// Why nothing can be started.
const NO_PROFILE: &str = "There is no server that you may start here. Ask those who run this hub for access.";

/// What one user may choose for one server.
pub struct Form<'a> {
    compiler: &'a Compiler<'a>,
    user: &'a User<'a>,
    asked: Asked<'a>,
    choices: Vec<Choice<'a>>,
    fields: Vec<Field<'a>>,
    /// What the user chose last.
    last: Option<&'a Node>,
    /// What they typed and were refused.
    typed: Option<&'a request::Form>,
    /// Which profile is offered first.
    first: Option<usize>,
}

impl<'a> Form<'a> {
    /// Finds out what the user may choose. `last` is what they chose last.
    pub fn new(compiler: &'a Compiler<'a>, user: &'a User<'a>, asked: &Asked<'a>, last: Option<&'a Node>) -> Self {
        let choices = compiler.choices(user, asked);
        let named = {
            let named = |options| compiler.profile_name(user, &Asked { options, ..*asked });
            named(last).or_else(|_| named(None))
        };
        let position = |name: &str| choices.iter().position(|choice| &*choice.name == name);
        let first = match named {
            Ok(name) => position(&name),
            // Where users do not choose, the config's word cannot be passed over.
            Err(_) => (compiler.settings.use_user_options && !choices.is_empty()).then_some(0),
        };
        let fields = compiler.allowances().iter().filter_map(Field::new).collect();
        Self { compiler, user, asked: *asked, choices, fields, last, typed: None, first }
    }

    /// Fills in what the user typed and was refused, so that they need not type it again.
    #[must_use]
    pub fn again(mut self, typed: Option<&'a request::Form>) -> Self {
        self.typed = typed;
        // Where users do not choose, what they type chooses nothing.
        if self.compiler.settings.use_user_options {
            let named = typed.and_then(|typed| posted::profile(typed, &self.choices));
            self.first = named.or(self.first);
        }
        self
    }

    /// The profiles to choose among: one alone where users do not choose.
    fn offered(&self) -> impl Iterator<Item = (usize, &Choice<'a>)> {
        let all = self.compiler.settings.use_user_options;
        self.choices.iter().enumerate().filter(move |(index, _)| all || self.first == Some(*index))
    }

    /// Tells whether a page is to be shown before a server starts.
    pub fn asks(&self) -> bool {
        let choice = self.compiler.settings.use_user_options && self.choices.len() > 1;
        choice || self.first.is_none() || !self.fields.is_empty() || self.compiler.settings.uploads
    }

    /// Tells whether a request may set what it sets.
    fn may_set(&self, request: &serde_json::Value) -> bool {
        posted::node(self.compiler.sources(), request).is_some_and(|node| self.compiler.check_options(&node).is_ok())
    }

    /// The images of the profiles that are offered.
    pub fn images(&self) -> BTreeSet<&str> {
        self.offered().map(|(_, choice)| &*choice.image).filter(|image| !image.is_empty()).collect()
    }

    /// Offers what may be chosen; `present` are images that the engine's node has already.
    ///
    /// # Errors
    ///
    /// The operator's template fails; what is wrong with it.
    pub fn offer(&self, present: &BTreeSet<String>) -> Result<Event, Box<Diagnostic>> {
        let profiles = self.offered().map(|(_, choice)| Offer {
            name: choice.name.to_string(),
            description: choice.description.as_deref().map(str::to_owned),
            image: choice.image.to_string(),
        });
        let profiles = profiles.collect();
        let first = self.first.and_then(|index| self.choices.get(index));
        let html = if self.asks() { Some(page::render(self, present)?) } else { None };
        Ok(Event::Form { html, profile: first.map(|choice| choice.name.to_string()), profiles })
    }

    /// What a filled-in form means.
    ///
    /// # Errors
    ///
    /// Everything that it asks for and the user may not have.
    pub fn options(&self, posted: &request::Form) -> Result<Event, Box<Failed>> {
        match posted::options(self, posted) {
            Ok(user_options) => Ok(Event::Options { user_options }),
            Err(refusals) => Err(words::refused(&refusals, refusals.join("\n"))),
        }
    }
}

#[cfg(test)]
mod tests;
