//! Secrets in the engine's words.

use super::*;

const SECRETS: [&str; 7] = [
    "correct horse",
    "with \"quotes\" and \\",
    "two lines\nof which each is one",
    "tab\tand <html> & more",
    "{{`{{`}}braces}}",
    "unicode ünd 秘密",
    "abc",
];

fn shown(redactor: &Redactor, text: &str) -> String {
    redactor.redact(text)
}

fn go_quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    format!("\"{escaped}\"")
}

#[test]
fn secrets_are_found_in_every_spelling() {
    for secret in SECRETS {
        let redactor = Redactor::default();
        redactor.learn(secret);
        let json = serde_json::to_string(secret).unwrap();
        let spellings = [
            secret.to_owned(),
            go_quoted(secret),
            go_quoted(&go_quoted(secret)),
            json.clone(),
            serde_json::to_string(&json).unwrap(),
            json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
        ];
        for spelling in spellings {
            let text = shown(&redactor, &format!("invalid value {spelling}, sorry"));
            let rest = text.replace(['"', '\\'], "");
            assert_eq!(rest, "invalid value «redacted», sorry", "{secret:?} as {spelling}");
        }
    }
}

#[test]
fn encoded_secrets_are_found() {
    let redactor = Redactor::default();
    redactor.learn("correct horse?");
    assert_eq!(shown(&redactor, "?password=correct%20horse%3F&x=y"), "?password=«redacted»&x=y");
    assert_eq!(shown(&redactor, "Basic Y29ycmVjdCBob3JzZT8="), "Basic «redacted»=");
}

#[test]
fn what_swarm_makes_of_escaped_braces_is_found() {
    let redactor = Redactor::default();
    redactor.learn("{{`{{`}}braces}}");
    assert_eq!(shown(&redactor, "expanded: {{braces}}"), "expanded: «redacted»");
}

#[test]
fn single_lines_of_long_secrets_are_found() {
    let redactor = Redactor::default();
    redactor.learn("-----BEGIN KEY-----\nMIIEowIBAAKCAQEA\nx\n-----END KEY-----\n");
    assert_eq!(shown(&redactor, "sshfs: bad key MIIEowIBAAKCAQEA at x"), "sshfs: bad key «redacted» at x");
}

#[test]
fn short_secrets_are_words() {
    let redactor = Redactor::default();
    redactor.learn("1");
    assert_eq!(
        shown(&redactor, "No such image: x1:1, exit (137), 1"),
        "No such image: x1:«redacted», exit (137), «redacted»"
    );
    redactor.learn("");
    assert_eq!(shown(&redactor, "nothing"), "nothing");
}

#[test]
fn overlapping_secrets_are_hidden_as_one() {
    let redactor = Redactor::default();
    redactor.learn("alpha-beta");
    redactor.learn("beta-gamma");
    redactor.learn("alpha");
    assert_eq!(shown(&redactor, "a alpha-beta-gamma b alphaalpha"), "a «redacted» b «redacted»");
    assert_eq!(shown(&redactor, "ünalphaü"), "ün«redacted»ü");
}

fn secretive(hidden: &str) -> Value {
    json!({
        "Name": "x",
        "Labels": {"swarmgen.hidden": hidden, "swarmgen.user": "somebody"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Env": ["TOKEN=canary-env", "LANG=C.UTF-8"],
                "Args": ["canary-arg"],
                "Mounts": [{"Target": "/home", "Source": "vol", "VolumeOptions": {"DriverConfig": {"Options": {
                    "password": "canary-password", "sshcmd": "u@host:/"
                }}}}],
            },
            "LogDriver": {"Options": {"token": "canary-log"}},
        },
    })
}

#[test]
fn hidden_paths_of_a_body_are_learned() {
    let redactor = Redactor::default();
    redactor.learn_body(&secretive("env.TOKEN mounts:%2Fhome.options.password log_driver.options.token"));
    let text = "canary-env C.UTF-8 canary-password u@host:/ canary-log canary-arg somebody";
    assert_eq!(shown(&redactor, text), "«redacted» C.UTF-8 «redacted» u@host:/ «redacted» canary-arg somebody");
}

/// The words of the label are those that `apply` writes; src/apply/redact/tests.rs has all of them.
#[test]
fn the_words_of_the_label_are_understood_and_reasons_stay() {
    let mut spec = secretive("args image user");
    let container = &mut spec["TaskTemplate"]["ContainerSpec"];
    container["Image"] = json!("reg.example/sekret99:1");
    container["User"] = json!("canary-user");
    container["Env"] = json!(["LAB=1"]);
    let redactor = Redactor::default();
    redactor.learn_body(&spec);
    assert_eq!(shown(&redactor, "No such image: reg.example/sekret99:1"), "No such image: «redacted»");
    assert_eq!(shown(&redactor, "canary-arg canary-user somebody"), "«redacted» «redacted» somebody");
    assert_eq!(shown(&redactor, "task: non-zero exit (1)"), "task: non-zero exit (1)");
}

#[test]
fn with_a_path_that_is_not_understood_everything_is_a_secret() {
    let redactor = Redactor::default();
    redactor.learn_body(&secretive("env.TOKEN something.new"));
    let text = "canary-env canary-password canary-log canary-arg somebody";
    assert_eq!(shown(&redactor, text), "«redacted» «redacted» «redacted» «redacted» somebody");
}

#[test]
fn a_redactor_shows_nothing_of_itself() {
    let redactor = Redactor::default();
    redactor.learn("canary");
    assert_eq!(format!("{redactor:?}"), "«redacted»");
}

/// Words of the engine's wherever they may come from.
#[tokio::test(start_paused = true)]
async fn no_canary_is_in_what_is_told() {
    let secret = |mut new: NewService, image: &str| {
        new.body.0["Labels"]["swarmgen.hidden"] = json!("env.TOKEN");
        new.body.0["TaskTemplate"]["ContainerSpec"]["Image"] = json!(image);
        new
    };
    let tasks = ["telltale:canary-7", "telltale:\"canary-7\\", "exits"];
    let services: Vec<NewService> = tasks
        .iter()
        .zip(["canary-7", "\"canary-7\\", "canary-7"])
        .enumerate()
        .map(|(index, (image, token))| {
            secret(with_env(&format!("u{index}"), "runs", &[&format!("TOKEN={token}")]), image)
        })
        .collect();
    let mut told = String::new();
    for fault in [
        Fault::Refused("template: expansion: \"canary-7\""),
        Fault::Fails("rpc error: TOKEN=canary-7"),
        Fault::CutBefore,
    ] {
        for call in
            ["create_service", "service", "services", "tasks", "create_secret", "update_service", "remove_service"]
        {
            let old = secret(with_env("old", "runs", &["TOKEN=canary-7"]), "runs");
            let swarm = swarm_with(&[old.clone(), secret(wanted("gone", "runs"), "runs")]).await;
            swarm.faults(call, 1, 100, fault.clone());
            let live = swarm.services();
            let mut plan = creating(&services);
            plan.actions.push(Action::CreateObject(NewObject {
                place: String::new(),
                kind: ObjectKind::Secret,
                name: "s-1".to_owned(),
                labels: labels(),
                content: swarmgen::ir::Text::secret("canary-7".to_owned().into()),
            }));
            let changed = secret(with_env("old", "runs", &["TOKEN=canary-7", "A=1"]), "runs");
            plan.actions.push(Action::UpdateService(update(&live[0], &changed)));
            plan.actions.push(Action::RemoveService(removal(&live[1])));
            let ran = apply(&swarm, &plan).await;
            let redactor = Redactor::default();
            let run = Run { api: &swarm, replan: &Compare, auth: &|_| None, redactor: &redactor, settings: settings() };
            redactor.learn_plan(&plan);
            let mut keep = |event: &Event| told.push_str(&format!("{event:?}\n"));
            let back = run.roll_back(DEPLOYMENT, &ran.outcome, &[], &mut keep, std::future::pending()).await;
            told.push_str(&format!("{:?}\n{:?}\n{back:?}\n{plan:?}", ran.events, ran.outcome));
        }
    }
    assert!(told.contains("«redacted»") && told.contains("invalid mount config"), "{told}");
    for line in told.lines() {
        let at = line.find("canary");
        assert!(at.is_none(), "{}", &line[at.unwrap_or_default().saturating_sub(200)..]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_volume_may_be_a_secret() {
    let mounts = json!([{"Type": "volume", "Source": "canary-9", "Target": "/home"}]);
    let mounts = |user: &str| with(wanted(user, "runs"), "TaskTemplate/ContainerSpec/Mounts", mounts.clone());
    let mut old = mounts("a");
    old.body.0["Labels"]["swarmgen.hidden"] = json!("mounts:/home.source");
    let mut told = String::new();
    for fault in [Fault::Refused("no canary-9"), Fault::Fails("canary-9: rpc error"), Fault::CutBefore] {
        let swarm = swarm_with(&[old.clone(), mounts("b")]).await;
        let volume = swarmgen::plan::observed::ObservedVolume { name: "canary-9".to_owned(), ..Default::default() };
        swarm.now(|state| state.volumes.push(volume));
        swarm.fault("remove_volume", 1, fault);
        let removal = removal(&swarm.services()[0]);
        let service = removal.name.clone();
        let volume = VolumeRemoval { is_secret: true, ..old_volume("canary-9") };
        let replaced = Action::ReplaceService { old: removal.clone(), volumes: vec![volume.clone()], new: old.clone() };
        let removed = Action::RemoveVolume { volume, service };
        for actions in [vec![replaced], vec![Action::RemoveService(removal), removed]] {
            let ran = apply(&swarm, &plan(actions)).await;
            assert!(!ran.outcome.is_complete());
            told.push_str(&format!("{:?}\n{:?}\n", ran.events, ran.outcome));
        }
    }
    assert!(told.contains("«redacted»") && !told.contains("canary"), "{told}");
}
