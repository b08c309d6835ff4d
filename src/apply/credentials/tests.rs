use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::apply::fake::run;
use crate::source::{Disk, ReadError};

/// A docker config and helpers in a folder of their own.
struct Given {
    folder: tempfile::TempDir,
    auth_config: String,
}

impl World for Given {
    fn read(&self, path: &Path, limit: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        assert!(path.starts_with(self.folder.path()), "{path:?}");
        Disk.read(path, limit)
    }

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, ReadError> {
        let folder = self.folder.path().display();
        match name {
            "DOCKER_CONFIG" => Ok(Zeroizing::new(folder.to_string())),
            "DOCKER_AUTH_CONFIG" => Ok(Zeroizing::new(self.auth_config.clone())),
            "PATH" => Ok(Zeroizing::new(format!("{folder}:/usr/bin:/bin"))),
            _ => Err(ReadError::NoVariable),
        }
    }

    fn output(&self, _: &[String], _: &Path) -> Result<Zeroizing<String>, ReadError> {
        panic!("helpers are told by their input")
    }
}

impl Given {
    fn new(config: &Value) -> Self {
        let given = Self { folder: tempfile::tempdir().unwrap(), auth_config: String::new() };
        std::fs::write(given.path("config.json"), config.to_string()).unwrap();
        given
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a helper that notes what it is given, and then does this.
    fn helper(self, name: &str, script: &str) -> Self {
        let path = self.path(&format!("docker-credential-{name}"));
        let notes = self.path("notes");
        let text =
            format!("#!/bin/sh\nserver=$(cat)\necho \"{name} $* < $server\" >> '{}'\n{script}\n", notes.display());
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn notes(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("notes")).unwrap_or_default();
        let mut notes: Vec<String> = text.lines().map(str::to_owned).collect();
        notes.sort();
        notes
    }

    fn gather(&self, images: &[&str]) -> Credentials {
        run(Credentials::gather(images.iter().copied(), self, HELPER_LIMIT))
    }
}

/// What the engine reads from the header.
fn read(credentials: &Credentials, image: &str) -> Option<Value> {
    let encoded = credentials.of(image)?.expose();
    Some(serde_json::from_slice(&URL_SAFE.decode(encoded).unwrap()).unwrap())
}

fn auth(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn registries() {
    for (image, registry) in [
        ("notebook", HUB),
        ("jupyter/base-notebook:1", HUB),
        ("docker.io/library/a", HUB),
        ("index.docker.io/a/b", HUB),
        ("quay.io/a/b@sha256:0123456789abcdef0123456789abcdef", "quay.io"),
        ("localhost/a", "localhost"),
        ("host:5000/a", "host:5000"),
        ("Host/a", "Host"),
        ("team/sub/a", HUB),
    ] {
        assert_eq!(registry_of(image).as_deref(), Some(registry), "{image}");
    }
    assert_eq!(registry_of("no image"), None);
}

#[test]
fn what_the_file_holds() {
    let given = Given::new(&json!({"auths": {
        "https://index.docker.io/v1/": {"auth": auth("me:pa:ss?>\0\0")},
        "quay.io": {"auth": auth("q:p").trim_end_matches('=')},
        "https://old.example.org/v1/": {"username": "u", "password": "p"},
        "tokens.example.org": {"identitytoken": "t0ken", "auth": auth("00000000-0000-0000-0000-000000000000:")},
        "bearer.example.org": {"registrytoken": "r"},
        "broken.example.org": {"auth": "s3cret!"},
        "other.example.org": {"auth": auth("never:asked")},
    }}));
    let images = [
        "a",
        "b:2",
        "quay.io/a",
        "old.example.org/a",
        "tokens.example.org/a",
        "bearer.example.org/a",
        "broken.example.org/a",
        "none.example.org/a",
    ];
    let credentials = given.gather(&images);
    let hub = json!({"username": "me", "password": "pa:ss?>", "serveraddress": HUB_KEY});
    assert_eq!(read(&credentials, "a"), Some(hub.clone()));
    assert_eq!(read(&credentials, "b:2"), Some(hub));
    assert_eq!(
        read(&credentials, "quay.io/b"),
        Some(json!({"username": "q", "password": "p", "serveraddress": "quay.io"}))
    );
    let old = json!({"username": "u", "password": "p", "serveraddress": "old.example.org"});
    assert_eq!(read(&credentials, "old.example.org/a"), Some(old));
    let tokens = read(&credentials, "tokens.example.org/a").unwrap();
    assert_eq!((&tokens["identitytoken"], &tokens["password"]), (&json!("t0ken"), &Value::Null));
    assert_eq!(read(&credentials, "bearer.example.org/a").unwrap()["registrytoken"], "r");
    assert_eq!(read(&credentials, "none.example.org/a"), None);
    assert_eq!(read(&credentials, "other.example.org/a"), None, "nobody asked");
    let problem = "the credentials for broken.example.org in the docker config cannot be read; log in anew";
    assert_eq!(credentials.problems, [problem]);
    let shown = format!("{credentials:?}");
    assert!(!shown.contains("pa:ss") && !shown.contains(credentials.of("a").unwrap().expose()), "{shown}");
}

#[test]
fn a_header_has_no_characters_that_urls_lack() {
    let given = Given::new(&json!({"auths": {"quay.io": {"auth": auth("me:>>>???~~~")}}}));
    let credentials = given.gather(&["quay.io/a"]);
    let encoded = credentials.of("quay.io/a").unwrap().expose();
    assert!(encoded.contains('-') || encoded.contains('_'), "{encoded}");
    assert!(!encoded.contains(['+', '/']), "{encoded}");
}

const ANSWERS: &str = r#"echo "{\"ServerURL\": \"$server\", \"Username\": \"u\", \"Secret\": \"s3cret\"}""#;

#[test]
fn helpers_are_asked_once_for_each_registry_through_pipes() {
    let config = json!({
        "auths": {"quay.io": {"auth": auth("not:this")}, "a.example.org": {}},
        "credsStore": "all",
        "credHelpers": {"own.example.org": "own", "a.example.org": ""},
    });
    let given = Given::new(&config)
        .helper("all", ANSWERS)
        .helper("own", r#"echo '{"ServerURL": "x", "Username": "<token>", "Secret": "t0ken"}'"#);
    let credentials = given.gather(&["quay.io/a", "quay.io/b:1", "own.example.org/a", "a.example.org/a", "hub/image"]);
    let of_all = |server: &str| Some(json!({"username": "u", "password": "s3cret", "serveraddress": server}));
    assert_eq!(read(&credentials, "quay.io/b:1"), of_all("quay.io"));
    assert_eq!(read(&credentials, "a.example.org/x"), of_all("a.example.org"));
    assert_eq!(read(&credentials, "hub/image"), of_all(HUB_KEY));
    let own = json!({"identitytoken": "t0ken", "serveraddress": "own.example.org"});
    assert_eq!(read(&credentials, "own.example.org/a"), Some(own));
    assert_eq!(credentials.problems, [""; 0]);
    let notes = [
        "all get < a.example.org",
        "all get < https://index.docker.io/v1/",
        "all get < quay.io",
        "own get < own.example.org",
    ];
    assert_eq!(given.notes(), notes);
}

#[test]
fn helpers_that_give_nothing() {
    let config = json!({"credHelpers": {
        "none.example.org": "none", "fails.example.org": "fails", "talks.example.org": "talks",
        "gone.example.org": "gone", "path.example.org": "../x",
    }});
    let given = Given::new(&config)
        .helper("none", "echo credentials not found in native keychain; exit 1")
        .helper("fails", "echo s3cret; echo s3cret >&2; exit 3")
        .helper("talks", "echo s3cret");
    let images = ["none", "fails", "talks", "gone", "path"].map(|host| format!("{host}.example.org/a"));
    let credentials = given.gather(&images.each_ref().map(String::as_str));
    assert!(images.iter().all(|image| credentials.of(image).is_none()));
    let starts = [
        "no credentials for fails.example.org: `docker-credential-fails get` failed (exit status: 3); try ",
        "no credentials for gone.example.org: `docker-credential-gone get` does not start: ",
        "no credentials for path.example.org: `../x` is no name of a credential helper",
        "no credentials for talks.example.org: `docker-credential-talks get` answers something else; try ",
    ];
    assert_eq!(credentials.problems.len(), starts.len(), "{:?}", credentials.problems);
    for (problem, start) in credentials.problems.iter().zip(starts) {
        assert!(problem.starts_with(start) && !problem.contains("s3cret"), "{problem}");
    }
}

#[test]
fn a_helper_that_reads_nothing_may_answer() {
    let config = json!({"credsStore": "deaf"});
    let given = Given::new(&config).helper("deaf", "");
    let path = given.path("docker-credential-deaf");
    std::fs::write(path, "#!/bin/sh\nexec 0<&-\necho '{\"Username\": \"u\", \"Secret\": \"s\"}'\n").unwrap();
    assert_eq!(read(&given.gather(&["a"]), "a").unwrap()["password"], "s");
}

#[test]
fn the_environment_comes_first() {
    let mut given = Given::new(&json!({"credsStore": "all", "auths": {}})).helper("all", ANSWERS);
    given.auth_config = json!({"auths": {"quay.io": {"auth": auth("env:p")}}}).to_string();
    let credentials = given.gather(&["quay.io/a", "other.example.org/a"]);
    assert_eq!(read(&credentials, "quay.io/a").unwrap()["username"], "env");
    assert_eq!(read(&credentials, "other.example.org/a").unwrap()["username"], "u");
    assert_eq!(given.notes(), ["all get < other.example.org"]);
}

#[test]
fn a_helper_that_does_not_answer_is_not_waited_for() {
    let given = Given::new(&json!({"credsStore": "slow"})).helper("slow", "exec sleep 60");
    let begun = std::time::Instant::now();
    let credentials = run(Credentials::gather(["quay.io/a"], &given, Duration::from_millis(300)));
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(credentials.of("quay.io/a").is_none());
    let told = credentials.problems.concat();
    assert!(told.contains("`docker-credential-slow get` does not answer"), "{told}");
}

#[test]
fn configs_that_hold_nothing_or_cannot_be_read() {
    for (text, problems) in
        [("{}", 0), ("", 0), (r#"{"auths": null, "credHelpers": null}"#, 0), (r#"{"auths": {"x": "s3cret"}}"#, 1)]
    {
        let given = Given::new(&json!({}));
        std::fs::write(given.path("config.json"), text).unwrap();
        let credentials = given.gather(&["quay.io/a"]);
        assert!(credentials.of("quay.io/a").is_none());
        assert_eq!(credentials.problems.len(), problems, "{text}");
        let told = credentials.problems.concat();
        assert!(!told.contains("s3cret"), "{told}");
        std::fs::remove_file(given.path("config.json")).unwrap();
        assert_eq!(given.gather(&["quay.io/a"]).problems, [""; 0], "there is none");
    }
    // What no image needs is not read.
    let given = Given::new(&json!({}));
    std::fs::write(given.path("config.json"), "{").unwrap();
    assert_eq!(given.gather(&[]).problems, [""; 0]);
}
