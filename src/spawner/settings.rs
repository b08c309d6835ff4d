//! What a hub must know of a config.

use crate::resolve::Compiler;
use crate::resolve::amount::{self, Raw};
use crate::resolve::settings::raw;
use crate::source::Node;

use super::event::{Event, Settings};
use super::request::VERSION;

/// What a hub must know of a config, with what `validate` warns of.
pub fn settings(compiler: &Compiler<'_>, warnings: Vec<String>) -> Event {
    let settings = &compiler.settings;
    let root = compiler.root();
    let resource = |key: &str| root.get("resource_spec").and_then(|resources| resources.get(key));
    let read = |node: Option<&Node>, parse: fn(Raw<'_>) -> Result<i64, amount::AmountError>| {
        node.and_then(|node| raw(&node.value)).and_then(|raw| parse(raw).ok())
    };
    let seconds = |key: &str| read(root.get(key), amount::duration).map(|nano| nano as f64 / 1e9);
    let cpus = |key: &str| read(resource(key), amount::cpus).map(|nano| nano as f64 / 1e9);
    let text = |node: &Node| node.as_str().filter(|text| !text.contains('{')).map(str::to_owned);
    Event::Settings(Box::new(Settings {
        version: VERSION,
        program: env!("CARGO_PKG_VERSION"),
        deployment: settings.deployment.to_string(),
        jupyterhub_service_name: settings.hub.as_deref().map(str::to_owned),
        service_port: settings.port,
        start_timeout: seconds("start_timeout"),
        http_timeout: seconds("http_timeout"),
        notebook_dir: settings.notebook_dir.as_ref().and_then(text),
        mem_limit: read(resource("mem_limit"), amount::memory),
        mem_guarantee: read(resource("mem_reservation"), amount::memory),
        cpu_limit: cpus("cpu_limit"),
        cpu_guarantee: cpus("cpu_reservation"),
        user_format_attributes: settings.user_format_attributes.iter().map(ToString::to_string).collect(),
        warnings,
    }))
}
