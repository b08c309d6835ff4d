# The hub of a university: three environments, homes over SSHFS, Swarm configs for what the images read below /etc.
import copy
import os

from docker.types import Healthcheck
from jhub.mount import SSHFSMounter

c = get_config()

REGISTRY = os.environ.get("NOTEBOOK_REGISTRY", "registry.example.edu")
RELEASE = os.environ.get("NOTEBOOK_RELEASE", "2026.2")
HOME = os.path.join("/home", "jovyan")
WORK = os.path.join(HOME, "work")
GIB = 1024**3
SECOND = 10**9

c.JupyterHub.spawner_class = "jhub.SwarmSpawner"
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.base_url = "/hub"
c.JupyterHub.authenticator_class = "jhubauthenticators.HeaderAuthenticator"
c.HeaderAuthenticator.enable_auth_state = True

c.SwarmSpawner.jupyterhub_service_name = "hub_jupyterhub"
c.SwarmSpawner.networks = ["hub_default", "storage"]
c.SwarmSpawner.start_timeout = 10 * 60
c.SwarmSpawner.http_timeout = 2 * 60
c.SwarmSpawner.notebook_dir = WORK
c.SwarmSpawner.use_user_options = True
# What the authenticator knows of a user.
c.SwarmSpawner.user_format_attributes = ["sshcmd", "id_rsa", "department"]


# Swarm configs: what, where to, for whom, who may read it.
def config(name, *path, owner="0", mode=0o444):
    return {"config_name": name, "filename": os.path.join("/etc", *path), "uid": owner, "gid": "100", "mode": mode}


configs = [
    config("jupyter-server-v7", "jupyter", "jupyter_server_config.py", mode=0o440),
    config("jupyterlab-overrides-v3", "jupyter", "labconfig", "default_setting_overrides.json"),
    config("ipython-v2", "ipython", "ipython_config.py", owner="1000"),
    config("pip-v4", "pip.conf"),
    config("conda-v4", "conda", "condarc"),
    config("git-v1", "gitconfig"),
    config("ca-bundle-2026", "ssl", "certs", "example-edu.pem"),
    config("nbgrader-v5", "jupyter", "nbgrader_config.py", mode=0o440),
]
research_configs = [
    config("krb5-v2", "krb5.conf"),
    config("ssh-research-v2", "ssh", "ssh_config.d", "research.conf"),
]
gpu_configs = [
    config("nccl-v1", "nccl.conf"),
    config("start-gpu-v3", "jupyter", "start-gpu.sh", mode=0o755),
]

home = SSHFSMounter(
    {
        "type": "volume",
        "driver_config": "ucphhpc/sshfs:latest",
        "driver_options": {
            "sshcmd": "{sshcmd}",
            "id_rsa": "{id_rsa}",
            "port": "2222",
            "allow_other": "",
            "reconnect": "",
            "big_writes": "",
            "autoremove": "True",
        },
        "source": "",
        "target": WORK,
    }
)
courses = {
    "type": "volume",
    "source": "courses",
    "target": os.path.join(HOME, "courses"),
    "read_only": True,
    "driver_config": {
        "name": "local",
        "options": {"type": "nfs", "o": "addr=nfs.example.edu,nfsvers=4.2,ro,soft", "device": ":/exports/courses"},
    },
}

base_env = {
    "JUPYTER_ENABLE_LAB": "1",
    "TZ": "Europe/Copenhagen",
    "LANG": "en_GB.UTF-8",
    "PIP_CONFIG_FILE": "/etc/pip.conf",
    "DEPARTMENT": "{department}",
    # Bash's own braces are doubled for SwarmSpawner.
    "PS1": "$${{debian_chroot}} \\w \\$ ",
}

c.SwarmSpawner.container_spec = {
    "args": ["/usr/local/bin/start-singleuser.py", "--ServerApp.ip=0.0.0.0"],
    "env": base_env,
    "mounts": [home, courses],
    "init": True,
    "stop_grace_period": 30 * SECOND,
    "healthcheck": Healthcheck(
        test=["CMD", "curl", "-fsS", "http://127.0.0.1:8888/api"],
        interval=30 * SECOND,
        timeout=5 * SECOND,
        retries=3,
        start_period=60 * SECOND,
    ),
}
c.SwarmSpawner.configs = configs
c.SwarmSpawner.log_driver = {"name": "json-file", "options": {"max-size": "10m", "max-file": "3"}}

teaching = {
    "env": {"ENVIRONMENT": "teaching", "OMP_NUM_THREADS": "2"},
    "resource_spec": {
        "cpu_limit": 2 * SECOND,
        "cpu_reservation": SECOND // 10,
        "mem_limit": 4 * GIB,
        "mem_reservation": GIB // 2,
    },
    "placement": {
        "constraints": ["node.labels.jupyter==true", "node.labels.gpu!=true"],
        "preferences": [("spread", "node.labels.rack")],
    },
}

research = copy.deepcopy(teaching)
research["env"].update(ENVIRONMENT="research", OMP_NUM_THREADS="8", SCRATCH="/scratch")
research["resource_spec"].update(cpu_limit=8 * SECOND, mem_limit=32 * GIB, mem_reservation=4 * GIB)
research["configs"] = configs + research_configs
research["access"] = ["ada", "bruno", "chen", "dana"]

gpu = copy.deepcopy(research)
gpu["env"].update(ENVIRONMENT="gpu", NVIDIA_DRIVER_CAPABILITIES="compute,utility")
gpu["resource_spec"]["mem_limit"] *= 2
gpu["resource_spec"]["generic_resources"] = {"gpu": 1}
gpu["placement"] = {"constraints": ["node.labels.jupyter==true", "node.labels.gpu==true"]}
gpu["configs"] = gpu["configs"] + gpu_configs
gpu["access"] = ["ada", "chen"]

images = []
for environment, name, repository in [
    (teaching, "Python", "teaching/python"),
    (teaching, "R", "teaching/r"),
    (teaching, "Julia", "teaching/julia"),
    (research, "Research Python", "research/python"),
    (research, "Research R", "research/r"),
    (gpu, "GPU PyTorch", "gpu/pytorch"),
]:
    image = copy.deepcopy(environment)
    image.update(name=name, image="{}/{}:{}".format(REGISTRY, repository, RELEASE))
    images.append(image)
# The examination runs without anything that a student could have prepared.
images.append(
    {
        "name": "Examination",
        "image": f"{REGISTRY}/teaching/exam:{RELEASE}",
        "access": "exam-users.txt",
        "env": {"ENVIRONMENT": "exam"},
        "placement": {"constraints": ["node.labels.exam==true"]},
        "resource_spec": teaching["resource_spec"],
    }
)
c.SwarmSpawner.images = images


# Users whose quota is spent get no server.
def check_quota(spawner):
    quota = os.path.join("/srv/quota", spawner.user.name)
    if os.path.exists(quota) and open(quota).read().strip() == "spent":
        raise RuntimeError("your quota is spent")


c.Spawner.pre_spawn_hook = check_quota
