//! What a user may choose, and what a filled-in form means.

use crate::resolve::Compiler;
use crate::resolve::roster::User;

use super::event::{Event, Failed};
use super::request::Request;

/// Offers the profiles that the user may use; or says what a filled-in form means.
///
/// # Errors
///
/// A form that cannot be understood.
pub fn form(_compiler: &Compiler<'_>, _user: &User<'_>, _request: &Request) -> Result<Event, Box<Failed>> {
    Ok(Event::Form { html: None, profile: None, profiles: Vec::new() })
}
