use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::diag::Diagnostics;
use crate::resolve::document::Inputs;
use crate::source::{Author, ReadError, SourceMap, Syntax, World, parse};
use crate::spawner::event::FailureCode;
use crate::spawner::request::PostedFile;

const CONFIG: &str = r#"
version = 1
jupyterhub_service_name = "hub"
networks = ["net"]
use_user_options = true
resource_spec = { mem_limit = "2G", cpu_limit = 1.5 }

[[images]]
name = "Minimal"
description = "For most courses"
image = "registry.example.org/minimal:1"

[[images]]
name = "GPU"
image = "registry.example.org/gpu:1"
access = ["group:gpu"]
resource_spec = { mem_limit = "16G", mem_reservation = "8G", generic_resources = { gpu = 1 } }

[[images]]
name = "It's R"
image = "registry.example.org/r:1"

[user_options.allow]
"resource_spec.mem_limit" = { min = "256M", max = "4G" }
"resource_spec.cpu_limit" = { max = 4 }
"env.THEME" = { values = ["dark", "light"] }
"container_spec.env.A_PASSWORD" = true
"args" = true
"container_spec.stop_grace_period" = { max = "2m" }
"container_spec.tty" = true
"tty" = true
"#;
const UPLOADS: &str =
    "enable_user_upload_install_files = true\nallowed_user_upload_extensions = [\".txt\", \".tar.txt\"]\n";

/// A folder with a config and a template.
struct Files<'t> {
    config: &'t str,
    template: &'t str,
}

impl World for Files<'_> {
    fn read(&self, path: &Path, _: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        match path.file_name().and_then(|name| name.to_str()) {
            Some("swarmgen.toml") => Ok(self.config.to_owned().into()),
            Some("form.j2") => Ok(self.template.to_owned().into()),
            _ => Err(ReadError::NotFound),
        }
    }

    fn variable(&self, _: &str) -> Result<Zeroizing<String>, ReadError> {
        Err(ReadError::NoVariable)
    }

    fn output(&self, _: &[String], _: &Path) -> Result<Zeroizing<String>, ReadError> {
        Err(ReadError::NotFound)
    }
}

/// Who asks, and how.
#[derive(Clone, Copy)]
struct Asking<'t> {
    config: &'t str,
    template: &'t str,
    user: &'t str,
    groups: &'t [&'t str],
    last: &'t str,
    attributes: &'t str,
    typed: Option<&'t request::Form>,
}

impl Default for Asking<'_> {
    fn default() -> Self {
        Self { config: CONFIG, template: "", user: "alice", groups: &[], last: "{}", attributes: "{}", typed: None }
    }
}

impl Asking<'_> {
    fn with<T>(self, ask: impl FnOnce(&Form<'_>) -> T) -> T {
        let sources = SourceMap::new();
        let mut diagnostics = Diagnostics::new();
        let world = Files { config: self.config, template: self.template };
        let inputs =
            Inputs { configs: vec![PathBuf::from("swarmgen.toml")], users_files: Vec::new(), levels: Vec::new() };
        let compiler = Compiler::load(&inputs, &world, &sources, &mut diagnostics);
        let compiler = compiler.unwrap_or_else(|| panic!("{:?}", diagnostics.sorted()));
        let mut user = compiler.user(self.user, &mut diagnostics).unwrap();
        user.groups.extend(self.groups.iter().map(|group| std::sync::Arc::from(*group)));
        let read = |name: &str, text: &str| {
            let source = sources.add(name.to_owned(), "", Author::Data, text.to_owned());
            parse(&sources, source, Syntax::Json).unwrap()
        };
        let (last, attributes) = (read("last", self.last), read("attributes", self.attributes));
        let asked = Asked { set: &attributes.as_map().unwrap().entries, ..Asked::default() };
        ask(&Form::new(&compiler, &user, &asked, Some(&last)).again(self.typed))
    }

    /// The page, the profile that is offered first, and all that are offered.
    fn offer(self, present: &[&str]) -> (Option<String>, Option<String>, Vec<String>) {
        let present: BTreeSet<String> = present.iter().map(|image| (*image).to_owned()).collect();
        match self.with(|form| form.offer(&present)).unwrap() {
            Event::Form { html, profile, profiles } => {
                (html, profile, profiles.into_iter().map(|offer| offer.name).collect())
            }
            other => panic!("{other:?}"),
        }
    }

    fn page(self) -> String {
        self.offer(&[]).0.unwrap()
    }

    fn fill(self, fields: &[(&str, &[&str])], files: &[(&str, &str, &[u8])]) -> Result<Value, String> {
        let text = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let file = |name: &str, content: &[u8]| PostedFile { name: name.to_owned(), content: STANDARD.encode(content) };
        let posted = request::Form {
            fields: fields.iter().map(|(name, texts)| ((*name).to_owned(), text(texts))).collect(),
            files: files
                .iter()
                .map(|(field, name, content)| ((*field).to_owned(), vec![file(name, content)]))
                .collect(),
        };
        match self.with(|form| form.options(&posted)) {
            Ok(Event::Options { user_options }) => Ok(user_options),
            Ok(other) => panic!("{other:?}"),
            Err(failed) => {
                assert_eq!(failed.code, FailureCode::Refused);
                Err(failed.message)
            }
        }
    }
}

fn asking() -> Asking<'static> {
    Asking::default()
}

#[test]
fn a_user_is_offered_what_they_may_use() {
    let (_, first, all) = asking().offer(&[]);
    assert_eq!((first.as_deref(), all), (Some("Minimal"), vec!["Minimal".to_owned(), "It's R".to_owned()]));
    let (html, _, all) = Asking { groups: &["gpu"], ..asking() }.offer(&[]);
    let html = html.unwrap();
    assert_eq!(all, ["Minimal", "GPU", "It's R"]);
    for shown in
        ["For most courses", "registry.example.org&#x2f;gpu:1", "16 GiB (8 GiB guaranteed)", "<dt>GPU</dt><dd>1</dd>"]
    {
        assert!(html.contains(shown), "{shown}:\n{html}");
    }
    assert!(!asking().page().contains("gpu"));
}

#[test]
fn an_image_of_the_hubs_attributes_is_the_one_that_was_chosen() {
    let config = r#"
version = 1
jupyterhub_service_name = "hub"
networks = ["net"]
use_user_options = true
user_format_attributes = ["flavor"]
images = [
    { name = "R", image = "registry.example.org/r:1" },
    { name = "Python", image = "registry.example.org/python:{flavor}" },
]
"#;
    let last = r#"{"user_selected_name": "Python", "user_selected_image": "registry.example.org/python:cpu"}"#;
    let asking = Asking { config, last, attributes: r#"{"flavor": "cpu"}"#, ..asking() };
    assert_eq!(asking.offer(&[]).1.as_deref(), Some("Python"));
    let fields: &[(&str, &[&str])] =
        &[("user_selected_name", &["Python"]), ("user_selected_image", &["registry.example.org/python:cpu"])];
    assert!(asking.fill(fields, &[]).is_ok());
}

#[test]
fn what_was_chosen_last_is_offered_first_while_it_may_be_used() {
    let last = r#"{"profile": "GPU", "resource_spec": {"mem_limit": "1G"}, "env": {"THEME": "light"}}"#;
    let (html, first, _) = Asking { groups: &["gpu"], last, ..asking() }.offer(&[]);
    let html = html.unwrap();
    assert_eq!(first.as_deref(), Some("GPU"));
    assert!(html.contains(r#"value="GPU" aria-describedby="swarmgen-about-2" required checked"#), "{html}");
    assert_eq!(html.matches(" checked").count(), 1, "{html}");
    assert!(html.contains(r#"max="4" value="1""#), "{html}");
    assert!(html.contains(r#"<option value="light" selected>"#), "{html}");
    assert_eq!(Asking { last, ..asking() }.offer(&[]).1.as_deref(), Some("Minimal"));
    let beyond = r#"{"profile": "x", "resource_spec": {"mem_limit": "64G"}, "container_spec": {"env": {"A_PASSWORD": "canary"}}}"#;
    let html = Asking { last: beyond, ..asking() }.page();
    assert!(!html.contains("value=\"64\"") && !html.contains("canary"), "{html}");
}

#[test]
fn what_was_typed_and_refused_stands_there_again() {
    let fields = [
        ("profile", "It's R"),
        ("option:resource_spec.mem_limit", "64\"><script>"),
        ("option:container_spec.env.A_PASSWORD", "canary"),
        ("option:container_spec.args", "--one\n--two"),
        ("option:env.THEME", "light"),
    ];
    let fields = fields.map(|(name, text)| (name.to_owned(), vec![text.to_owned()]));
    let typed = request::Form { fields: fields.into(), files: Vec::new() };
    let shown = |typed: Option<&request::Form>| {
        let (html, first, _) = Asking { typed, ..asking() }.offer(&[]);
        (html.unwrap(), first.unwrap())
    };
    let (html, first) = shown(Some(&typed));
    assert_eq!(first, "It's R");
    assert!(html.contains("value=\"64&quot;&gt;&lt;script&gt;\""), "{html}");
    // The config spells the option without its table.
    assert!(html.contains(">--one\n--two</textarea>"), "{html}");
    assert!(html.contains(r#"<option value="light" selected>"#), "{html}");
    assert!(!html.contains("canary"), "{html}");
    // A profile that the user may not have is none to come back to.
    let greedy = request::Form { fields: vec![("profile".to_owned(), vec!["GPU".to_owned()])], files: Vec::new() };
    assert_eq!(shown(Some(&greedy)), shown(None));
}

#[test]
fn where_nothing_is_to_be_chosen_there_is_no_page() {
    let config = "version = 1\nnetworks = [\"net\"]\ncontainer_spec.image = \"a:1\"\n";
    assert!(Asking { config, ..asking() }.offer(&[]).0.is_none());
    let one = format!("{config}use_user_options = true\n[[images]]\nname = \"One\"\nimage = \"b:1\"\n");
    let (html, first, all) = Asking { config: &one, ..asking() }.offer(&[]);
    assert_eq!((html, first.as_deref(), all.len()), (None, Some("One"), 1));
    let two =
        format!("{config}[[images]]\nname = \"One\"\nimage = \"b:1\"\n[[images]]\nname = \"Two\"\nimage = \"c:1\"\n");
    let (html, first, all) = Asking { config: &two, ..asking() }.offer(&[]);
    assert_eq!((html, first.as_deref(), all.len()), (None, Some("One"), 1));
    // Nor does it choose what was typed.
    let typed = request::Form { fields: vec![("profile".to_owned(), vec!["Two".to_owned()])], files: Vec::new() };
    let (html, first, all) = Asking { config: &two, typed: Some(&typed), ..asking() }.offer(&[]);
    assert_eq!((html, first.as_deref(), all.len()), (None, Some("One"), 1));
}

#[test]
fn who_may_use_nothing_reads_why() {
    let config = CONFIG.replace("name = \"Minimal\"", "name = \"Minimal\"\naccess = [\"bob\"]");
    let config = config.replace("name = \"It's R\"", "name = \"It's R\"\naccess = [\"bob\"]");
    let asking = Asking { config: &config, ..asking() };
    let (html, first, all) = asking.offer(&[]);
    let html = html.unwrap();
    assert!(first.is_none() && all.is_empty());
    assert!(html.contains(NO_PROFILE) && !html.contains("<input"), "{html}");
    assert_eq!(asking.fill(&[("profile", &["Minimal"])], &[]).unwrap_err(), NO_PROFILE);
}

#[test]
fn options_are_asked_for_with_bounds_and_units() {
    let html = asking().page();
    for shown in [
        r#"<input class="form-control" type="number" inputmode="decimal" name="option:resource_spec.mem_limit" id="swarmgen-option-1" step="any" min="0.25" max="4" aria-describedby="swarmgen-hint-1">"#,
        r#"<input type="hidden" name="unit:resource_spec.mem_limit" value="G">"#,
        "From 0.25 to 4 GiB.",
        "Left empty: 2 GiB.",
        "At most 4.",
        "Left empty: 1.5.",
        r#"<option value="light">light</option>"#,
        r#"type="password" name="option:container_spec.env.A_PASSWORD""#,
        r#"<textarea class="form-control" name="option:args""#,
        "At most 120 seconds.",
        r#"<option value="yes">yes</option>"#,
    ] {
        assert!(html.contains(shown), "{shown}:\n{html}");
    }
    // A path that leads nowhere is no field: `validate` finds it.
    assert!(!html.contains("option:tty"), "{html}");
    // Where profiles differ, each says what is its own.
    let html = Asking { groups: &["gpu"], ..asking() }.page();
    assert!(html.contains("Left empty: 2 GiB (Minimal), 16 GiB (GPU), 2 GiB (It&#x27;s R)."), "{html}");
}

#[test]
fn images_that_a_node_has_are_told() {
    let (html, ..) = asking().offer(&["registry.example.org/r:1", "registry.example.org/gpu:1"]);
    let html = html.unwrap();
    assert_eq!(html.matches("(already loaded)").count(), 1, "{html}");
    assert!(html.contains("registry.example.org&#x2f;r:1 <small>(already loaded)"), "{html}");
}

#[test]
fn all_is_text_whatever_it_holds() {
    const EVIL: &str = "\\\"><script>alert(1)</script>'{{ 7 * 7 }}";
    // What is the same for all users takes no template.
    let plain = EVIL.replace("{{ 7 * 7 }}", "");
    let config = format!(
        "version = 1\nnetworks = [\"net\"]\nuse_user_options = true\n{UPLOADS}\
         user_upload_destination_directory = \"/x{EVIL}\"\n\
         [[images]]\nname = \"n{plain}\"\ndescription = \"d{plain}\"\nimage = \"a:1\"\n\
         [[images]]\nname = \"two\"\nimage = \"b:1\"\n\
         [user_options.allow]\n\"env.A\" = {{ values = [\"v{plain}\"] }}\n\"env.B\" = true\n\"env.<b>\" = true\n"
    );
    let last = json!({ "env": { "B": "l\"><script>alert(1)</script>'" } }).to_string();
    let html = Asking { config: &config, last: &last, user: "<script>\"'", ..asking() }.page();
    assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains("49"), "{html}");
    for start in ['n', 'd', 'v', 'l'] {
        assert!(html.contains(&format!("{start}&quot;&gt;&lt;script&gt;")), "{start}:\n{html}");
    }
    let template = "{{ user }}{% for p in profiles %}{{ p.name }}{% endfor %}";
    let config = config.replacen("version = 1", "version = 1\nform.template = \"form.j2\"", 1);
    let html = Asking { config: &config, template, user: "<script>", ..asking() }.page();
    assert!(html.starts_with("&lt;script&gt;n&quot;&gt;&lt;script&gt;"), "{html}");
}

#[test]
fn a_filled_in_form_means_user_options() {
    let fields: &[(&str, &[&str])] = &[
        ("_xsrf", &["2|x"]),
        ("profile", &["It's R"]),
        ("option:resource_spec.mem_limit", &["0.5"]),
        ("unit:resource_spec.mem_limit", &["G"]),
        ("option:resource_spec.cpu_limit", &[""]),
        ("option:container_spec.env.THEME", &["dark"]),
        ("option:env.A_PASSWORD", &["{literal}"]),
        ("option:args", &["start.sh\r\n\r\n--a b\r\n"]),
        ("option:container_spec.stop_grace_period", &["90"]),
        ("unit:container_spec.stop_grace_period", &["s"]),
        ("option:container_spec.tty", &["yes"]),
    ];
    let right = json!({
        "profile": "It's R",
        "resource_spec": { "mem_limit": "0.5G" },
        "container_spec": {
            "env": { "THEME": "dark", "A_PASSWORD": "{literal}" },
            "args": ["start.sh", "--a b"],
            "stop_grace_period": "90s",
            "tty": true,
        },
    });
    assert_eq!(asking().fill(fields, &[]), Ok(right));
    assert_eq!(asking().fill(&[], &[]), Ok(json!({})));
    assert_eq!(asking().fill(&[("profile", &["", "Minimal", "Minimal"])], &[]), Ok(json!({ "profile": "Minimal" })));
}

#[test]
fn what_may_not_be_had_is_refused_in_sentences() {
    for (field, text, message) in [
        ("profile", "GPU", "There is no “GPU” that you may use."),
        ("profile", "It's\u{1b}[31m", "There is no “It's\\u{1b}[31m” that you may use."),
        ("option:resource_spec.mem_limit", "5G", "“Memory” has to be from 0.25 to 4 GiB."),
        ("option:resource_spec.mem_limit", "much", "“Memory” has to be from 0.25 to 4 GiB."),
        ("option:resource_spec.mem_limit", "-1G", "“Memory” has to be from 0.25 to 4 GiB."),
        ("option:resource_spec.cpu_limit", "4.5", "“CPUs” has to be at most 4."),
        ("option:resource_spec.cpu_limit", "NaN", "“CPUs” has to be at most 4."),
        ("option:env.THEME", "pink", "“THEME” has to be one of: dark, light."),
        ("option:env.A_PASSWORD", "a\0b", "“A_PASSWORD” holds a character that cannot be used."),
        ("option:container_spec.mounts", "/:/host", "“container_spec.mounts” cannot be chosen here."),
        ("option:profile", "GPU", "“profile” cannot be chosen here."),
    ] {
        assert_eq!(asking().fill(&[(field, &[text])], &[]).unwrap_err(), message);
    }
    let twice = asking().fill(&[("profile", &["Minimal", "It's R"])], &[]);
    assert_eq!(twice.unwrap_err(), "“profile” was sent twice, and differs.");
    let unit = [("option:resource_spec.mem_limit", &["1"][..]), ("unit:resource_spec.mem_limit", &["T"])];
    assert_eq!(asking().fill(&unit, &[]).unwrap_err(), "The unit of “Memory” is unknown.");
    let both = [("profile", &["x"][..]), ("option:env.THEME", &["pink"])];
    let message = "There is no “x” that you may use. “THEME” has to be one of: dark, light.";
    assert_eq!(asking().fill(&both, &[]).unwrap_err(), message);
    let closed = CONFIG.replace("use_user_options = true", "use_user_options = false");
    let closed = Asking { config: &closed, ..asking() };
    assert_eq!(closed.fill(&[("profile", &["It's R"])], &[]).unwrap_err(), "The kind of server cannot be chosen here.");
    assert!(!closed.page().contains("name=\"profile\""));
}

#[test]
fn what_clients_of_swarmspawner_post_is_understood() {
    let right = Ok(json!({ "profile": "It's R" }));
    for text in
        [r#"{'image': 'registry.example.org/r:1', 'name': "It's R"}"#, r#"("It's R", 'registry.example.org/r:1')"#]
    {
        assert_eq!(asking().fill(&[("select_image", &[text])], &[]), right);
    }
    let named = [("user_selected_name", &["It's R"][..]), ("user_selected_image", &["registry.example.org/r:1"])];
    assert_eq!(asking().fill(&named, &[]), right);
    for (fields, message) in [
        (&[("select_image", "{'image': 'evil:1', 'name': 'Minimal'}")][..], "The image is not that of “Minimal”."),
        (
            &[("select_image", "{'image': 'registry.example.org/gpu:1', 'name': 'GPU'}")],
            "There is no “GPU” that you may use.",
        ),
        (&[("select_image", "__import__('os')")], "“select_image” is no name with its image."),
        (&[("user_selected_image", "evil:1")], "A server is chosen by its name, not by its image alone."),
    ] {
        let fields: Vec<(&str, &[&str])> =
            fields.iter().map(|(name, text)| (*name, std::slice::from_ref(text))).collect();
        assert_eq!(asking().fill(&fields, &[]).unwrap_err(), message);
    }
}

#[test]
fn files_are_sent_along_within_bounds() {
    let config = CONFIG.replacen("version = 1\n", &format!("version = 1\n{UPLOADS}"), 1);
    let asking = Asking { config: &config, ..asking() };
    let html = asking.page();
    assert!(
        html.contains(r#"type="file" name="user-upload" id="swarmgen-files" accept=".txt,.tar.txt" multiple"#),
        "{html}"
    );
    let send = |name: &str, content: &[u8]| asking.fill(&[], &[("user-upload", name, content)]);
    let right = json!({ "user_install_files": [{ "name": "requirements", "extension": ".txt", "data": "numpy\n" }] });
    assert_eq!(send("requirements.txt", b"numpy\n"), Ok(right));
    let right = json!({ "user_install_files": [{ "name": "a", "extension": ".tar.txt", "data": "x" }] });
    assert_eq!(send("a.tar.txt", b"x"), Ok(right));
    assert_eq!(send("", b""), Ok(json!({})));
    let large = vec![b'x'; 1_024_000];
    for (name, content, part) in [
        ("run.sh", &b"x"[..], "“run.sh” has to end in .txt or .tar.txt."),
        (".txt", b"x", "“.txt” has to end in"),
        ("../../etc/x.txt", b"x", "would lead out of its directory"),
        ("/etc/x.txt", b"x", "would lead out of its directory"),
        ("...txt", b"x", "would lead out of its directory"),
        ("a\nb.txt", b"x", "“a\\nb.txt” cannot be sent along"),
        ("a.txt", b"\xff", "holds no text"),
        ("a.txt", b"", "send 1 to 1,023,999 bytes"),
        ("a.txt", &large, "send 1 to 1,023,999 bytes"),
    ] {
        let message = send(name, content).unwrap_err();
        assert!(message.contains(part), "{name}: {message}");
    }
    let many: Vec<String> = (0..11).map(|number| format!("{number}.txt")).collect();
    let many: Vec<(&str, &str, &[u8])> = many.iter().map(|name| ("user-upload", name.as_str(), &b"x"[..])).collect();
    assert!(asking.fill(&[], &many).unwrap_err().contains("11 files"));
    let twins = [("user-upload", "a.txt", &b"x"[..]), ("user-upload", "a.txt", b"y")];
    assert!(asking.fill(&[], &twins).unwrap_err().contains("Two files have the same name"));
    assert_eq!(asking.fill(&[], &[("other", "a.txt", b"x")]).unwrap_err(), "There is no field “other” for files.");
    let closed = super::tests::asking().fill(&[], &[("user-upload", "a.txt", b"x")]);
    assert_eq!(closed.unwrap_err(), "Files cannot be sent along here.");
}

#[test]
fn a_template_of_the_operators_is_checked_and_used() {
    let config = CONFIG.replacen("version = 1\n", "version = 1\nform = { template = \"form.j2\" }\n", 1);
    let with = |template: &'static str| Asking { config: &config, template, ..asking() };
    assert_eq!(with("{{ user }}: {{ profiles|length }}{{ uploads }}{{ reason }}").page(), "alice: 2NoneNone");
    for (template, message) in [
        ("{{ profiles[0].title }}", "undefined value: `profiles[0].title` is undefined"),
        ("{% if %}", "syntax error: unexpected end of block"),
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            "the template takes too many steps",
        ),
    ] {
        let failure = with(template).with(|form| form.offer(&BTreeSet::new())).unwrap_err();
        assert_eq!((failure.code.id, &*failure.message), ("SG324", message));
        let mut found = Diagnostics::new();
        with(template).with(|form| check_template(form.compiler, &mut found));
        assert_eq!(found.into_iter().map(|finding| finding.code.id).collect::<Vec<_>>(), ["SG324"]);
    }
    // What only a user without a profile would see is checked, too.
    let mut found = Diagnostics::new();
    with("{% if reason %}{{ no_such }}{% endif %}").with(|form| check_template(form.compiler, &mut found));
    assert!(found.has_errors());
    let lost = config.replace("form.j2", "lost.j2");
    let failure = Asking { config: &lost, ..asking() }.with(|form| form.offer(&BTreeSet::new())).unwrap_err();
    assert_eq!(failure.code.id, "SG001");
}
