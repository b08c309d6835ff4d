use std::collections::BTreeMap;

use super::*;

/// Files and variables of a test.
#[derive(Default)]
struct Given {
    variables: BTreeMap<&'static str, String>,
    files: BTreeMap<PathBuf, String>,
}

impl World for Given {
    fn read(&self, path: &Path, _: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        if path.ends_with("broken") {
            return Err(ReadError::Directory);
        }
        self.files.get(path).cloned().map(Zeroizing::new).ok_or(ReadError::NotFound)
    }

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, ReadError> {
        self.variables.get(name).cloned().map(Zeroizing::new).ok_or(ReadError::NoVariable)
    }

    fn output(&self, _: &[String], _: &Path) -> Result<Zeroizing<String>, ReadError> {
        panic!("nothing is run")
    }
}

impl Given {
    fn new(variables: &[(&'static str, &str)]) -> Self {
        let home = ("HOME", "/home/me");
        let variables = std::iter::once(&home).chain(variables).map(|(name, value)| (*name, (*value).to_owned()));
        Self { variables: variables.collect(), files: BTreeMap::new() }
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.to_owned());
        self
    }

    /// Adds a context as the docker CLI writes it; the folder is the SHA-256 of its name.
    fn context(self, name: &str, host: &str) -> Self {
        let folder = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(name));
        let meta = format!(r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{host}}}}}"#);
        self.file(&format!("/home/me/.docker/contexts/meta/{folder}/meta.json"), &meta)
    }

    fn find(&self, hosts: &[&str], context: Option<&str>) -> Result<Endpoint, ConnectError> {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        find(&Arguments { hosts, context: context.map(str::to_owned) }, self)
    }

    fn shown(&self, hosts: &[&str], context: Option<&str>) -> String {
        match self.find(hosts, context) {
            Ok(endpoint) => endpoint.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

const CURRENT: &str = r#"{"auths": {}, "currentContext": "current"}"#;

#[test]
fn what_names_the_engine_comes_in_the_cli_s_order() {
    let mut given = Given::new(&[("DOCKER_HOST", "tcp://variable"), ("DOCKER_CONTEXT", "by-variable")])
        .context("by-argument", r#"{"Host":"tcp://argument:1"}"#)
        .context("by-variable", r#"{"Host":"unix:///variable.sock","SkipTLSVerify":false}"#)
        .context("current", r#"{"Host":"ssh://me@current"}"#)
        .file("/home/me/.docker/config.json", CURRENT);
    assert_eq!(given.shown(&["tcp://a:1"], Some("x")), "`-H` and `--context` both name an engine: give one of them");
    assert_eq!(given.shown(&["tcp://a:1"], None), "tcp://a:1");
    assert_eq!(given.shown(&[], Some("by-argument")), "tcp://argument:1 (context `by-argument`)");
    // The context of that name is what the variables say.
    assert_eq!(given.shown(&[], Some("default")), "tcp://variable:2375 (from DOCKER_HOST)");
    assert_eq!(given.shown(&[], Some("")), "tcp://variable:2375 (from DOCKER_HOST)");
    assert_eq!(given.shown(&[], None), "tcp://variable:2375 (from DOCKER_HOST)");
    given.variables.insert("DOCKER_HOST", String::new());
    assert_eq!(given.shown(&[], None), "unix:///variable.sock (context `by-variable`)");
    given.variables.remove("DOCKER_CONTEXT");
    assert_eq!(given.shown(&[], None), "ssh://me@current (context `current`)");
    assert_eq!(given.shown(&["unix:///x"], None), "unix:///x");
    given.variables.insert("DOCKER_CONTEXT", "default".to_owned());
    assert_eq!(given.shown(&[], None), "unix:///var/run/docker.sock");
    given.variables.remove("DOCKER_CONTEXT");
    given.files.insert("/home/me/.docker/config.json".into(), "{}".to_owned());
    assert_eq!(given.shown(&[], None), "unix:///var/run/docker.sock");
    given.files.clear();
    assert_eq!(given.find(&[], None).unwrap().origin, Origin::Default);
}

#[test]
fn several_hosts_are_refused() {
    assert_eq!(Given::new(&[]).shown(&["a", "b"], None), "several engines are named: give `-H` once");
}

#[test]
fn the_config_is_where_docker_config_says() {
    let given = Given::new(&[("DOCKER_CONFIG", "/elsewhere")])
        .file("/elsewhere/config.json", CURRENT)
        .file("/home/me/.docker/config.json", "{");
    let expected = "there is no context `current` in /elsewhere/contexts; `docker context ls` lists those that exist (the docker config's `currentContext` names it)";
    assert_eq!(given.shown(&[], None), expected);
    // Nothing is read that is not needed.
    assert_eq!(Given::new(&[("DOCKER_CONFIG", "/broken")]).shown(&["tcp://a:1"], None), "tcp://a:1");
    let nobody = Given { variables: BTreeMap::new(), files: BTreeMap::new() };
    assert_eq!(nobody.shown(&[], None), "unix:///var/run/docker.sock");
}

#[test]
fn a_config_that_cannot_be_read_is_told_and_not_quoted() {
    let given = Given::new(&[]).file("/home/me/.docker/config.json", "{\"auths\": {\"x\": \"s3cret\", }");
    let error = given.shown(&[], None);
    assert!(
        error.starts_with(
            "cannot read /home/me/.docker/config.json: it is not what docker writes there: line 1, column "
        )
    );
    assert!(!error.contains("s3cret"));
    let given = Given::new(&[]).file("/home/me/.docker/config.json", " \n");
    assert_eq!(given.shown(&[], None), "unix:///var/run/docker.sock", "an empty one is none");
}

#[test]
fn addresses() {
    // As the docker CLI reads them (opts/hosts.go), and tells them.
    for (text, expected) in [
        ("", "unix:///var/run/docker.sock"),
        ("unix://", "unix:///var/run/docker.sock"),
        ("unix:///run/d.sock", "unix:///run/d.sock"),
        (" unix:///run/d.sock ", "unix:///run/d.sock"),
        ("/run/d.sock", "unix:///run/d.sock"),
        ("./d.sock", "unix://./d.sock"),
        ("tcp://", "tcp://localhost:2375"),
        ("tcp://host", "tcp://host:2375"),
        ("tcp://host:", "tcp://host:2375"),
        ("tcp://:1", "tcp://localhost:1"),
        ("host:1", "tcp://host:1"),
        ("tcp://[::1]:2", "tcp://[::1]:2"),
        ("tcp://[::1]", "tcp://[::1]:2375"),
        ("tcp://host:1/base/", "tcp://host:1/base"),
        ("ssh://host", "ssh://host"),
        ("ssh://a%40b@host:22/run/d.sock", "ssh://a@b@host:22/run/d.sock"),
        (
            "http://host:1",
            "`http://host:1` is no address of an engine: write `tcp://`, and set DOCKER_TLS_VERIFY=1 for TLS",
        ),
        (
            "npipe:////./pipe/x",
            "`npipe:////./pipe/x` is no address of an engine: named pipes are not supported; name an engine by `tcp://` or `ssh://`",
        ),
        ("fd://", "`fd://` is no address of an engine: a client cannot use `fd://`; name the socket by `unix://`"),
        ("foo://x", "`foo://x` is no address of an engine: its scheme is none of unix, tcp and ssh"),
        ("tcp://a://b", "`tcp://a://b` is no address of an engine: it has two schemes"),
        ("unix://tcp://b", "`unix://tcp://b` is no address of an engine: a socket's path has no scheme"),
        ("tcp://host:99999", "`tcp://host:99999` is no address of an engine: its port is no number up to 65535"),
        ("tcp://a:1:2", "`tcp://a:1:2` is no address of an engine: expected `host:port`"),
        ("tcp://u:s3cret@host:1", "`tcp://u@host:1` is no address of an engine: expected `host:port`"),
        (
            "ssh://u:s3cret@host",
            "`ssh://u@host` is no address of an engine: ssh takes no password from here; use a key or an agent",
        ),
        ("ssh://", "`ssh://` is no address of an engine: its host is empty"),
        ("ssh://u@host:x", "`ssh://u@host:x` is no address of an engine: its port is no number up to 65535"),
        ("ssh://host?x", "`ssh://host?x` is no address of an engine: queries and fragments have no meaning for ssh"),
    ] {
        assert_eq!(Given::new(&[]).shown(&[text], None), expected, "{text}");
    }
}

#[test]
fn ssh_has_its_parts() {
    let endpoint = Given::new(&[]).find(&["ssh://a%40b@host:2222/run/d.sock"], None).unwrap();
    let remote = SshRemote {
        user: Some("a@b".into()),
        host: "host".into(),
        port: Some("2222".into()),
        socket: Some("/run/d.sock".into()),
    };
    assert_eq!(endpoint.address, Address::Ssh(remote));
    let endpoint = Given::new(&[]).find(&["ssh://host/"], None).unwrap();
    assert_eq!(endpoint.address, Address::Ssh(SshRemote { host: "host".into(), ..SshRemote::default() }));
}

fn tls(endpoint: Endpoint) -> Option<Tls> {
    match endpoint.address {
        Address::Tcp { tls, .. } => tls,
        _ => None,
    }
}

#[test]
fn tls_of_the_variables() {
    let given = Given::new(&[("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/certs")])
        .file("/certs/ca.pem", "CA")
        .file("/certs/cert.pem", "CERT")
        .file("/certs/key.pem", "KEY");
    let full = Tls {
        authority: Some("CA".into()),
        identity: Some(("CERT".into(), Zeroizing::new("KEY".into()))),
        verify: true,
    };
    assert_eq!(tls(given.find(&["tcp://a:1"], None).unwrap()), Some(full.clone()));
    assert_eq!(given.shown(&[], None), "tcp://localhost:2376", "the default engine of TLS");
    assert_eq!(given.shown(&["unix:///x"], None), "unix:///x", "a socket needs none");
    assert!(!format!("{full:?}").contains("KEY"));
    // Without DOCKER_CERT_PATH the config's folder; a certificate without its key is as none.
    let given = Given::new(&[("DOCKER_TLS", "1")])
        .file("/home/me/.docker/ca.pem", "CA")
        .file("/home/me/.docker/cert.pem", "CERT");
    let expected = Tls { authority: Some("CA".into()), identity: None, verify: false };
    assert_eq!(tls(given.find(&["tcp://a:1"], None).unwrap()), Some(expected));
    let error = Given::new(&[("DOCKER_TLS_VERIFY", "1")]).shown(&["tcp://a:1"], None);
    assert_eq!(
        error,
        "cannot read /home/me/.docker/ca.pem: no such file; DOCKER_CERT_PATH names the folder of ca.pem, cert.pem and key.pem"
    );
    assert_eq!(tls(Given::new(&[]).find(&["tcp://a:1"], None).unwrap()), None);
}

#[test]
fn tls_of_a_context() {
    let folder =
        "/home/me/.docker/contexts/tls/9c0abe51c6e6655d81de2d044d4fb194931f058c0426c67c7285d8f5657ed64a/docker";
    let skipping = r#"{"Host":"tcp://a:1","SkipTLSVerify":true}"#;
    let given = Given::new(&[("DOCKER_TLS_VERIFY", "1")]).context("c2", skipping);
    let none = Tls { authority: None, identity: None, verify: false };
    assert_eq!(tls(given.find(&[], Some("c2")).unwrap()), Some(none), "the variables are not a context's");
    let given = given.file(&format!("{folder}/ca.pem"), "CA").file(&format!("{folder}/key.pem"), "KEY");
    let found = tls(given.find(&[], Some("c2")).unwrap()).unwrap();
    assert_eq!((found.authority.as_deref(), found.identity), (Some("CA"), None));
    let given = given.file(&format!("{folder}/cert.pem"), "CERT").context("c2", r#"{"Host":"tcp://a:1"}"#);
    let found = tls(given.find(&[], Some("c2")).unwrap()).unwrap();
    assert_eq!((found.identity, found.verify), (Some(("CERT".into(), Zeroizing::new("KEY".into()))), true));
}

#[test]
fn contexts_hosts() {
    for (host, expected) in [
        (r#"{"Host":"http://a"}"#, "tcp://a:80 (context `c`)"),
        (r#"{"Host":"https://a"}"#, "tcp://a:443 (context `c`)"),
        (r#"{"Host":"tcp://a"}"#, "tcp://a:80 (context `c`)"),
        (r#"{"Host":"tcp://a","SkipTLSVerify":true}"#, "tcp://a:443 (context `c`)"),
        (r#"{"Host":""}"#, "unix:///var/run/docker.sock (context `c`)"),
        ("{}", "unix:///var/run/docker.sock (context `c`)"),
        (r#"{"Host":"a:1"}"#, "`a:1` is no address of an engine: it has no scheme, such as `unix://` or `tcp://`"),
        ("null", "context `c` names no docker endpoint; make it anew with `docker context create --docker host=..`"),
    ] {
        assert_eq!(Given::new(&[]).context("c", host).shown(&[], Some("c")), expected, "{host}");
    }
    let https = Given::new(&[]).context("c", r#"{"Host":"https://a"}"#).find(&[], Some("c")).unwrap();
    assert_eq!(tls(https), Some(Tls { verify: true, ..Tls::default() }));
    assert_eq!(tls(Given::new(&[]).context("c", r#"{"Host":"http://a"}"#).find(&[], Some("c")).unwrap()), None);
}

#[test]
fn contexts_that_are_not_there() {
    let given = Given::new(&[("DOCKER_CONTEXT", "gone")]);
    let start = "there is no context `gone` in /home/me/.docker/contexts; `docker context ls` lists those that exist";
    assert_eq!(given.shown(&[], None), format!("{start} (DOCKER_CONTEXT names it)"));
    assert_eq!(given.shown(&[], Some("gone")), start);
}

#[test]
fn a_version_can_be_pinned() {
    let pinned =
        |version: &str| Given::new(&[("DOCKER_API_VERSION", version)]).find(&[], None).map(|endpoint| endpoint.api);
    assert_eq!(pinned("1.43").unwrap(), Some(ApiVersion { major: 1, minor: 43 }));
    assert_eq!(pinned("").unwrap(), None);
    for bad in ["1.40", "latest"] {
        let error = pinned(bad).unwrap_err().to_string();
        assert!(error.starts_with(&format!("DOCKER_API_VERSION is `{bad}`; ")), "{error}");
    }
}
