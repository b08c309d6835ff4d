//! Results in files, whole or not at all.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::{NamedTempFile, SpooledTempFile};

use super::error::Failure;

/// What is kept in memory before it goes to a file without a name, in bytes.
const IN_MEMORY: usize = 8 << 20;

/// Writes a file under a temporary name beside it, then renames it.
pub(super) fn write_file(path: &Path, bytes: &[u8], private: bool) -> Result<(), Failure> {
    let mut file = begin(path, private)?;
    file.write_all(bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    finish(file, path)
}

/// Starts a file: a temporary one in the same directory, for its owner only if `private`.
fn begin(path: &Path, private: bool) -> Result<NamedTempFile, Failure> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".swarmgen-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The umask takes away from this what it takes away from every new file.
        builder.permissions(std::fs::Permissions::from_mode(if private { 0o600 } else { 0o666 }));
    }
    let file = builder.tempfile_in(directory).with_context(|| format!("cannot write in `{}`", directory.display()))?;
    Ok(file)
}

fn finish(file: NamedTempFile, path: &Path) -> Result<(), Failure> {
    file.as_file().sync_all().with_context(|| format!("cannot write `{}`", path.display()))?;
    file.persist(path).map_err(|error| error.error).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(())
}

/// A result that grows while it is made and appears only when it is complete.
///
/// It is kept in memory or, when large, in a file that has no name and that only its owner may read, so that nothing of
/// it is left behind however the process ends.
pub(super) struct Spool(SpooledTempFile);

impl Spool {
    /// Makes an empty one.
    pub(super) fn new() -> Self {
        Self(SpooledTempFile::new(IN_MEMORY))
    }

    /// Adds to it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.0.write_all(bytes).context("cannot write a temporary file")?;
        Ok(())
    }

    /// Copies all of it.
    fn copy_to(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        let mut buffer = zeroize::Zeroizing::new(vec![0; 1 << 17]);
        loop {
            match self.0.read(&mut buffer)? {
                0 => return Ok(()),
                read => out.write_all(buffer.get(..read).unwrap_or_default())?,
            }
        }
    }
}

/// Where a result goes.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// Standard output.
    Stdout,
    /// One file.
    File(PathBuf),
}

impl Destination {
    /// Writes the parts of a result one after the other; `private` results are for their owner only.
    pub(super) fn write(&self, parts: &mut [Spool], private: bool) -> Result<(), Failure> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                for part in parts {
                    part.copy_to(&mut stdout)?;
                }
                stdout.flush()?;
                Ok(())
            }
            Self::File(path) => {
                let mut file = begin(path, private)?;
                for part in parts {
                    part.copy_to(&mut file).with_context(|| format!("cannot write `{}`", path.display()))?;
                }
                finish(file, path)
            }
        }
    }
}

/// What standard output is, as far as secrets care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StdoutKind {
    /// A regular file that only its owner can read, or a device that keeps nothing.
    Private,
    /// A regular file that others can read.
    Readable,
    /// A terminal, a pipe or a socket.
    Shown,
}

/// Looks at standard output.
#[cfg(unix)]
pub(super) fn stdout_kind() -> StdoutKind {
    use std::io::IsTerminal as _;
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    let stdout = io::stdout();
    if stdout.is_terminal() {
        return StdoutKind::Shown;
    }
    let metadata = stdout.as_fd().try_clone_to_owned().and_then(|own| std::fs::File::from(own).metadata());
    match metadata {
        Ok(metadata) if metadata.is_file() => {
            if metadata.permissions().mode() & 0o077 == 0 {
                StdoutKind::Private
            } else {
                StdoutKind::Readable
            }
        }
        Ok(metadata) if metadata.file_type().is_char_device() => StdoutKind::Private,
        _ => StdoutKind::Shown,
    }
}

/// Looks at standard output.
#[cfg(not(unix))]
pub(super) fn stdout_kind() -> StdoutKind {
    use std::io::IsTerminal as _;
    if io::stdout().is_terminal() { StdoutKind::Shown } else { StdoutKind::Readable }
}
