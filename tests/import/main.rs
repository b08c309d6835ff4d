//! Python configs, run by the real `python3`: what is recorded of them, and what the command does with it.

#![expect(clippy::unwrap_used, reason = "a test that cannot write its own files has failed")]
#![cfg(unix)]

mod command;
mod examples;
mod objects;
mod settings;
mod spawners;

use std::path::{Path, PathBuf};
use std::time::Duration;

use swarmgen::diag::Diagnostic;
use swarmgen::import::python::Program;
use swarmgen::import::recording::Recording;
use swarmgen::import::value::Py;
use swarmgen::source::SourceMap;

/// A folder with a config, its modules and its interpreter.
struct Folder {
    directory: tempfile::TempDir,
    python: PathBuf,
}

impl Folder {
    /// Where no package is installed.
    fn bare(files: &[(&str, &str)]) -> Self {
        let folder = Self::with(files);
        folder.interpreter("exec python3 -I -S \"$@\"")
    }

    /// Where the packages are installed that lie in the folder `installed`.
    fn installed(files: &[(&str, &str)]) -> Self {
        let folder = Self::with(files);
        let path = folder.path("installed");
        folder.interpreter(&format!("PYTHONPATH='{}' exec python3 -S \"$@\"", path.display()))
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { directory, python: PathBuf::from("python3") }
    }

    fn interpreter(mut self, command: &str) -> Self {
        self.python = self.path("python");
        std::fs::write(&self.python, format!("#!/bin/sh\n{command}\n")).unwrap();
        std::fs::set_permissions(&self.python, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs `config.py`.
    fn run(&self) -> Result<Recording, Box<Diagnostic>> {
        let file = self.path("config.py");
        let program = Program { file: &file, python: &self.python, timeout: Duration::from_secs(60) };
        program.run(&SourceMap::new()).recording
    }

    fn recording(&self) -> Recording {
        self.run().unwrap_or_else(|diagnostic| panic!("{}", diagnostic.message))
    }
}

/// What a config records where no package is installed.
fn record(config: &str) -> Recording {
    Folder::bare(&[("config.py", config)]).recording()
}

/// What a config fails with.
fn failure(config: &str) -> Diagnostic {
    *Folder::bare(&[("config.py", config)]).run().unwrap_err()
}

/// A setting, as `CLASS.NAME = VALUE @ FILE:LINE`.
fn shown(recording: &Recording) -> Vec<String> {
    let show = |setting: &swarmgen::import::translate::Setting| {
        let file = setting.origin.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        format!("{}.{} = {} @ {file}:{}", setting.class, setting.name, setting.value.repr(), setting.origin.line)
    };
    recording.settings.iter().map(show).collect()
}

/// The value of the only setting.
fn value(config: &str) -> Py {
    let recording = record(config);
    assert_eq!(recording.settings.len(), 1, "{:?}", shown(&recording));
    recording.settings[0].value.clone()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
