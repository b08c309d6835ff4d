//! Files that users send along with a request, to be found in their servers: Swarm configs of the server's own.
//!
//! SwarmSpawner takes any name and, by the hub's API, any file; here a request is bound as the form is.

use std::sync::Arc;

use crate::check::object::{MOST_NAME, MOST_OF_CONFIG};
use crate::diag::{Code, Diagnostic, code};
use crate::ir::{FileReference, Text};
use crate::source::{Node, Span};

use super::{Compiler, Names, Request};

/// The key of a request that holds the files.
pub const KEY: &str = "user_install_files";

/// The most files of one request.
pub const MOST_FILES: usize = 10;

/// Where SwarmSpawner puts files unless told.
pub(super) const DIRECTORY: &str = "/user-installs";

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The name of the Swarm config that is to hold it.
    pub config: Arc<str>,
    /// Its path in the container.
    pub path: Arc<str>,
    /// Its text.
    pub content: Arc<str>,
}

impl Upload {
    /// How the service refers to it.
    pub(super) fn reference(&self) -> FileReference {
        FileReference {
            name: Text::from(Arc::clone(&self.config)),
            id: None,
            file: Text::from(Arc::clone(&self.path)),
            uid: Text::from("0"),
            gid: Text::from("0"),
            mode: 0o444,
        }
    }
}

fn refuse(code: &'static Code, span: Span, message: impl Into<String>, help: &str) -> Diagnostic {
    Diagnostic::new(code, message.into()).at(span, "").help(help.to_owned())
}

impl Compiler<'_> {
    /// The files of a request, if it may have any; a request that may not is refused with its other options.
    pub(super) fn uploads(&self, names: &Names, request: &Request<'_>, findings: &mut Vec<Diagnostic>) -> Vec<Upload> {
        let asked = request.options.filter(|_| self.settings.uploads).and_then(|options| options.get(KEY));
        let Some(asked) = asked else { return Vec::new() };
        let Some(files) = asked.as_seq() else {
            findings.push(refuse(&code::WRONG_TYPE, asked.span, format!("`{KEY}` is no list"), "list the files"));
            return Vec::new();
        };
        if files.len() > MOST_FILES {
            let message = format!("{} files are sent along", files.len());
            findings.push(refuse(&code::OPTION_OUT_OF_BOUNDS, asked.span, message, "send at most 10"));
            return Vec::new();
        }
        let mut uploads: Vec<Upload> = Vec::new();
        for file in files {
            match self.upload(names, file, uploads.len()) {
                Ok(upload) if uploads.iter().any(|own| own.path == upload.path) => findings.push(refuse(
                    &code::DUPLICATE_TARGET,
                    file.span,
                    "two files have the same name",
                    "send one of them, or give it another name",
                )),
                Ok(upload) => uploads.push(upload),
                Err(refused) => findings.push(*refused),
            }
        }
        uploads
    }

    fn upload(&self, names: &Names, file: &Node, index: usize) -> Result<Upload, Box<Diagnostic>> {
        let text = |key: &str| {
            let node = file.get(key).ok_or_else(|| {
                let message = format!("a file lacks its `{key}`");
                Box::new(refuse(&code::MISSING_KEY, file.span, message, "send `name`, `extension` and `data`"))
            })?;
            node.as_str().map(|text| (text, node.span)).ok_or_else(|| {
                let message = format!("a file's `{key}` is no text");
                Box::new(refuse(&code::WRONG_TYPE, node.span, message, "send text, not bytes"))
            })
        };
        let ((name, span), (extension, of_extension), (content, of_content)) =
            (text("name")?, text("extension")?, text("data")?);
        let allowed = &self.settings.upload_extensions;
        if !allowed.iter().any(|own| &**own == extension) {
            let help = format!("send a file that ends in {}", allowed.join(" or "));
            let message = "a file of this kind may not be sent along";
            return Err(Box::new(refuse(&code::OPTION_OUT_OF_BOUNDS, of_extension, message, &help)));
        }
        let whole = format!("{name}{extension}");
        let unsafe_name = name.is_empty() || name.contains('/') || whole.chars().any(char::is_control);
        if unsafe_name || whole.starts_with("..") || whole.len() > 255 {
            let message = "a file's name would lead out of its directory";
            return Err(Box::new(refuse(&code::UNSAFE_PATH, span, message, "send it under a plain name")));
        }
        if content.is_empty() || content.len() > MOST_OF_CONFIG {
            let message = format!("a file has {} bytes", content.len());
            let help = "send 1 to 1,023,999 bytes";
            return Err(Box::new(refuse(&code::OPTION_OUT_OF_BOUNDS, of_content, message, help)));
        }
        let directory = self.settings.upload_directory.trim_end_matches('/');
        Ok(Upload {
            config: self.upload_name(names, index).into(),
            path: format!("{directory}/{whole}").into(),
            content: content.into(),
        })
    }

    /// `{prefix}-{owner}-upload-{index}` for a default server, as SwarmSpawner has it.
    fn upload_name(&self, names: &Names, index: usize) -> String {
        let service = &names.service;
        let base = match service.strip_suffix("-1") {
            Some(base) if &*names.server == super::naming::DEFAULT_SERVER => base,
            _ => service,
        };
        let name = format!("{base}-upload-{index}");
        if name.len() <= MOST_NAME {
            return name;
        }
        let digest = super::naming::owner(super::naming::Scheme::Sha256, base);
        format!("swarmgen-{digest}-upload-{index}")
    }
}
