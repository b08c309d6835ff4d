import os

c.SwarmSpawner.container_spec = {"image": os.environ["NOTEBOOK_IMAGE"]}
