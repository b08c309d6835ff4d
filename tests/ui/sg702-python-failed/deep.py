import helper


def spec():
    return {"image": helper.image("lab")}


c.SwarmSpawner.container_spec = spec()
