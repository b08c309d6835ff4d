//! Results in files, whole or not at all.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};
#[cfg(unix)]
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::{NamedTempFile, SpooledData, SpooledTempFile};
use zeroize::Zeroizing;

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

    /// Copies all of it; from file to file the kernel does so by itself.
    fn copy_to(mut self, out: &mut (impl Write + AsFd)) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        match self.0.into_inner() {
            SpooledData::InMemory(memory) => out.write_all(&Zeroizing::new(memory.into_inner())),
            SpooledData::OnDisk(mut file) => {
                out.flush()?;
                let mut target = File::from(out.as_fd().try_clone_to_owned()?);
                io::copy(&mut file, &mut target).map(drop)
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
    pub(super) fn write(&self, parts: Vec<Spool>, private: bool) -> Result<(), Failure> {
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
                    part.copy_to(file.as_file_mut()).with_context(|| format!("cannot write `{}`", path.display()))?;
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
