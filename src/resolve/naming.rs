//! Names: the owner made from a username, the part made from a server's name, and the service's name made of both.
//!
//! # Why no two servers share a service
//!
//! A hub asks about one user at a time, so a clash cannot be found by comparing: the name itself must tell the user
//! and the server apart. A name is `{prefix}-{owner}-1` for a default server, and `{prefix}-{owner}{joint}{server}` for
//! a named one. The prefix is the same for a whole config, so what follows it has to be decodable:
//!
//! - The part of a named server is a slug. It starts with a letter, so it is never `1`: a server that is *named* `1`
//!   gets `x-1---6b86b273`. Different names have different slugs up to a collision in 32 bits, with which a user could
//!   harm only himself.
//! - `sha256`, `md5`: the owner is always 32 characters, so the joint `-` is where it ends. Two users share an owner
//!   only with a collision of the hash (128 bits of each).
//! - `slug`: the joint is `--`. A slug is either plain, with single dashes only, or `{safe part}---{8 hex digits}`, and
//!   neither starts nor ends with a dash. So look at the first run of more than one dash. There is none: a default
//!   server with a plain owner. It is two long: the joint, after a plain owner. It is longer: the owner is hashed and
//!   ends eight digits later; what follows is `-1`, or `--` and the server.
//! - `escaped`: no two dashes meet in an owner and none ends it, so the first `--` is the joint. Only bytes below 16 can
//!   clash, which `DockerSpawner` escapes with one digit.
//! - `username`, `last32`: the name cannot promise it (`a--b` is a username, `last32` cuts). There the owner's label on
//!   the existing service decides.

mod slug;

use md5::Md5;
use sha2::{Digest, Sha256};

pub use slug::slug;

/// The longest service name that Swarm takes, and the longest DNS label; a stack's prefix counts towards it.
pub const MAX_SERVICE_NAME: usize = 63;
/// The longest owner of the schemes that bound it, and the longest username that is its own slug.
pub const MAX_OWNER: usize = 32;
/// The longest part of a named server: with an owner of 32 and the prefix `jupyter`, 21 remain.
pub const MAX_SERVER: usize = 20;
/// The part of the default server, which has no name.
pub const DEFAULT_SERVER: &str = "1";

/// How an owner is made from a username.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// The first 32 hex digits of the username's SHA-256.
    #[default]
    Sha256,
    /// As `KubeSpawner`: a safe name as it is, any other `{safe part}---{8 hex digits}`.
    Slug,
    /// The hex digits of the username's MD5.
    Md5,
    /// The username as given.
    Username,
    /// The last 32 characters of the username, as `SwarmSpawner` 0.6.
    Last32,
    /// As `DockerSpawner`: lower-case letters and digits as they are, every other byte `-` and its hex digits.
    Escaped,
}

impl Scheme {
    /// Every scheme, in the order in which they are listed to users.
    pub const ALL: [Self; 6] = [Self::Sha256, Self::Slug, Self::Md5, Self::Username, Self::Last32, Self::Escaped];

    /// The name in a config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Slug => "slug",
            Self::Md5 => "md5",
            Self::Username => "username",
            Self::Last32 => "last32",
            Self::Escaped => "escaped",
        }
    }

    /// Finds a scheme by its name in a config.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// Tells whether no two usernames have the same owner under this scheme; digests are taken to be unique.
    pub fn is_unique(self) -> bool {
        matches!(self, Self::Sha256 | Self::Slug | Self::Md5)
    }

    /// Tells whether an owner is nothing that a user could have chosen as a name.
    pub fn hides_usernames(self) -> bool {
        matches!(self, Self::Sha256 | Self::Md5)
    }

    /// Tells whether owners keep underscores: services that SwarmSpawner made have them, and they are reached by name.
    fn keeps_underscores(self) -> bool {
        matches!(self, Self::Username | Self::Last32)
    }

    /// What stands between an owner and a named server's part; the module says why.
    fn joint(self) -> &'static str {
        match self {
            Self::Sha256 | Self::Md5 => "-",
            Self::Slug | Self::Username | Self::Last32 | Self::Escaped => "--",
        }
    }
}

/// Makes the owner of a username.
///
/// The schemes `username` and `last32` may yield what no service name can hold; [`service_name`] finds that.
pub fn owner(scheme: Scheme, username: &str) -> String {
    match scheme {
        Scheme::Sha256 => {
            let digest = Sha256::digest(username);
            hex::encode(&digest[..MAX_OWNER / 2])
        }
        Scheme::Slug => slug(username, MAX_OWNER),
        Scheme::Md5 => hex::encode(Md5::digest(username)),
        Scheme::Username => username.to_owned(),
        Scheme::Last32 => {
            let surplus = username.chars().count().saturating_sub(32);
            username.chars().skip(surplus).collect()
        }
        Scheme::Escaped => slug::escaped(username),
    }
}

/// Makes the part that a server's name has in its service's name: `1` for the default server, whose name is empty, and
/// a slug of at most 20 characters for any other.
pub fn server_part(server_name: &str) -> String {
    match server_name {
        "" => DEFAULT_SERVER.to_owned(),
        name => slug(name, MAX_SERVER),
    }
}

/// Part of a service's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The config's `service_prefix`.
    Prefix,
    /// What the naming scheme makes of a username.
    Owner,
    /// What [`server_part`] makes of a server's name.
    Server,
}

impl Part {
    fn words(self) -> &'static str {
        match self {
            Self::Prefix => "`service_prefix`",
            Self::Owner => "the owner's part",
            Self::Server => "the server's part",
        }
    }
}

/// Why a service cannot have the name that its parts make. Its text names the part and no user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name would be longer than 63 characters.
    #[error(
        "the service's name would be {length} characters long, {MAX_SERVICE_NAME} are allowed: {} takes {part_length}",
        part.words()
    )]
    TooLong {
        /// The part to blame.
        part: Part,
        /// That part's length, in characters.
        part_length: usize,
        /// The whole name's length, in characters.
        length: usize,
    },
    /// The name would be no DNS label.
    #[error(
        "the service's name would be no DNS label: {} may hold lower-case letters, digits and inner dashes only",
        part.words()
    )]
    NotALabel {
        /// The part to blame.
        part: Part,
        /// Its text.
        text: String,
    },
}

impl NameError {
    /// The part to blame.
    pub fn part(&self) -> Part {
        match self {
            Self::TooLong { part, .. } | Self::NotALabel { part, .. } => *part,
        }
    }
}

/// Makes a service's name: `{prefix}-{owner}-{server}`, where what joins a named server depends on the scheme.
///
/// `server` comes from [`server_part`]. An owner's ASCII letters are lowered, since DNS look-ups of a name with capitals
/// fail; clashes therefore have to be looked for in this name.
///
/// # Errors
///
/// If the name would have more than 63 characters, or would not match `[a-z0-9]([-a-z0-9]*[a-z0-9])?`; under the schemes
/// `username` and `last32` the owner's part may hold underscores.
pub fn service_name(scheme: Scheme, prefix: &str, owner: &str, server: &str) -> Result<String, NameError> {
    let owner = owner.to_ascii_lowercase();
    let dashed = |text: &str| !text.is_empty() && text.bytes().all(is_label_byte);
    let parts = [
        (Part::Prefix, prefix, dashed(prefix) && !prefix.starts_with('-')),
        (
            Part::Owner,
            owner.as_str(),
            dashed(&if scheme.keeps_underscores() { owner.replace('_', "-") } else { owner.clone() }),
        ),
        (Part::Server, server, is_dns_label(server)),
    ];
    if let Some((part, text, _)) = parts.iter().find(|(.., fits)| !fits) {
        return Err(NameError::NotALabel { part: *part, text: (*text).to_owned() });
    }
    let joint = if server == DEFAULT_SERVER { "-" } else { scheme.joint() };
    let name = format!("{prefix}-{owner}{joint}{server}");
    let length = name.len();
    if length <= MAX_SERVICE_NAME {
        return Ok(name);
    }
    // A prefix that leaves no room for a default server with the longest owner is to blame, then a longer owner.
    let longest_prefix = MAX_SERVICE_NAME - MAX_OWNER - 3;
    let (part, part_length) = if prefix.len() > longest_prefix {
        (Part::Prefix, prefix.len())
    } else if owner.len() > MAX_OWNER {
        (Part::Owner, owner.len())
    } else {
        (Part::Server, server.len())
    };
    Err(NameError::TooLong { part, part_length, length })
}

/// Tells whether a text matches `[a-z0-9]([-a-z0-9]*[a-z0-9])?`: a DNS label, apart from its length.
pub fn is_dns_label(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(is_label_byte)
}

fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

#[cfg(test)]
mod tests;
