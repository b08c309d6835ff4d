use super::*;
use crate::plan::graph::StaysFor;
use crate::plan::observed::{ObservedNode, ObservedVolume};

fn body(name: &str, user: &str, server: &str) -> Value {
    json!({
        "Name": name,
        "Labels": {"swarmgen.deployment": "d", "swarmgen.user": user, "swarmgen.server": server},
        "TaskTemplate": {"ContainerSpec": {"Image": "a:1", "Mounts": [
            {"Type": "volume", "Source": "v", "Target": "/v", "VolumeOptions": {"Labels": {"autoremove": "1"}}},
        ]}},
    })
}

fn wanted(service: Value) -> Wanted<'static> {
    let label = |key: &str| service["Labels"][key].as_str().unwrap().to_owned();
    Wanted {
        user: label(LABEL_USER),
        server: label(LABEL_SERVER),
        profile: String::new(),
        service,
        hidden: BTreeSet::new(),
        start_timeout: 7,
        listed: None,
        places: Box::new(|_| None),
    }
}

/// A swarm on which these were applied.
fn swarm(bodies: &[Value]) -> ObservedState {
    let servers: Vec<Wanted<'_>> = bodies.iter().cloned().map(wanted).collect();
    let plan = plan("d", &servers, &ObservedState::default(), &Options::default());
    let service = |(index, action): (usize, &Action)| {
        let Action::CreateService(new) = action else { panic!("{action:?}") };
        ObservedService {
            id: index.to_string(),
            version: index as u64,
            spec: new.body.0.clone(),
            ..ObservedService::default()
        }
    };
    ObservedState { services: plan.actions.iter().enumerate().map(service).collect(), ..ObservedState::default() }
}

fn volume(label: &str) -> ObservedVolume {
    ObservedVolume {
        name: "v".to_owned(),
        driver: "local".to_owned(),
        labels: [("autoremove".to_owned(), label.to_owned())].into(),
        ..ObservedVolume::default()
    }
}

fn calls(plan: &Plan) -> Vec<String> {
    let call = |action: &Action| match action {
        Action::CreateService(new) => format!("create {}", new.name),
        Action::UpdateService(update) => format!("update {} from {}", update.new.name, update.version),
        Action::ReplaceService { old, volumes, new } => {
            let volumes: Vec<&str> = volumes.iter().map(|volume| &*volume.name).collect();
            format!("replace {} {volumes:?} {}", old.name, new.name)
        }
        Action::RemoveService(old) => format!("remove {}", old.name),
        Action::RemoveVolume { volume, .. } => format!("remove volume {}", volume.name),
        Action::CreateObject(_) | Action::RemoveObject { .. } => "object".to_owned(),
    };
    plan.actions.iter().map(call).collect()
}

#[test]
fn a_server_of_a_name_is_removed_alone() {
    let state = swarm(&[body("a-1", "a", ""), body("a-2", "a", "two"), body("b-2", "b", "two")]);
    let options = Options {
        prune: true,
        only_user: Some("a".to_owned()),
        only_server: Some("two".to_owned()),
        ..Options::default()
    };
    assert_eq!(calls(&plan("d", &[], &state, &options)), ["remove a-2"]);
    assert!(calls(&plan("other", &[], &state, &options)).is_empty());
}

#[test]
fn a_volume_that_another_service_mounts_stays() {
    let mut state = swarm(&[body("a-1", "a", ""), body("b-1", "b", "")]);
    state.volumes = vec![volume("1")];
    let options = Options { prune: true, ..Options::default() };
    assert_eq!(calls(&plan("d", &[], &state, &options)), ["remove a-1", "remove b-1", "remove volume v"]);
    let stays = [wanted(body("b-1", "b", ""))];
    assert_eq!(calls(&plan("d", &stays, &state, &options)), ["remove a-1"]);
    state.volumes = vec![volume("no")];
    assert_eq!(calls(&plan("d", &[], &state, &options)), ["remove a-1", "remove b-1"], "the volume's own label counts");
}

#[test]
fn volumes_that_others_mount_are_not_replaced() {
    let options = Options { replace_volumes: true, ..Options::default() };
    let mut state = swarm(&[body("a-1", "a", "")]);
    state.volumes = vec![volume("True")];
    let server = || [wanted(body("a-1", "a", ""))];
    assert_eq!(calls(&plan("d", &server(), &state, &options)), ["replace a-1 [\"v\"] a-1"]);
    let mut shared = swarm(&[body("a-1", "a", ""), body("b-1", "b", "")]);
    shared.volumes = state.volumes;
    let plan = plan("d", &server(), &shared, &options);
    assert!(calls(&plan).is_empty());
    let differs = |warning: &Warning| matches!(warning, Warning::VolumeDiffers { stays_for: StaysFor::Others, .. });
    assert!(plan.warnings.iter().any(differs), "{:?}", plan.warnings);
}

#[test]
fn volumes_of_data_are_never_replaced() {
    let options = Options { replace_volumes: true, ..Options::default() };
    let sshfs = json!({"Name": "ucphhpc/sshfs:latest", "Options": {"sshcmd": "a@b:"}});
    for driver in [Value::Null, sshfs] {
        let mut body = body("a-1", "a", "");
        body["TaskTemplate"]["ContainerSpec"]["Mounts"][0]["VolumeOptions"]["DriverConfig"] = driver;
        let mut state = swarm(std::slice::from_ref(&body));
        for volume in [volume("no"), ObservedVolume { labels: [].into(), ..volume("") }] {
            state.volumes = vec![volume];
            let plan = plan("d", &[wanted(body.clone())], &state, &options);
            assert!(calls(&plan).is_empty(), "{:?}", calls(&plan));
            let stays = |warning: &Warning| matches!(warning, Warning::VolumeDiffers { stays_for: StaysFor::Data, .. });
            assert!(plan.warnings.iter().any(stays), "{:?}", plan.warnings);
        }
    }
}

#[test]
fn a_mount_whose_target_is_a_secret_is_named_by_none_of_it() {
    let service = || {
        let mut service = body("a-1", "a", "");
        let mount = &mut service["TaskTemplate"]["ContainerSpec"]["Mounts"][0];
        (mount["Target"], mount["Source"]) = (json!("/canary/home/"), json!("canary-volume"));
        let unit = crate::plan::field::masked_name("mounts:", "/canary/home");
        let hidden = [unit.clone(), format!("{unit}.target"), format!("{unit}.source")];
        Wanted { hidden: hidden.into(), ..wanted(service) }
    };
    let applied = plan("d", &[service()], &ObservedState::default(), &Options::default());
    let Some(Action::CreateService(new)) = applied.actions.first() else { panic!("{applied:?}") };
    let mut state = swarm(&[body("a-1", "a", "")]);
    state.services[0].spec = new.body.0.clone();
    state.volumes = vec![ObservedVolume { name: "canary-volume".to_owned(), ..volume("True") }];
    let changed = plan("d", &[service()], &state, &Options { replace_volumes: true, ..Options::default() });
    assert!(format!("{:?}", changed.items).contains("volume of mounts:«"), "{:?}", changed.items);
    assert!(!format!("{:?} {:?}", changed.items, changed.warnings).contains("canary"), "{:?}", changed.items);
    let removed = plan("d", &[], &state, &Options { prune: true, ..Options::default() });
    let hides = |action: &Action| matches!(action, Action::RemoveVolume { volume, .. } if volume.is_secret);
    assert!(removed.actions.iter().any(hides), "{:?}", calls(&removed));
}

#[test]
fn volumes_named_by_nodes_are_not_known() {
    let mut service = body("a-1", "a", "");
    service["TaskTemplate"]["ContainerSpec"]["Mounts"][0]["Source"] = json!("{{.Node.Hostname}}");
    let mut state = swarm(&[service]);
    state.volumes = vec![ObservedVolume { name: "{{.Node.Hostname}}".to_owned(), ..volume("1") }];
    state.nodes = vec![ObservedNode::default()];
    let plan = plan("d", &[], &state, &Options { prune: true, ..Options::default() });
    assert_eq!(calls(&plan), ["remove a-1", "remove volume {{.Node.Hostname}}"]);
}

#[test]
fn a_name_in_other_letters_is_made_anew() {
    let mut state = swarm(&[body("a-1", "a", "")]);
    state.services[0].spec["Name"] = json!("A-1");
    let plan = plan("d", &[wanted(body("a-1", "a", ""))], &state, &Options::default());
    assert_eq!(calls(&plan), ["replace A-1 [] a-1"]);
    assert!(matches!(plan.items[0].verdict, Verdict::Replace(_)));
}

#[test]
fn images_that_a_registry_may_be_asked_about() {
    let state = swarm(&[body("a-1", "a", ""), body("b-1", "b", ""), body("c-1", "c", "")]);
    let with_image = |name: &str, user: &str, image: &str| {
        let mut body = body(name, user, "");
        body["TaskTemplate"]["ContainerSpec"]["Image"] = json!(image);
        wanted(body)
    };
    let digest = format!("x@sha256:{}", "a".repeat(64));
    let mut labelled = body("b-1", "b", "");
    labelled["Labels"]["team"] = json!("x");
    let servers = [
        with_image("a-1", "a", "a:2"),
        wanted(labelled),
        with_image("c-1", "c", &digest),
        with_image("d-1", "d", "d:1"),
    ];
    let plan = plan("d", &servers, &state, &Options::default());
    assert_eq!(calls(&plan), ["update a-1 from 0", "update b-1 from 1", "update c-1 from 2", "create d-1"]);
    assert_eq!(plan.images().into_iter().collect::<Vec<_>>(), ["a:2", "d:1"]);
}

#[test]
fn what_awaits_a_word_of_the_operators_is_told() {
    let mut state = swarm(&[body("a-1", "a", "")]);
    state.services[0].spec["Labels"] = json!({});
    state.services[0].spec["TaskTemplate"]["ContainerSpec"]["Env"] = json!(["JUPYTERHUB_USER=a"]);
    let servers = [wanted(body("a-1", "a", ""))];
    let refused = plan("d", &servers, &state, &Options::default());
    assert!(refused.awaits_take_over() && refused.actions.is_empty() && !refused.has_conflicts());
    let options = Options { take_over: true, ..Options::default() };
    let taken = plan("d", &servers, &state, &options);
    assert!(!taken.awaits_take_over());
    assert_eq!(calls(&taken), ["update a-1 from 0"]);
    state.services[0].spec["TaskTemplate"]["ContainerSpec"]["Env"] = json!([]);
    assert!(plan("d", &servers, &state, &options).has_conflicts());
}

#[test]
fn a_service_that_is_made_is_marked() {
    let state = swarm(&[body("a-1", "a", "")]);
    let labels = &state.services[0].spec["Labels"];
    assert_eq!(labels[label::MADE_BY], "apply");
    assert_eq!(labels[label::HIDDEN], "");
    assert!(Applied::parse(labels[label::APPLIED].as_str().unwrap()).is_some());
}

#[test]
fn a_tag_that_moved_takes_the_platforms_of_its_image_along() {
    let digest = |letter: &str| format!("sha256:{}", letter.repeat(64));
    let platforms = |arch: &str| json!([{"Architecture": arch, "OS": "linux"}]);
    let mut state = swarm(&[body("a-1", "a", "")]);
    let live = &mut state.services[0].spec["TaskTemplate"];
    live["ContainerSpec"]["Image"] = json!(format!("a:1@{}", digest("a")));
    live["Placement"] = json!({"Platforms": platforms("amd64")});
    let pin = Pin { digest: digest("b"), platforms: vec![("arm64".to_owned(), "linux".to_owned())] };
    let options = Options { refresh_images: true, pins: [("a:1".to_owned(), pin)].into(), ..Options::default() };
    let plan = plan("d", &[wanted(body("a-1", "a", ""))], &state, &options);
    let [Action::UpdateService(update)] = plan.actions.as_slice() else { panic!("{:?}", calls(&plan)) };
    let task = &update.new.body.0["TaskTemplate"];
    assert_eq!(task["ContainerSpec"]["Image"], format!("a:1@{}", digest("b")));
    assert_eq!(task["Placement"]["Platforms"], platforms("arm64"));
}
