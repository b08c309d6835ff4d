sizes = {"small": "1G"}
c.SwarmSpawner.mem_limit = sizes["large"]
