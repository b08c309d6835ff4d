# A department's hub with dockerspawner's SwarmSpawner.
import os

c = get_config()

network = os.environ.get("DOCKER_NETWORK_NAME", "jupyterhub")
notebook_dir = os.environ.get("DOCKER_NOTEBOOK_DIR", "/home/jovyan/work")

c.JupyterHub.spawner_class = "dockerspawner.SwarmSpawner"
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "jupyterhub"

c.SwarmSpawner.network_name = network
c.SwarmSpawner.extra_host_config = {"network_mode": network}
c.SwarmSpawner.remove = True
c.SwarmSpawner.debug = True

c.DockerSpawner.image = "quay.io/jupyter/scipy-notebook:2024-05-27"
c.DockerSpawner.allowed_images = {
    "Scientific Python": "quay.io/jupyter/scipy-notebook:2024-05-27",
    "R": "quay.io/jupyter/r-notebook:2024-05-27",
    "Spark": "quay.io/jupyter/pyspark-notebook:2024-05-27",
}
c.DockerSpawner.prefix = "jupyter"
c.DockerSpawner.notebook_dir = notebook_dir
c.DockerSpawner.volumes = {
    "jupyterhub-user-{username}": notebook_dir,
    "course-material": {"bind": "/home/jovyan/courses", "mode": "ro"},
}
c.DockerSpawner.environment = {"GRANT_SUDO": "no", "TZ": "Europe/Berlin"}

c.Spawner.mem_limit = "2G"
c.Spawner.mem_guarantee = "512M"
c.Spawner.cpu_limit = 1.5
c.Spawner.start_timeout = 300
c.Spawner.cmd = ["start-singleuser.py"]
c.Spawner.args = ["--ServerApp.terminals_enabled=False"]

c.SwarmSpawner.extra_container_spec = {"labels": {"org.example.service": "notebook"}}
c.SwarmSpawner.extra_placement_spec = {
    "constraints": ["node.role==worker"],
    "preferences": [("spread", "node.labels.rack")],
}

c.JupyterHub.authenticator_class = "oauthenticator.github.GitHubOAuthenticator"
c.GitHubOAuthenticator.client_id = os.environ.get("GITHUB_CLIENT_ID", "")
c.GitHubOAuthenticator.client_secret = os.environ.get("GITHUB_CLIENT_SECRET", "")
