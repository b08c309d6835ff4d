c.SwarmSpawner.container_spec = {"image": "registry.example.org/notebook:1"}
