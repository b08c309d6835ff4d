//! What the compiler reads from outside: files, variables, commands.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroizing;

/// Why something outside could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is nothing of that name.
    #[error("no such file")]
    NotFound,
    /// The path names a directory.
    #[error("it is a directory")]
    Directory,
    /// The file is larger than asked for.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The bound, in bytes.
        limit: u64,
    },
    /// The bytes are not UTF-8.
    #[error("it is not UTF-8 text: invalid byte at offset {offset}")]
    NotUtf8 {
        /// The offset of the first bad byte.
        offset: usize,
        /// The line it is in, from 1.
        line: usize,
        /// Whether the bytes start as UTF-16 does, with its byte order mark.
        utf16: bool,
    },
    /// Standard input was read before.
    #[error("standard input was read already: name `-` once")]
    ReadBefore,
    /// The environment lacks the variable.
    #[error("the environment has no such variable")]
    NoVariable,
    /// The command could not be started or ended with a failure; what it printed is not told.
    #[error("the command failed: {0}")]
    Command(String),
    /// The operating system refused.
    #[error("{0}")]
    Io(std::io::Error),
}

/// Everything that the compiler reads besides its arguments; tests put their own in its place.
pub trait World: Sync {
    /// Reads a text file; `-` is standard input.
    ///
    /// # Errors
    ///
    /// As [`ReadError`] says; with a `limit` in bytes, nothing beyond it is read.
    fn read(&self, path: &Path, limit: Option<u64>) -> Result<Zeroizing<String>, ReadError>;

    /// Reads an environment variable.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoVariable`], or [`ReadError::NotUtf8`].
    fn variable(&self, name: &str) -> Result<Zeroizing<String>, ReadError>;

    /// Runs a command and takes its standard output, without one final newline; its standard error is discarded.
    ///
    /// # Errors
    ///
    /// [`ReadError::Command`], or [`ReadError::NotUtf8`].
    fn output(&self, command: &[String], directory: &Path) -> Result<Zeroizing<String>, ReadError>;
}

/// Whether standard input was read, which is there once for the whole process.
static READ: AtomicBool = AtomicBool::new(false);

/// The real world.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl World for Disk {
    fn read(&self, path: &Path, limit: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        if path == Path::new("-") {
            if READ.swap(true, Ordering::Relaxed) {
                return Err(ReadError::ReadBefore);
            }
            return bounded(std::io::stdin().lock(), limit, 0);
        }
        let file = std::fs::File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ReadError::NotFound,
            _ => ReadError::Io(error),
        })?;
        let metadata = file.metadata().map_err(ReadError::Io)?;
        if metadata.is_dir() {
            return Err(ReadError::Directory);
        }
        match limit {
            Some(limit) if metadata.len() > limit => Err(ReadError::TooLarge { limit }),
            _ => bounded(file, limit, metadata.len()),
        }
    }

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, ReadError> {
        match std::env::var(name) {
            Ok(value) => Ok(Zeroizing::new(value)),
            Err(std::env::VarError::NotPresent) => Err(ReadError::NoVariable),
            Err(std::env::VarError::NotUnicode(_)) => Err(ReadError::NotUtf8 { offset: 0, line: 1, utf16: false }),
        }
    }

    fn output(&self, command: &[String], directory: &Path) -> Result<Zeroizing<String>, ReadError> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(ReadError::Command("it is empty".to_owned()));
        };
        let output = std::process::Command::new(program)
            .args(arguments)
            .current_dir(if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory.to_owned() })
            .stdin(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .output()
            .map_err(|error| ReadError::Command(error.to_string()))?;
        let mut text = utf8(output.stdout)?;
        if !output.status.success() {
            return Err(ReadError::Command(output.status.to_string()));
        }
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }
}

fn bounded(reader: impl Read, limit: Option<u64>, expected: u64) -> Result<Zeroizing<String>, ReadError> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 1);
    let most = limit.map_or(u64::MAX, |limit| limit.saturating_add(1));
    reader.take(most).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    match limit {
        Some(limit) if bytes.len() as u64 > limit => Err(ReadError::TooLarge { limit }),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: Vec<u8>) -> Result<Zeroizing<String>, ReadError> {
    String::from_utf8(bytes).map(Zeroizing::new).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let bytes = Zeroizing::new(error.into_bytes());
        let line = bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1;
        let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        ReadError::NotUtf8 { offset, line, utf16 }
    })
}
