image = "registry.example.org/notebook:1"
for part in image.split("/"):
    print(part)
c.SwarmSpawner.container_spec = {"image": image}
