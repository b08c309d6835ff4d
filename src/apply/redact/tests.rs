use serde_json::json;

use super::*;
use crate::emit::engine::{NoIds, body};
use crate::emit::{ApiVersion, fixture};
use crate::plan::label::fixture::with_secret;
use crate::plan::label::{Applied, hidden_fields, write};

const NEWEST: ApiVersion = ApiVersion { major: 1, minor: 99 };

/// The body of a service as `apply` sends it.
fn sent(service: &Service) -> Value {
    let mut sent = body(service, NEWEST, &NoIds).unwrap();
    write(&mut sent, &Applied::default(), &hidden_fields(service));
    sent
}

fn texts(service: &Service) -> Vec<String> {
    let mut texts = Vec::new();
    service.for_each_text(&mut |_, text| texts.push(text.expose().to_owned()));
    texts
}

/// Whichever text of a service is a secret: it is known from the body and its label, and nothing else is taken for one.
#[test]
fn each_secret_is_known_from_the_body_and_no_more() {
    let service = fixture::everything();
    let plain = texts(&service);
    for secret in 0..plain.len() {
        let canary = format!("canary-{secret}-yranac");
        let (changed, place) = with_secret(&service, secret, &canary);
        let redactor = Redactor::default();
        redactor.learn_body(&sent(&changed));
        let told = redactor.redact(&format!("cannot use {canary}: no such thing"));
        assert_eq!(told, "cannot use «redacted»: no such thing", "{place}");
        // The label names a list as a whole.
        let is_in_list = place.rsplit_once('/').is_some_and(|(_, last)| last.parse::<usize>().is_ok());
        let is_taken_for_one = |text: &&String| redactor.redact(text) != **text;
        let mut others = plain.iter().filter(|text| text.len() > SHORT && **text != plain[secret]);
        assert!(is_in_list || !others.any(|text| is_taken_for_one(&text)), "{place}");
    }
}

/// All texts of a service at once.
#[test]
fn secrets_everywhere_are_known_from_the_body() {
    let plain = fixture::everything();
    let number = texts(&plain).len();
    let canary = |secret: usize| format!("canary-{secret}-yranac");
    // From the end: what has a name has it until its own turn.
    let service = (0..number).rev().fold(plain, |service, at| with_secret(&service, at, &canary(at)).0);
    let redactor = Redactor::default();
    redactor.learn_body(&sent(&service));
    for secret in 0..number {
        assert_eq!(redactor.redact(&canary(secret)), REDACTED, "{:?}", texts(&service)[secret]);
    }
    for word in ["volume", "rollback", "on-failure", "start-first", "swarmgen.user"] {
        assert_eq!(redactor.redact(word), word);
    }
}

/// The engine stores a network's id in the place of its name.
#[test]
fn secrets_of_networks_are_known_from_what_is_stored() {
    let service = fixture::everything();
    for place in ["/networks/0/target", "/networks/0/aliases/0"] {
        let mut at = None;
        let mut index = 0;
        service.for_each_text(&mut |own, _| {
            if own.pointer().as_str() == place {
                at = Some(index);
            }
            index += 1;
        });
        let (changed, _) = with_secret(&service, at.unwrap(), "canary-yranac");
        let mut stored = sent(&changed);
        for (index, network) in stored["TaskTemplate"]["Networks"].as_array_mut().unwrap().iter_mut().enumerate() {
            network["Target"] = format!("abcdefgh{index}").into();
        }
        let redactor = Redactor::default();
        redactor.learn_body(&stored);
        assert_eq!(redactor.redact("grüß $$ 'dich' \"hier\"\n"), "grüß $$ 'dich' \"hier\"\n", "{place}");
        let shown = redactor.redact("canary-yranac");
        assert_eq!(shown == REDACTED, place.ends_with("aliases/0"), "{place}: {shown}");
    }
}

/// Engines and registries quote references in parts.
#[test]
fn an_image_that_is_a_secret_is_known_in_parts() {
    let service = fixture::everything();
    let mut image = None;
    let mut index = 0;
    service.for_each_text(&mut |own, _| {
        if own.pointer().as_str() == "/container_spec/image" {
            image = Some(index);
        }
        index += 1;
    });
    let (service, _) = with_secret(&service, image.unwrap(), "reg.example:5000/sekret99:1");
    let (by_body, by_service) = (Redactor::default(), Redactor::default());
    by_body.learn_body(&sent(&service));
    by_service.learn_service(&service);
    for redactor in [by_body, by_service] {
        for (told, shown) in [
            ("No such image: reg.example:5000/sekret99:1", "No such image: «redacted»"),
            ("pull access denied for reg.example:5000/sekret99, sorry", "pull access denied for «redacted», sorry"),
            ("Get https://reg.example:5000/v2/sekret99/tags", "Get https://«redacted»/v2/«redacted»/tags"),
            ("task: non-zero exit (1)", "task: non-zero exit (1)"),
        ] {
            assert_eq!(redactor.redact(told), shown);
        }
    }
}

/// A stack that `docker` deployed says nowhere what is secret.
#[test]
fn without_the_label_secrets_are_known_by_their_names() {
    let options = json!({"sshcmd": "alice@storage:/home", "password": "sekret-1"});
    let spec = json!({"Name": "a", "TaskTemplate": {"ContainerSpec": {
        "Image": "a/b:1",
        "Secrets": [{"SecretName": "db_password", "SecretID": "id", "File": {"Name": "db_password"}}],
        "Env": ["API_TOKEN=sekret-2", "TZ=Europe/Berlin", "OTHER_KEY=sekret-3"],
        "Mounts": [{
            "Type": "volume", "Source": "home", "Target": "/home/jovyan",
            "VolumeOptions": {"DriverConfig": {"Name": "sshfs", "Options": options}},
        }],
    }}});
    let told = "secret not found: db_password sekret-1 sekret-2 sekret-3 alice@storage:/home Europe/Berlin a/b:1 sshfs";
    let shown =
        "secret not found: db_password «redacted» «redacted» «redacted» alice@storage:/home Europe/Berlin a/b:1 sshfs";
    let mut labelled = spec.clone();
    labelled["Labels"] = json!({label::HIDDEN: ""});
    let service = |spec: &Value, previous: &Value| ObservedService {
        spec: spec.clone(),
        previous: previous.clone(),
        ..ObservedService::default()
    };
    for (service, shown) in [
        (service(&spec, &Value::Null), shown),
        (service(&json!({"Name": "a"}), &spec), shown),
        (service(&labelled, &Value::Null), told),
    ] {
        let redactor = Redactor::default();
        redactor.learn_observed(&service);
        assert_eq!(redactor.redact(told), shown);
    }
}
