//! What went wrong, told by bollard's errors and what lies below them.

use std::error::Error as StdError;

use ::bollard::errors::Error;
use hyper_util::client::legacy;

use crate::apply::api::ApiError;
use crate::apply::dial::DialError;

/// Sorts an error.
pub(super) fn of(error: Error, endpoint: &str) -> ApiError {
    match error {
        Error::DockerResponseServerError { status_code, message } => answered(status_code, message, endpoint),
        Error::IOError { err } => unanswered(&err, endpoint),
        error => unanswered(&error, endpoint),
    }
}

fn answered(status: u16, message: String, endpoint: &str) -> ApiError {
    let message = match message.trim() {
        "" => format!("{endpoint} answered with status {status} and no message"),
        message => message.to_owned(),
    };
    match status {
        404 => ApiError::NotFound { message },
        409 => ApiError::Conflict { message },
        400..=499 => ApiError::Refused { status, message },
        500.. if message.contains("update out of sequence") => ApiError::OutOfSequence { message },
        500.. => ApiError::Engine { status, message },
        _ => ApiError::NoAnswer { message: format!("{endpoint} answered with status {status}, as no engine does") },
    }
}

/// Whether the call reached the engine is told by where the error arose: while connecting, it did not.
fn unanswered(error: &(dyn StdError + 'static), endpoint: &str) -> ApiError {
    let mut connecting = false;
    let mut words = String::new();
    for cause in Causes(Some(error)) {
        if let Some(error) = cause.downcast_ref::<legacy::Error>() {
            connecting |= error.is_connect();
        }
        #[cfg(feature = "remote")]
        if let Some(error) = cause.downcast_ref::<tokio_rustls::rustls::Error>() {
            // An engine tells that it wants a certificate when the handshake is over for the client.
            let reason = crate::apply::dial::tls::words_of(error);
            let message = format!("cannot connect to {endpoint}: the TLS handshake was refused: {reason}");
            return ApiError::Unreachable { message };
        }
        words = cause.to_string();
        // It tells more than the operating system's reason below it.
        if cause.is::<DialError>() {
            break;
        }
    }
    if connecting {
        ApiError::Unreachable { message: format!("cannot connect to {endpoint}: {words}") }
    } else {
        ApiError::NoAnswer { message: format!("no answer from {endpoint}: {words}") }
    }
}

/// An error and what caused it, also where an I/O error is a wrapping.
struct Causes<'a>(Option<&'a (dyn StdError + 'static)>);

impl<'a> Iterator for Causes<'a> {
    type Item = &'a (dyn StdError + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        let error = self.0?;
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        self.0 = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
        Some(error)
    }
}
