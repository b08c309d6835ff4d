//! Which spawner a Python config was written for, and which version of it, as far as that can be told.

use super::recording::{Kind, Recording, Spawner};
use super::text::Dialect;
use super::translate::{Imported, Setting};

/// Whose settings they are, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The spawner.
    pub dialect: Dialect,
    /// What tells the version, where owners' names depend on it.
    pub by: By,
}

/// What tells a version of jhub-SwarmSpawner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The spawner has had one way to name owners only.
    Spawner,
    /// The installed package has this version.
    Package(String),
    /// The config sets what versions before 0.6 alone know.
    Setting(&'static str),
    /// Nothing does: it is taken for the latest.
    Nothing,
}

/// Tells whose settings a recording holds. Without `spawner_class`, settings of DockerSpawner tell.
pub fn told(recording: &Recording) -> Told {
    let dialect = match recording.spawner.as_ref().map(Spawner::kind) {
        Some(Kind::Cassiny) => Dialect::Cassiny,
        Some(Kind::DockerSwarm | Kind::Docker) => Dialect::Docker,
        None if recording.settings.iter().any(|setting| setting.class == "DockerSpawner") => Dialect::Docker,
        Some(Kind::Swarm | Kind::Other) | None => Dialect::Swarm,
    };
    if dialect != Dialect::Swarm {
        return Told { dialect, by: By::Spawner };
    }
    let of = |is_old| if is_old { Dialect::Cassiny } else { Dialect::Swarm };
    if let Some(version) = &recording.spawner_version
        && let Some(is_old) = is_old(version)
    {
        return Told { dialect: of(is_old), by: By::Package(version.clone()) };
    }
    match recording.settings_for_translation().iter().find_map(old_setting) {
        Some(what) => Told { dialect: of(true), by: By::Setting(what) },
        None => Told { dialect: of(false), by: By::Nothing },
    }
}

/// Tells whether a version is before 0.6, from which on owners are no MD5 digests.
fn is_old(version: &str) -> Option<bool> {
    let number = |text: &str| {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text.get(..digits)?.parse::<u32>().ok()
    };
    let mut parts = version.split('.');
    let major = number(parts.next()?)?;
    let minor = parts.next().map_or(Some(0), number)?;
    Some((major, minor) < (0, 6))
}

/// What of a setting only versions before 0.6 know: the trait that `images` was called before 0.4.
fn old_setting(setting: &Setting) -> Option<&'static str> {
    let is_its = matches!(setting.class.as_str(), "SwarmSpawner" | "Spawner");
    (is_its && setting.name == "dockerimages").then_some("dockerimages")
}

impl Told {
    /// Says above `naming` what its scheme rests on.
    pub fn explain(&self, imported: &mut Imported) {
        let mut say = |line: &str| imported.draft.comment("naming", line);
        match &self.by {
            By::Spawner => {}
            By::Package(version) => say(&format!("jhub-swarmspawner {version} is installed.")),
            By::Setting(what) => say(&format!("`{what}` tells a version of jhub-SwarmSpawner before 0.6.")),
            By::Nothing => {
                say("This is how jhub-SwarmSpawner 0.6 does it, and nothing tells the version that you run.");
                say("Before 0.6, names held the username's MD5: write `md5` if yours do.");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared() {
        for (version, old) in [
            ("0.1", Some(true)),
            ("0.4.1", Some(true)),
            ("0.5.9.dev3", Some(true)),
            ("0.6.0", Some(false)),
            ("0.6b1", Some(false)),
            ("0.10.2", Some(false)),
            ("1", Some(false)),
            ("", None),
            ("unknown", None),
            ("0.x", None),
        ] {
            assert_eq!(is_old(version), old, "{version}");
        }
    }
}
