c.SwarmSpawner.networks = ["hub"]
  c.SwarmSpawner.images = []
