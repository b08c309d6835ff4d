//! Keys that have another name here: those of jhub-SwarmSpawner's README and its older releases, of Compose, of the
//! docker command line and of the Engine API.

use super::spelling::{self, normalized};

/// The other name and the name here, sorted by the first, which is written without case, dashes and underscores. Where
/// several keys could be meant, the first that fits the table counts.
const RENAMES: &[(&str, &[&str])] = &[
    ("accelerator", &["accelerators"]),
    ("allowedimages", &["images"]),
    ("capabilityadd", &["cap_add"]),
    ("capabilitydrop", &["cap_drop"]),
    ("cmd", &["args"]),
    ("config", &["configs"]),
    ("constraint", &["constraints"]),
    ("cpuguarantee", &["cpu_reservation"]),
    ("cpus", &["cpu_limit"]),
    ("dest", &["target"]),
    ("destination", &["target"]),
    ("dir", &["workdir"]),
    ("dockerimage", &["image"]),
    ("dockerimages", &["images"]),
    ("driver", &["name", "driver_config"]),
    ("driveropts", &["options", "driver_config"]),
    ("dst", &["target"]),
    ("endpointmode", &["mode"]),
    ("entrypoint", &["command"]),
    ("environ", &["env"]),
    ("environment", &["env"]),
    ("extrahosts", &["hosts"]),
    ("groupadd", &["groups"]),
    ("imagewhitelist", &["images"]),
    ("label", &["labels"]),
    ("logging", &["log_driver"]),
    ("maximum", &["max"]),
    ("maxreplicaspernode", &["maxreplicas"]),
    ("mem", &["mem_limit"]),
    ("memguarantee", &["mem_reservation"]),
    ("memory", &["mem_limit"]),
    ("memorylimit", &["mem_limit"]),
    ("memoryreservation", &["mem_reservation"]),
    ("minimum", &["min"]),
    ("mount", &["mounts"]),
    ("nanocpus", &["cpu_limit"]),
    ("network", &["networks"]),
    ("opts", &["options"]),
    ("pids", &["pids_limit"]),
    ("preference", &["preferences"]),
    ("publishedport", &["published"]),
    ("publishmode", &["mode"]),
    ("pubport", &["published"]),
    ("restartcondition", &["condition"]),
    ("ro", &["read_only"]),
    ("secret", &["secrets"]),
    ("size", &["tmpfs_size"]),
    ("spread", &["preferences"]),
    ("src", &["source"]),
    ("stdinopen", &["open_stdin"]),
    ("targetport", &["target"]),
    ("type", &["kind", "name"]),
    ("volumes", &["mounts"]),
    ("whitelist", &["access"]),
    ("workingdir", &["workdir"]),
];

/// Keys that have no counterpart, with what to do instead, sorted.
const ADVICE: &[(&str, &str)] = &[
    ("autoremove", "write it as a label of the volume: `labels = { autoremove = \"True\" }`"),
    ("dns", "write the servers' addresses under `dns_config.nameservers`"),
    ("dnsopt", "write them under `dns_config.options`"),
    ("dnssearch", "write them under `dns_config.search`"),
    ("enableacceleratorsystem", "remove it: `accelerators` asks for counts of generic resources"),
    ("ports", "publish them under `endpoint_spec.ports`"),
    ("publish", "publish ports under `endpoint_spec.ports`"),
    ("serviceowner", "remove it: `naming.scheme` says how services are named after users"),
    ("tlsca", "remove it: docker is found as the docker CLI finds it"),
    ("tlscert", "remove it: docker is found as the docker CLI finds it"),
    ("tlsconfig", "remove it: docker is found as the docker CLI finds it"),
    ("tlskey", "remove it: docker is found as the docker CLI finds it"),
    ("tlsverify", "remove it: docker is found as the docker CLI finds it"),
    ("usedockerclientenv", "remove it: docker is found as the docker CLI finds it"),
];

/// The names here of a key that another tool calls otherwise; none for a key that nobody knows.
pub(super) fn names(key: &str) -> &'static [&'static str] {
    let key = normalized(key);
    RENAMES.iter().find(|(other, _)| *other == key).map_or(&[], |(_, names)| names)
}

/// The names here of a misspelt key of another tool.
pub(super) fn names_near(key: &str) -> &'static [&'static str] {
    spelling::nearest(key, RENAMES.iter().map(|(other, _)| *other)).map_or(&[], names)
}

/// What to do about a key that has no counterpart.
pub(super) fn advice(key: &str) -> Option<&'static str> {
    let key = normalized(key);
    ADVICE.iter().find(|(other, _)| *other == key).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_normalized() {
        assert!(RENAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(ADVICE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(RENAMES.iter().all(|(key, _)| *key == normalized(key)));
        assert!(ADVICE.iter().all(|(key, _)| *key == normalized(key)));
    }
}
