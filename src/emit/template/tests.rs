use super::*;
use crate::emit::{ApiVersion, engine, fixture};
use crate::ir::Text;

fn once(source: &str, service: &Service) -> Result<String, TemplateError> {
    let spec = engine::body(service, ApiVersion::V1_45, &engine::NoIds).ok();
    render("own.j2", source, &[Entry { service, spec }])
}

#[test]
fn a_service_is_seen_in_both_shapes() {
    let source = "{{ service.name }} {{ service.container_spec.mounts[0].driver_config.options.password }} \
                  {{ spec.TaskTemplate.Resources.Limits.NanoCPUs }} {{ services[0].spec.Name }} {{ services | length }}\n";
    let rendered = once(source, &fixture::most()).unwrap();
    assert_eq!(rendered, "jupyter-alice-1 p,\"q\" $r 1500000000 jupyter-alice-1 1\n");
}

#[test]
fn every_field_is_there() {
    let rendered = once("{{ service | tojson }}", &fixture::everything()).unwrap();
    let service: serde_json::Value = serde_json::from_str(&rendered).unwrap();
    let expected: serde_json::Value = serde_json::from_str(include_str!("everything.json")).unwrap();
    let fields = |value: &serde_json::Value| value.as_object().cloned().unwrap_or_default();
    let mut service = fields(&service);
    assert!(service.remove("spec").is_some());
    assert_eq!(service, fields(&expected), "{:#}", serde_json::Value::from(service.clone()));
}

#[test]
fn what_is_not_set_is_none_not_undefined() {
    let source = "{% if service.container_spec.hostname %}no{% endif %}{{ service.log_driver is none }}";
    assert_eq!(once(source, &fixture::least()).unwrap(), "True");
}

#[test]
fn statements_work() {
    let source = "{% set mark = '-' %}{% for s in services if s.name %}{{ mark }} {{ s.name }}\n{% endfor %}";
    let (one, other) = (fixture::least(), Service { name: "jupyter-bob-1".into(), ..fixture::least() });
    let entries = [&one, &other].map(|service| Entry { service, spec: None });
    assert_eq!(render("own.j2", source, &entries).unwrap(), "- jupyter-alice-1\n- jupyter-bob-1\n");
    assert!(render("own.j2", "{{ service.name }}", &entries).is_err(), "there are two");
}

#[test]
fn nothing_is_escaped_but_by_filters() {
    let mut service = fixture::least();
    service.container.args = Some(vec!["<a&'b>".into(), "yes".into(), "1".into()]);
    let source = "{{ service.container_spec.args[0] }}\n{{ service.container_spec.args | yaml }}\n\
                  {{ service.container_spec.args | shell }}\n{{ {'k': none, 'n': [1, 2.5, true, 1e30, 1.5e-9]} | yaml }}";
    let expected =
        "<a&'b>\n[\"<a&'b>\", \"yes\", \"1\"]\n'<a&'\\''b>' yes 1\n{k: null, \"n\": [1, 2.5, true, 1.0e+30, 1.5e-9]}";
    assert_eq!(once(source, &service).unwrap(), expected);
}

#[test]
fn errors_say_what_and_where() {
    let error = once("a {{ service.nmae }}", &fixture::least()).unwrap_err();
    assert!(error.message.starts_with("undefined value"), "{error:?}");
    let range = error.range.unwrap();
    assert!("a {{ service.nmae }}"[range].contains("nmae"));
    let error = once("{% for %}", &fixture::least()).unwrap_err();
    assert!(error.message.starts_with("syntax error"), "{error:?}");
    assert!(error.range.is_some());
    let error = once("{{ '\\u0000' | shell }}", &fixture::least()).unwrap_err();
    assert!(error.message.contains("NUL"), "{error:?}");
}

#[test]
fn endless_templates_are_stopped() {
    let source = "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}";
    let error = once(source, &fixture::least()).unwrap_err();
    assert_eq!(error.message, "the template takes too many steps");
}

#[test]
fn messages_hold_no_secrets() {
    let mut service = fixture::least();
    service.container.env = vec![("TOKEN".into(), Text::secret("s3cret".to_owned().into()))];
    assert_eq!(once("{{ service.container_spec.env.TOKEN }}", &service).unwrap(), "s3cret");
    for source in [
        "{{ 1 + service.container_spec.env.TOKEN }}",
        "{{ service.container_spec.env.TOKEN | int }}",
        "{{ service.container_spec.env.TOKEN() }}",
        "{% include service.container_spec.env.TOKEN %}",
    ] {
        let error = once(source, &service).unwrap_err();
        assert!(!error.message.contains("s3cret"), "{error:?}");
    }
}
