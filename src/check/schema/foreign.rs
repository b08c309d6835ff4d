//! Keys that Compose or `docker run` know and Swarm does not, with what to use instead.

use super::spelling::normalized;

/// The key, without case, dashes and underscores, and the advice; sorted.
const FOREIGN: &[(&str, &str)] = &[
    ("autoremove", "remove it: a service's containers go with the service"),
    ("blkioconfig", "remove it: Swarm limits CPUs, memory and processes only"),
    ("blkioweight", "remove it: Swarm limits CPUs, memory and processes only"),
    ("build", "build the image before, and name it as `image`"),
    ("cgroup", "remove it: Swarm places containers in the engine's own control group"),
    ("cgroupns", "remove it: set the engine's `default-cgroupns-mode` on the nodes"),
    ("cgroupnsmode", "remove it: set the engine's `default-cgroupns-mode` on the nodes"),
    ("cgroupparent", "remove it: set the engine's `cgroup-parent` on the nodes"),
    ("containername", "remove it: `naming.scheme` and `service_prefix` make the service's name"),
    ("cpucount", "use `resource_spec.cpu_limit`"),
    ("cpupercent", "use `resource_spec.cpu_limit`"),
    ("cpuperiod", "use `resource_spec.cpu_limit`"),
    ("cpuquota", "use `resource_spec.cpu_limit`"),
    ("cpurtperiod", "remove it: Swarm has no real-time scheduling"),
    ("cpurtruntime", "remove it: Swarm has no real-time scheduling"),
    ("cpuset", "use `resource_spec.cpu_limit`: Swarm does not pin CPUs"),
    ("cpusetcpus", "use `resource_spec.cpu_limit`: Swarm does not pin CPUs"),
    ("cpusetmems", "remove it: Swarm does not pin memory"),
    ("cpushares", "use `resource_spec.cpu_reservation`"),
    ("dependson", "remove it: Swarm starts services in no order"),
    ("deploy", "write its parts as `resource_spec`, `placement`, `restart_policy`, `update_config` and `labels`"),
    ("devicecgrouprules", "ask for a generic resource: `resource_spec.generic_resources`"),
    ("devicerequests", "ask for a generic resource: `resource_spec.generic_resources`"),
    ("devices", "ask for a generic resource: `resource_spec.generic_resources`; or bind-mount the device's path"),
    ("domainname", "write the whole name as `container_spec.hostname`"),
    ("envfile", "write the variables under `env`"),
    ("expose", "remove it: servers on one network reach each other's ports"),
    ("externallinks", "attach the servers to a network: `networks`"),
    ("gpus", "ask for a generic resource: `resource_spec.generic_resources`"),
    ("ipc", "remove it: Swarm gives each container its own; for shared memory mount a tmpfs on /dev/shm"),
    ("ipcmode", "remove it: Swarm gives each container its own; for shared memory mount a tmpfs on /dev/shm"),
    ("ipv4address", "remove it: Swarm gives addresses; services are reached by name"),
    ("ipv6address", "remove it: Swarm gives addresses; services are reached by name"),
    ("kernelmemory", "use `resource_spec.mem_limit`"),
    ("links", "attach the servers to a network: `networks`"),
    ("macaddress", "remove it: Swarm gives addresses"),
    ("memoryswap", "use `resource_spec.mem_limit`: Swarm has no limit of swap"),
    ("memoryswappiness", "remove it: Swarm has no limit of swap"),
    ("memswaplimit", "use `resource_spec.mem_limit`: Swarm has no limit of swap"),
    ("memswappiness", "remove it: Swarm has no limit of swap"),
    ("networkmode", "attach the servers to networks: `networks`"),
    ("oomkilldisable", "remove it: Swarm does not adjust it"),
    ("oomscoreadj", "remove it: Swarm does not adjust it"),
    ("pid", "remove it: Swarm gives each container its own process ids"),
    ("pidmode", "remove it: Swarm gives each container its own process ids"),
    ("platform", "use `placement.platforms`"),
    ("privileged", "use `container_spec.cap_add` with the capabilities needed, or run the server outside Swarm"),
    ("pullpolicy", "remove it: nodes pull an image that they lack; pin a tag or a digest"),
    ("replicas", "remove it: a server is one task"),
    ("restart", "use `restart_policy`"),
    ("rm", "remove it: a service's containers go with the service"),
    ("runtime", "set the engine's `default-runtime` on the nodes, and place servers by a node label"),
    ("scale", "remove it: a server is one task"),
    ("securityopt", "use `container_spec.privileges` for SELinux; set AppArmor and seccomp on the nodes' engines"),
    ("shmsize", "mount memory: `{ type = \"tmpfs\", target = \"/dev/shm\", tmpfs_size = \"1G\" }`"),
    ("storageopt", "set the engine's storage options on the nodes"),
    ("tmpfs", "use a mount: `{ type = \"tmpfs\", target = \"/scratch\" }`"),
    ("userns", "remove it: set the engine's `userns-remap` on the nodes"),
    ("usernsmode", "remove it: set the engine's `userns-remap` on the nodes"),
    ("uts", "remove it: Swarm gives each container its own host name"),
    ("utsmode", "remove it: Swarm gives each container its own host name"),
    ("volumedriver", "use a mount's `driver_config`"),
    ("volumesfrom", "mount the volume by its name: `mounts`"),
];

/// What to use instead of a key that Swarm has no notion of.
pub(super) fn advice(key: &str) -> Option<&'static str> {
    let key = normalized(key);
    let index = FOREIGN.binary_search_by(|(known, _)| (*known).cmp(&key)).ok()?;
    FOREIGN.get(index).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_normalized() {
        assert!(FOREIGN.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(FOREIGN.iter().all(|(key, _)| *key == normalized(key)));
        assert!(advice("shm_size").is_some_and(|advice| advice.contains("/dev/shm")));
        assert_eq!(advice("image"), None);
    }
}
