//! Results in files, whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Seek as _, SeekFrom, Write};
#[cfg(unix)]
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::{NamedTempFile, SpooledData, SpooledTempFile, TempPath};
use zeroize::Zeroizing;

use super::error::Failure;

/// What is kept in memory before it goes to a file without a name, in bytes.
const IN_MEMORY: usize = 8 << 20;

/// Writes a file under a temporary name beside it, then renames it; `private` files are for their owner only.
pub(super) fn write_file(path: &Path, bytes: &[u8], private: bool) -> Result<(), Failure> {
    Pending::whole(path, bytes)?.close(private)?.appear()
}

/// Files of which none appears before all are complete.
#[derive(Default)]
pub(super) struct Several(Vec<Closed>);

impl Several {
    /// Adds a file, under a temporary name beside its own until then.
    pub(super) fn add(&mut self, path: &Path, bytes: &[u8], private: bool) -> Result<(), Failure> {
        self.0.push(Pending::whole(path, bytes)?.close(private)?);
        Ok(())
    }

    /// Lets them appear.
    pub(super) fn appear(self) -> Result<(), Failure> {
        self.0.into_iter().try_for_each(Closed::appear)
    }
}

/// Writes a file that exists, as [`write_file`] does; it keeps its permissions and, where that is allowed, its owner.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    // The temporary name stands beside the file itself, not beside a link to it.
    let target = path.canonicalize().with_context(|| format!("cannot write `{}`", path.display()))?;
    let metadata = target.metadata().with_context(|| format!("cannot write `{}`", path.display()))?;
    if metadata.permissions().readonly() {
        return Err(anyhow::anyhow!("cannot write `{}`: it is read-only", path.display()).into());
    }
    let mut file = Pending::whole(&target, bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        // Only root can give a file away; the group may be one of the user's own.
        let _ = std::os::unix::fs::fchown(file.file.as_file(), None, Some(metadata.gid()));
        let _ = std::os::unix::fs::fchown(file.file.as_file(), Some(metadata.uid()), None);
    }
    file.usual = metadata.permissions();
    file.close(false)?.appear()
}

/// Why nothing can be written somewhere, where more than the system's word can be said.
#[derive(Debug, thiserror::Error)]
#[error("{message}: {help}")]
pub(super) struct Unwritable {
    pub(super) message: String,
    pub(super) help: &'static str,
}

impl From<Unwritable> for Failure {
    fn from(unwritable: Unwritable) -> Self {
        Self::Other(unwritable.into())
    }
}

/// A file that has a temporary name, and that only its owner may read, until it is complete.
struct Pending {
    file: NamedTempFile,
    /// What it may be read by in the end, if it holds no secret.
    usual: Permissions,
    /// Where it appears.
    target: PathBuf,
}

/// The most links that lead to a file, as for Linux.
const MAX_LINKS: usize = 40;

/// The file that a path leads to, be it there or not: a link stays a link.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        if !target.is_symlink() {
            return Ok(target);
        }
        let link = target.read_link()?;
        target = target.parent().unwrap_or(Path::new("")).join(link);
    }
    // In the system's words.
    target.canonicalize()
}

impl Pending {
    fn begin(path: &Path) -> Result<Self, Failure> {
        // The rename would put a file where a device, a pipe or a socket is.
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            let message = format!("`{}` is no regular file", path.display());
            let help = if path.is_dir() { "name another" } else { "redirect standard output to it instead" };
            return Err(Unwritable { message, help }.into());
        }
        let target = followed(path).with_context(|| format!("cannot write `{}`", path.display()))?;
        let directory = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if !directory.is_dir() {
            let message = format!("there is no directory `{}`", directory.display());
            return Err(Unwritable { message, help: "make it first, or name another" }.into());
        }
        let begun = || -> io::Result<_> {
            let mut builder = tempfile::Builder::new();
            builder.prefix(".swarmgen-");
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
            // What the file was open to, or else what the umask leaves of an empty one, is what this one gets in the end,
            // if it holds no secret. A file that was open to others for a moment could still be read by them later.
            let usual = match target.metadata() {
                Ok(earlier) => earlier.permissions(),
                Err(_) => builder.tempfile_in(directory)?.as_file().metadata()?.permissions(),
            };
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
            Ok((builder.tempfile_in(directory)?, usual))
        };
        let (file, usual) = begun().with_context(|| format!("cannot write in `{}`", directory.display()))?;
        Ok(Self { file, usual, target })
    }

    /// One with all that it is to hold.
    fn whole(path: &Path, bytes: &[u8]) -> Result<Self, Failure> {
        let mut file = Self::begin(path)?;
        file.file.write_all(bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(file)
    }

    /// Ends what it holds; `private` files stay for their owner only.
    fn close(self, private: bool) -> Result<Closed, Failure> {
        let Self { file, usual, target } = self;
        if !private {
            let opened = file.as_file().set_permissions(usual);
            opened.with_context(|| format!("cannot write `{}`", target.display()))?;
        }
        Ok(Closed { file: file.into_temp_path(), target })
    }
}

/// A complete file under a temporary name, which goes with this unless it appears.
struct Closed {
    file: TempPath,
    target: PathBuf,
}

impl Closed {
    fn appear(self) -> Result<(), Failure> {
        let Self { file, target } = self;
        Ok(file.persist(&target).with_context(|| format!("cannot write `{}`", target.display()))?)
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

/// A result that grows while it is made and appears only when it is complete.
///
/// Until then it is in memory or, when large, in a file that only its owner may read: one without a name or, on the
/// way to a file, one with a temporary name beside it.
pub(super) struct Output {
    main: Main,
    /// What follows the rest, as it comes to be known.
    last: SpooledTempFile,
}

enum Main {
    Stdout(SpooledTempFile),
    File(Pending, PathBuf),
}

impl Output {
    /// Begins a result.
    pub(super) fn begin(destination: Destination) -> Result<Self, Failure> {
        let main = match destination {
            Destination::Stdout => Main::Stdout(SpooledTempFile::new(IN_MEMORY)),
            Destination::File(path) => Main::File(Pending::begin(&path)?, path),
        };
        Ok(Self { main, last: SpooledTempFile::new(IN_MEMORY) })
    }

    /// Adds to it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.main {
            Main::Stdout(spool) => spool.write_all(bytes).context("cannot write a temporary file")?,
            Main::File(file, path) => {
                file.file.write_all(bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
            }
        }
        Ok(())
    }

    /// Adds to what comes after everything else.
    pub(super) fn push_last(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.last.write_all(bytes).context("cannot write a temporary file")?)
    }

    /// Lets it appear; `private` results are for their owner only.
    pub(super) fn appear(self, private: bool) -> Result<(), Failure> {
        match self.main {
            Main::Stdout(spool) => {
                let mut stdout = io::stdout().lock();
                copy(spool, &mut stdout)?;
                copy(self.last, &mut stdout)?;
                stdout.flush()?;
                Ok(())
            }
            Main::File(mut file, path) => {
                copy(self.last, file.file.as_file_mut())
                    .with_context(|| format!("cannot write `{}`", path.display()))?;
                file.close(private)?.appear()
            }
        }
    }
}

/// Copies a spool; from file to file the kernel does so by itself.
fn copy(mut spool: SpooledTempFile, out: &mut (impl Write + AsFd)) -> io::Result<()> {
    spool.seek(SeekFrom::Start(0))?;
    match spool.into_inner() {
        SpooledData::InMemory(memory) => out.write_all(&Zeroizing::new(memory.into_inner())),
        SpooledData::OnDisk(mut file) => {
            out.flush()?;
            let mut target = File::from(out.as_fd().try_clone_to_owned()?);
            io::copy(&mut file, &mut target).map(drop)
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
