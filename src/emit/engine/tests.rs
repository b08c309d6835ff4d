use super::*;
use crate::diag::code;
use crate::emit::fixture;

const NEWEST: ApiVersion = ApiVersion::V1_45;

fn pointers(refused: &[Inexpressible]) -> Vec<&str> {
    refused.iter().map(|one| one.pointer.as_str()).collect()
}

#[test]
fn the_least_service_says_no_more_than_it_must() {
    let body = body(&fixture::least(), ApiVersion::V1_41, &NoIds).unwrap();
    let expected = json!({
        "Name": "jupyter-alice-1",
        "TaskTemplate": {"ContainerSpec": {"Image": "jupyter/base-notebook:lab-4.1.0"}},
        "Mode": {"Replicated": {"Replicas": 1}},
        "EndpointSpec": {"Mode": "dnsrr"},
    });
    assert_eq!(body.to_string(), expected.to_string(), "key order counts");
}

#[test]
fn every_field_arrives() {
    let body = body(&fixture::everything(), NEWEST, &NoIds).unwrap();
    let expected: Value = serde_json::from_str(include_str!("everything.json")).unwrap();
    assert_eq!(body, expected, "{body:#}");
}

#[test]
fn what_an_older_engine_drops_is_refused() {
    let refused = body(&fixture::everything(), ApiVersion::V1_41, &NoIds).unwrap_err();
    assert_eq!(pointers(&refused), ["/container_spec/mounts/0/subpath", "/container_spec/healthcheck/start_interval"]);
    assert!(refused.iter().all(|one| one.code == &code::INEXPRESSIBLE));
    let refused = body(&fixture::everything(), ApiVersion::V1_44, &NoIds).unwrap_err();
    assert_eq!(pointers(&refused), ["/container_spec/mounts/0/subpath"]);
}

struct OneId;

impl Ids for OneId {
    fn config(&self, name: &str) -> Option<String> {
        (name == "motd").then(|| "c0nf1g".to_owned())
    }

    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

#[test]
fn ids_are_the_references_own_or_looked_up_or_missing() {
    let mut service = fixture::everything();
    let container = &mut service.container;
    for reference in container.configs.iter_mut().chain(&mut container.secrets) {
        reference.id = None;
    }
    let refused = body(&service, NEWEST, &OneId).unwrap_err();
    assert_eq!(pointers(&refused), ["/container_spec/secrets/0"]);
    assert_eq!(refused[0].code, &code::MISSING_ID);
    service.container.secrets.clear();
    let body = body(&service, NEWEST, &OneId).unwrap();
    assert_eq!(body["TaskTemplate"]["ContainerSpec"]["Configs"][0]["ConfigID"], "c0nf1g");
}

#[test]
fn a_file_of_mode_0_and_an_update_of_all_at_once_are_explicit() {
    let mut service = fixture::most();
    service.container.configs[0].mode = 0;
    service.update_config = Some(UpdateConfig::default());
    let body = body(&service, ApiVersion::V1_41, &NoIds).unwrap();
    assert_eq!(body["TaskTemplate"]["ContainerSpec"]["Configs"][0]["File"]["Mode"], 0);
    assert_eq!(body["UpdateConfig"], json!({"Parallelism": 0}));
}

#[test]
fn a_ratio_that_is_no_number_is_refused() {
    let mut service = fixture::least();
    service.update_config = Some(UpdateConfig { max_failure_ratio: Some(f64::NAN), ..UpdateConfig::default() });
    let refused = body(&service, ApiVersion::V1_41, &NoIds).unwrap_err();
    assert_eq!(pointers(&refused), ["/update_config/max_failure_ratio"]);
}
