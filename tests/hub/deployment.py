"""A real hub on a real swarm: the stack of examples/jupyterhub, with images that need no registry."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import images
from client import Browser, Hub, until
from proxy import Proxy

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "jupyterhub"
ENGINE = Path(os.environ.get("SWARMGEN_ENGINE", ROOT / "scripts" / "engine"))
SITE = ROOT / "target" / "hub" / "site"
WHEELS = ROOT / "target" / "hub" / "wheels"
STACK = "jupyterhub"
PORT = 8000
CLONE_NEWNET = 0x40000000
# What each node has one of: a generic resource's kind, and the one's name.
RESOURCE = ("fpga", "FPGA-0f1e")

OVERRIDE = """
version: "3.8"
services:
  jupyterhub:
    image: {image}
    command: ["jupyterhub", "-f", "/etc/jupyterhub/test_config.py"]
    environment:
      PYTHONPATH: /opt/swarmgen
    configs:
      - source: test_config
        target: /etc/jupyterhub/test_config.py
    volumes:
      - {{type: bind, source: {socket}, target: /var/run/docker.sock}}
      - {{type: bind, source: {site}, target: /opt/swarmgen, read_only: true}}
    deploy:
      # The machine that the tests run on may have no IPVS.
      endpoint_mode: dnsrr
  proxy:
    image: {image}
    deploy:
      endpoint_mode: dnsrr
configs:
  # An override takes the name along with the file.
  swarmgen:
    name: jupyterhub_swarmgen-${{CONFIG_VERSION}}
    file: {folder}/swarmgen.toml
  test_config:
    name: jupyterhub_test_config-${{CONFIG_VERSION}}
    file: {folder}/test_config.py
"""

HUB_CONFIG = """
load_subconfig("/etc/jupyterhub/jupyterhub_config.py")
c.JupyterHub.services.append({{"name": "tests", "api_token": "{token}"}})
c.JupyterHub.load_roles.append(
    {{
        "name": "tests", "services": ["tests"],
        "scopes": ["admin:users", "admin:servers", "admin:groups", "tokens", "read:hub", "proxy"],
    }}
)
c.JupyterHub.log_level = "DEBUG"
c.SwarmgenSpawner.poll_interval = 5
{more}
"""

# For servers that outlive their hub. Without IPVS a service has no address that outlives its tasks, and servers remember a
# name's for long (docs/hub.md).
THROUGH_THE_PROXY = 'c.SwarmgenSpawner.hub_connect_url = "http://proxy:8000"'

SERVERS = """
version = 1
deployment = "test"
jupyterhub_service_name = "jupyterhub"
networks = ["jupyterhub"]
notebook_dir = "/home/jovyan/work"
start_timeout = "2m"
http_timeout = "4m"
use_user_options = true

[lints]
node-local-volume = "allow"

[container_spec]
args = ["jupyterhub-singleuser"]
user = "1000:1000"
init = true

[[container_spec.mounts]]
source = "home-{name}"
target = "/home/jovyan/work"

[resource_spec]
mem_limit = "1G"

[restart_policy]
condition = "none"

[[images]]
name = "Plain"
image = "IMAGE"

[[images]]
name = "Same again"
image = "IMAGE"
"""


class Engine:
    """A swarm of its own, started and stopped by scripts/engine."""

    def __init__(self, folder: Path, nodes: int = 1) -> None:
        self.folder, self.nodes = folder, nodes
        keep = [] if "SWARMGEN_KEEP_ENGINE" in os.environ else ["--while", str(os.getpid())]
        self._engine("start", "--nodes", str(nodes), "--resource", f"{RESOURCE[0]}={RESOURCE[1]}", *keep)
        self.socket = folder / "1" / "docker.sock"
        self.variables = os.environ | {"DOCKER_HOST": self.host(1), "DOCKER_CONFIG": str(folder / "config")}
        for name in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
            self.variables.pop(name, None)
        # The hub and most servers are on the first.
        for node in range(2, nodes + 1):
            self.give_tasks(node, False)

    def _engine(self, *arguments: str) -> str:
        done = subprocess.run([str(ENGINE), "--dir", str(self.folder), *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def enter(self) -> None:
        """Moves this thread, and those that it starts from now on, into the first node's network."""
        pid = (self.folder / "1" / "pid").read_text().split()[0]
        with open(f"/proc/{pid}/ns/net") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def docker(self, *arguments: str, check: bool = True, text: str | None = None, **variables: str) -> str:
        done = subprocess.run(
            ["docker", *arguments], env=self.variables | variables, capture_output=True, text=True, input=text
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"docker {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def post(self, path: str, body: Any) -> Any:
        """What the first node's engine answers to a request of its API."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.socket))
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status < 300, text
        return json.loads(text)

    def host(self, node: int) -> str:
        """What DOCKER_HOST is for a node's engine."""
        return f"unix://{self.folder / str(node) / 'docker.sock'}"

    def on(self, node: int, *arguments: str) -> str:
        """What docker says on a node."""
        return self.docker(*arguments, DOCKER_HOST=self.host(node))

    def node(self, number: int) -> str:
        """A node's id."""
        return self.on(number, "info", "--format", "{{.Swarm.NodeID}}").strip()

    def give_tasks(self, node: int, truth: bool) -> None:
        """Says whether the swarm may give a node tasks."""
        self.docker("node", "update", "--availability", "active" if truth else "drain", self.node(node))

    def load(self, version: str) -> str:
        os.environ["DOCKER_CONFIG"] = self.variables["DOCKER_CONFIG"]
        image = ""
        for node in range(1, self.nodes + 1):
            os.environ["DOCKER_HOST"] = self.host(node)
            image = images.load(version)
        return image

    def services(self) -> list[str]:
        return sorted(self.docker("service", "ls", "--format", "{{.Name}}").split())

    def stop(self) -> None:
        self._engine("stop")


def install(profile: str = "dev") -> Path:
    """The wheel's program and module, of a profile of cargo's, installed where the hub's container finds them."""
    wheels = ROOT / "target" / "wheels"
    wheel = os.environ.get("SWARMGEN_WHEEL")
    if wheel == "installed":
        return SITE
    if wheel is None:
        subprocess.run(
            ["maturin", "build", "--quiet", "--profile", profile, "--locked", "-o", str(wheels)], cwd=ROOT, check=True
        )  # fmt: skip
        wheel = str(max(wheels.glob("swarmgen-*.whl"), key=lambda path: path.stat().st_mtime))
    for folder in (SITE, WHEELS):
        shutil.rmtree(folder, ignore_errors=True)
    WHEELS.mkdir(parents=True)
    shutil.copy(wheel, WHEELS)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(SITE), wheel]
    subprocess.run(command, check=True)
    return SITE


class Deployment:
    """A deployed hub; `hub` asks its API and `browser()` its pages, through the proxy."""

    password = "the tests' own password"

    def __init__(self, engine: Engine, version: str, folder: Path, servers: str = SERVERS, more: str = "") -> None:
        self.engine, self.version, self.folder = engine, version, folder
        self.image = engine.load(version)
        self.revision = 0
        # The hub's way to the engine.
        self.proxy = Proxy(engine.folder / "proxy.sock", engine.socket)
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{PORT}"
        self.hub = Hub(self.url, self.token)
        self.open(servers, more)

    def open(self, servers: str = SERVERS, more: str = "") -> None:
        """Deploys the stack where nothing of it is."""
        self.engine.docker("secret", "create", "jupyterhub_proxy_token", "-", text=secrets.token_hex(32))
        self.engine.docker("secret", "create", "jupyterhub_hub_password", "-", text=self.password)
        self.deploy(servers, more)

    def deploy(self, servers: str = SERVERS, more: str = "") -> None:
        """Deploys the stack, or brings a change of the config to it."""
        self.revision += 1
        files = {"socket": self.proxy.listen, "site": SITE, "folder": self.folder, "image": self.image}
        (self.folder / "override.yml").write_text(OVERRIDE.format(**files))
        (self.folder / "test_config.py").write_text(HUB_CONFIG.format(token=self.token, more=more))
        (self.folder / "swarmgen.toml").write_text(servers.replace("IMAGE", self.image))
        command = ["stack", "deploy", "--detach=false", "--resolve-image", "never"]
        command += ["-c", str(EXAMPLE / "stack.yml"), "-c", str(self.folder / "override.yml"), STACK]
        self.engine.docker(*command, CONFIG_VERSION=str(self.revision))
        try:
            until(self.answers, 90, "the hub answers")
        except AssertionError as error:
            tasks = self.engine.docker("stack", "ps", "--no-trunc", STACK)
            raise AssertionError(f"{error}\n{tasks}\n{self.log()}") from None

    def answers(self) -> bool:
        try:
            return self.hub.ask("GET", "/info").status == 200
        except OSError:
            return False

    def container(self, service: str = f"{STACK}_jupyterhub") -> str:
        """A service's running container on the first node."""
        label = f"label=com.docker.swarm.service.name={service}"
        return self.engine.docker("ps", "--quiet", "--filter", label).split()[0]

    def log(self, service: str = f"{STACK}_jupyterhub") -> str:
        """What a service has said on the first node, its ended tasks first."""
        label = f"label=com.docker.swarm.service.name={service}"
        containers = self.engine.docker("ps", "--all", "--quiet", "--filter", label).split()
        # `docker service logs` waits for ever where a task's container is gone.
        said = (
            subprocess.run(
                ["docker", "logs", one], env=self.engine.variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            for one in reversed(containers)
        )
        return "".join(done.stdout for done in said)

    def kill_hub(self, signal: str = "KILL") -> None:
        """Ends the hub, as a power cut would unless another signal is given; the swarm starts another."""
        before = self.container()
        self.engine.docker("kill", "--signal", signal, before)
        until(lambda: self.has_another_container(before) and self.answers(), 90, "another hub answers")

    def has_another_container(self, before: str) -> bool:
        """Tells whether the hub's container is not that of then."""
        try:
            return self.container() != before
        except IndexError:
            return False

    def change_memory(self, statement: str) -> None:
        """Changes the hub's database behind its back; the hub of that moment is killed."""
        script = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); print(db.execute(sys.argv[2]).rowcount); db.commit()"
        database = "/srv/jupyterhub/data/jupyterhub.sqlite"
        assert int(self.engine.docker("exec", self.container(), "python3", "-c", script, database, statement)) > 0
        self.kill_hub()

    def browser(self, name: str) -> Browser:
        browser = Browser(self.url)
        browser.log_in(name, self.password)
        return browser

    def servers(self) -> list[str]:
        """The services of users' servers."""
        return sorted(
            self.engine.docker("service", "ls", "--filter", "label=swarmgen.deployment", "--format", "{{.Name}}").split()
        )

    def leftovers(self) -> list[str]:
        """What there is of users' servers on all nodes: services, configs of files, volumes labelled autoremove, containers."""
        label = "com.docker.swarm.service.name"
        listing = ("ps", "--all", "--filter", f"label={label}", "--format", f'{{{{.Label "{label}"}}}}')
        containers = [
            f"container of {name} on {node}"
            for node in range(1, self.engine.nodes + 1)
            for name in self.engine.on(node, *listing).split()
            if not name.startswith(f"{STACK}_")
        ]
        return [*self.lasting_leftovers(), *containers]

    def lasting_leftovers(self) -> list[str]:
        """The same without containers, which take their time to go."""
        docker, on = self.engine.docker, self.engine.on
        configs = docker("config", "ls", "--filter", "label=swarmgen.made-by=spawner", "--format", "{{.Name}}")
        volumes = [
            f"volume {name} on {node}"
            for node in range(1, self.engine.nodes + 1)
            for name in on(node, "volume", "ls", "--quiet", "--filter", "label=autoremove=True").split()
        ]
        services = [f"service {name}" for name in self.servers()]
        return [*services, *(f"config {name}" for name in configs.split()), *volumes]

    def status(self) -> dict[str, Any]:
        """What `swarmgen status` says of the users' servers."""
        return self.told("status", "--format", "json")

    def told(self, *arguments: str) -> dict[str, Any]:
        """What a command of swarmgen's says of the deployed config, as JSON."""
        command = [str(SITE / "bin" / "swarmgen"), *arguments, "-c", str(self.folder / "swarmgen.toml")]
        done = subprocess.run(command, env=self.engine.variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def tasks(self, service: str) -> list[dict[str, Any]]:
        lines = self.engine.docker("service", "ps", "--no-trunc", "--format", "{{json .}}", service).splitlines()
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Removes all that was deployed, and ends the hub's way to the engine."""
        self.remove()
        self.proxy.close()

    def remove(self) -> None:
        """Removes all that was deployed, the users' servers too."""
        docker = self.engine.docker
        for service in self.servers():
            docker("service", "rm", service, check=False)
        docker("stack", "rm", STACK, check=False)
        # A network goes when the last container has left it.
        deadline = time.monotonic() + 60
        while docker("network", "ls", "--quiet", "--filter", "name=^jupyterhub$"):
            assert time.monotonic() < deadline, "the network does not go"
            docker("network", "rm", "jupyterhub", check=False)
            time.sleep(0.5)
        docker("secret", "rm", "jupyterhub_proxy_token", "jupyterhub_hub_password", check=False)
        until(lambda: not docker("ps", "--quiet"), 60, "the containers are gone")
        # Containers that have ended hold volumes too, and the next hub must not find this one's database.
        docker("container", "prune", "--force")
        docker("volume", "prune", "--force")
        assert f"{STACK}_hub" not in docker("volume", "ls", "--quiet").split()


if __name__ == "__main__":
    install()
