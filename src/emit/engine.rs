//! `service`: the JSON body of `POST /services/create`.
//!
//! Objects that the config leaves out stay out; inside objects that it has, those fields are written in full whose
//! absence the engine reads otherwise than its tools do: a mount's type, a file's mode, an update's parallelism, the
//! endpoint's mode. Keys come in the order of the Engine API's documentation.
//!
//! Source: <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Service/operation/ServiceCreate>.

mod container;

use serde_json::{Map, Value, json};

use super::{ApiVersion, Inexpressible, Refusals};
use crate::ir::{
    Driver, Endpoint, Network, Pairs, Placement, Port, Resources, RestartPolicy, Service, Text, UpdateConfig,
};
use crate::source::Pointer;

/// Looks up the ids of Swarm configs and secrets by their names.
pub trait Ids {
    /// The id of the config of that name.
    fn config(&self, name: &str) -> Option<String>;
    /// The id of the secret of that name.
    fn secret(&self, name: &str) -> Option<String>;
}

/// Knows no ids: only those that the config says itself are used.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoIds;

impl Ids for NoIds {
    fn config(&self, _: &str) -> Option<String> {
        None
    }

    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

/// Makes the body of `POST /services/create`.
///
/// # Errors
///
/// Every field that the API version does not know, and every config or secret whose id is not known.
pub fn body(service: &Service, api: ApiVersion, ids: &dyn Ids) -> Result<Value, Vec<Inexpressible>> {
    let mut refusals = Refusals::default();
    let Service {
        name,
        labels,
        container,
        resources,
        restart_policy,
        placement,
        networks,
        log_driver,
        endpoint,
        update_config,
        rollback_config,
    } = service;
    let mut task = Object::default();
    task.put("ContainerSpec", container::spec(container, api, ids, &mut refusals));
    task.some("Resources", resource_requirements(resources));
    if let Some(policy) = restart_policy {
        task.put("RestartPolicy", restart(policy));
    }
    task.some("Placement", placement_of(placement));
    task.list("Networks", networks.iter().map(network));
    if let Some(log_driver) = log_driver {
        task.put("LogDriver", driver(log_driver));
    }
    let mut body = Object::default();
    body.put("Name", &**name);
    body.pairs("Labels", labels);
    body.put("TaskTemplate", task.0);
    body.put("Mode", json!({"Replicated": {"Replicas": 1}}));
    for (key, at, config) in
        [("UpdateConfig", "/update_config", update_config), ("RollbackConfig", "/rollback_config", rollback_config)]
    {
        if let Some(config) = config {
            body.put(key, update(config, at, &mut refusals));
        }
    }
    body.put("EndpointSpec", endpoint_spec(endpoint));
    refusals.into_result(Value::Object(body.0))
}

/// A JSON object in the making.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    fn maybe(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    fn text(&mut self, key: &str, value: Option<&Text>) {
        self.maybe(key, value.map(Text::expose));
    }

    fn word(&mut self, key: &str, value: Option<&std::sync::Arc<str>>) {
        self.maybe(key, value.map(|word| &**word));
    }

    /// Puts an object that has fields.
    fn some(&mut self, key: &str, value: Self) {
        if !value.0.is_empty() {
            self.put(key, value.0);
        }
    }

    /// Puts a list that has entries.
    fn list(&mut self, key: &str, values: impl IntoIterator<Item = Value>) {
        let values: Vec<Value> = values.into_iter().collect();
        if !values.is_empty() {
            self.put(key, values);
        }
    }

    fn texts(&mut self, key: &str, texts: &[Text]) {
        self.list(key, texts.iter().map(|text| text.expose().into()));
    }

    fn pairs(&mut self, key: &str, pairs: &Pairs) {
        let mut object = Self::default();
        for (key, value) in pairs {
            object.put(key, value.expose());
        }
        self.some(key, object);
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

fn resource_requirements(resources: &Resources) -> Object {
    let Resources { cpu_limit, mem_limit, pids_limit, cpu_reservation, mem_reservation, generic_resources } = resources;
    let mut limits = Object::default();
    limits.maybe("NanoCPUs", *cpu_limit);
    limits.maybe("MemoryBytes", *mem_limit);
    limits.maybe("Pids", *pids_limit);
    let mut reservations = Object::default();
    reservations.maybe("NanoCPUs", *cpu_reservation);
    reservations.maybe("MemoryBytes", *mem_reservation);
    let counts = generic_resources.iter();
    reservations.list(
        "GenericResources",
        counts.map(|(kind, value)| json!({"DiscreteResourceSpec": {"Kind": &**kind, "Value": value}})),
    );
    let mut all = Object::default();
    all.some("Limits", limits);
    all.some("Reservations", reservations);
    all
}

fn restart(policy: &RestartPolicy) -> Object {
    let RestartPolicy { condition, delay, max_attempts, window } = policy;
    let mut object = Object::default();
    object.word("Condition", condition.as_ref());
    object.maybe("Delay", *delay);
    object.maybe("MaxAttempts", *max_attempts);
    object.maybe("Window", *window);
    object
}

fn placement_of(placement: &Placement) -> Object {
    let Placement { constraints, spread, max_replicas, platforms } = placement;
    let mut object = Object::default();
    object.texts("Constraints", constraints);
    object.list("Preferences", spread.iter().map(|over| json!({"Spread": {"SpreadDescriptor": over.expose()}})));
    object.maybe("MaxReplicas", *max_replicas);
    object.list(
        "Platforms",
        platforms.iter().map(|(architecture, os)| json!({"Architecture": architecture.expose(), "OS": os.expose()})),
    );
    object
}

fn network(network: &Network) -> Value {
    let Network { target, aliases, driver_opts } = network;
    let mut object = Object::default();
    object.put("Target", target.expose());
    object.texts("Aliases", aliases);
    object.pairs("DriverOpts", driver_opts);
    object.into()
}

fn driver(driver: &Driver) -> Object {
    let Driver { name, options } = driver;
    let mut object = Object::default();
    object.text("Name", name.as_ref());
    object.pairs("Options", options);
    object
}

fn endpoint_spec(endpoint: &Endpoint) -> Object {
    let Endpoint { mode, ports } = endpoint;
    let mut object = Object::default();
    object.put("Mode", mode.as_str());
    object.list(
        "Ports",
        ports.iter().map(|Port { protocol, target, published, mode }| {
            let mut port = Object::default();
            port.put("Protocol", &**protocol);
            port.put("TargetPort", *target);
            port.maybe("PublishedPort", *published);
            port.put("PublishMode", &**mode);
            port.into()
        }),
    );
    object
}

fn update(config: &UpdateConfig, at: &str, refusals: &mut Refusals) -> Object {
    let UpdateConfig { parallelism, delay, failure_action, monitor, max_failure_ratio, order } = config;
    let mut object = Object::default();
    // Without it the engine updates all at once.
    object.put("Parallelism", *parallelism);
    object.maybe("Delay", *delay);
    object.word("FailureAction", failure_action.as_ref());
    object.maybe("Monitor", *monitor);
    if max_failure_ratio.is_some_and(|ratio| !ratio.is_finite()) {
        let at = Pointer::parse(at).child("max_failure_ratio");
        refusals.add(at, "the failure ratio is no number", Some("write a number from 0 to 1"));
    }
    object.maybe("MaxFailureRatio", *max_failure_ratio);
    object.word("Order", order.as_ref());
    object
}

#[cfg(test)]
mod tests;
