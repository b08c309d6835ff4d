# What the examples' configs do not set.
from docker.types import *

c.JupyterHub.spawner_class = "jhub.SwarmSpawner"
c.SwarmSpawner.service_prefix = "Hub"
c.SwarmSpawner.user_format_attributes = ["name", "team"]
c.SwarmSpawner.accelerators = [{"kind": "gpu"}]
c.SwarmSpawner.endpoint_spec = EndpointSpec(ports={8888: (80, "tcp")})
c.SwarmSpawner.placement = {
    "constraint": ["node.role==worker"],
    "preferences": [("spread", "node.labels.rack"), {"Spread": {"SpreadDescriptor": "node.labels.row"}}],
    "platforms": [("x86_64", "linux")],
}
c.SwarmSpawner.resource_spec = {
    "cpu_limit": 1000,
    "mem_limit": 1000,
    "generic_resources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 1}}],
}
c.SwarmSpawner.container_spec = {
    "Image": "registry.example.org/notebook:1",
    "command": "start-notebook.sh --ip=0.0.0.0",
    "env": {"A": "{{x}}", "B": "{name}", "C": "<name>", "D": 1, "E": lambda spawner: "", "F": "{{ .Node.Hostname }}"},
    "mounts": [
        "home-{username}:/home/jovyan:ro",
        {"type": "volume", "source": "", "target": "/scratch", "label": {"autoremove": "True"}},
        {"type": "tmpfs", "target": "/tmp", "tmpfs_size": 1 << 20, "tmpfs_mode": 0o1777},
        Mount("/data", "/srv/data", type="bind", propagation="rslave"),
        {"source": "home", "target": "/h", "driver_config": DriverConfig("ucphhpc/sshfs:latest", {"IdentityFile": "/k"})},
    ],
    "healthcheck": Healthcheck(test="true", interval=30 * 10**9, retries=3),
    "dns_config": DNSConfig(nameservers=["10.0.0.1"]),
    "privileges": Privileges(selinux_disable=True),
    "uid_gid": "1000:100",
    "user": 1000,
    "hosts": {"db": "10.0.0.2"},
    "secrets": [SecretReference("id", "token", mode=0o400)],
    "stop_grace_period": 10**10,
    "networks": [NetworkAttachmentConfig("hub", aliases=["a"])],
}
c.Spawner.environment = {"X": "{not a name}", "Y": b"bytes"}
c.Spawner.mem_guarantee = "1G"
c.Spawner.cpu_limit = 0.5
c.Spawner.pre_spawn_hook = print
