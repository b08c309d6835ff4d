//! The program's commands on a scenario's config, and what they tell.

use std::process::{Child, Output, Stdio};

use serde_json::Value;

use crate::scenario::Scenario;

/// What a command told.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        // One that a signal ended has no code.
        let code = output.status.code().unwrap_or(-1);
        Self { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// Checks its exit code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Checks that it tells something to people.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in: {}", self.stderr);
        self
    }

    /// The outcome of an `apply` or `destroy` with `--progress json`.
    pub(crate) fn outcome(&self) -> Value {
        let events = self.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut outcomes = events.filter(|event| event["event"] == "outcome");
        let (Some(outcome), None) = (outcomes.next(), outcomes.next()) else {
            panic!("not one outcome: {}\n{}", self.stdout, self.stderr)
        };
        outcome
    }

    /// The users of an outcome whose server is in some state.
    pub(crate) fn users_that(&self, state: &str) -> Vec<String> {
        let outcome = self.outcome();
        let reports = outcome["reports"].as_array().unwrap();
        let that = reports.iter().filter(|report| report["state"] == state);
        let mut users: Vec<String> =
            that.filter_map(|report| Some(report["subject"]["user"].as_str()?.to_owned())).collect();
        users.sort();
        users
    }
}

/// What a plan tells.
pub(crate) struct Planned {
    pub(crate) code: i32,
    document: Value,
}

impl Planned {
    /// The users whose server has some fate.
    pub(crate) fn users(&self, action: &str) -> Vec<&str> {
        let services = self.document["services"].as_array().unwrap().iter();
        services
            .filter(|service| service["action"] == action)
            .map(|service| service["user"].as_str().unwrap())
            .collect()
    }

    /// What differs, a line each: the user, the field, and why.
    pub(crate) fn changes(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for service in self.document["services"].as_array().unwrap() {
            for change in service["changes"].as_array().unwrap() {
                lines.push(format!("{} {} {}", service["user"], change["field"], change));
            }
        }
        lines
    }

    /// Why each difference is one.
    pub(crate) fn causes(&self) -> Vec<String> {
        let services = self.document["services"].as_array().unwrap();
        let changes = services.iter().flat_map(|service| service["changes"].as_array().unwrap());
        changes.map(|change| change["cause"].as_str().unwrap().to_owned()).collect()
    }

    /// Checks that there is nothing to do.
    #[track_caller]
    pub(crate) fn is_empty(&self) {
        let summary = &self.document["summary"];
        assert_eq!((self.code, self.changes()), (0, Vec::new()), "{summary}");
    }
}

impl Scenario<'_> {
    /// Writes the config: what is its own before the profiles, and after them. There is one profile, the stand-in that serves.
    pub(crate) fn has_config(&self, before: &str, after: &str) {
        let name = self.name();
        self.write(
            "swarmgen.toml",
            &format!(
                "version = 1\ndeployment = \"{name}\"\nservice_prefix = \"{name}\"\nnaming.scheme = \"slug\"\n{before}\n\
                 [[images]]\nname = \"Stand-in\"\nimage = \"stand-in/notebook:serves\"\n{after}\n"
            ),
        );
    }

    /// Runs the program, and gives what it told.
    pub(crate) fn ran(&self, arguments: &[&str]) -> Ran {
        self.tries(arguments).into()
    }

    /// Plans, and gives what is to be done.
    pub(crate) fn plans(&self, arguments: &[&str]) -> Planned {
        let ran = self.ran(&[&["plan", "--resolve-image", "never", "--format", "json"], arguments].concat());
        assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
        Planned { code: ran.code, document: serde_json::from_str(&ran.stdout).unwrap() }
    }

    /// Applies, and gives what became of it.
    pub(crate) fn applies(&self, arguments: &[&str]) -> Ran {
        self.ran(&[&["apply", "--resolve-image", "never"], arguments].concat())
    }

    /// Begins to apply.
    pub(crate) fn begins_to_apply(&self, arguments: &[&str]) -> Child {
        let mut command = self.swarmgen(&[&["apply", "--resolve-image", "never"], arguments].concat());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Removes everything of the deployment.
    pub(crate) fn destroys_all(&self) -> Ran {
        self.ran(&["destroy", "--all", "--yes"])
    }
}
