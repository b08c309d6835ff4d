# A hub on Docker Swarm with jhub-SwarmSpawner: two images, a volume for each user.
import os

c = get_config()

c.JupyterHub.spawner_class = "jhub.SwarmSpawner"
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.base_url = "/base_url"

# First pulls can be really slow, so the timeout is a long one.
c.SwarmSpawner.start_timeout = 60 * 15
c.SwarmSpawner.jupyterhub_service_name = "jupyter-service_jupyterhub"
c.SwarmSpawner.networks = ["jupyter-service_default"]

notebook_dir = os.environ.get("NOTEBOOK_DIR") or "/home/jovyan/work"
c.SwarmSpawner.notebook_dir = notebook_dir

mounts = [
    {
        "type": "volume",
        "source": "jupyterhub-user-{name}",
        "target": notebook_dir,
        "driver_config": None,
        "label": {"autoremove": "False"},
    }
]

c.SwarmSpawner.container_spec = {
    # The command that runs inside the service.
    "args": ["/usr/local/bin/start-singleuser.sh"],
    "env": {"JUPYTER_ENABLE_LAB": "1", "TZ": "Europe/Copenhagen"},
    "mounts": mounts,
}

c.SwarmSpawner.resource_spec = {
    "cpu_limit": int(1.5 * 1e9),
    "mem_limit": int(2048 * 1e6),
    "cpu_reservation": int(0.5 * 1e9),
    "mem_reservation": int(512 * 1e6),
}

c.SwarmSpawner.placement = {"constraints": ["node.role == worker"]}

c.SwarmSpawner.use_user_options = True
c.SwarmSpawner.images = [
    {"image": "quay.io/jupyter/base-notebook:2024-05-27", "name": "Base Notebook"},
    {"image": "quay.io/jupyter/datascience-notebook:2024-05-27", "name": "Data Science Notebook"},
]

c.JupyterHub.authenticator_class = "dummy"
