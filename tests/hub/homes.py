"""Homes over SSH for the hub's users: the SSH server and the volume plugin that the tests on a swarm alone have, too."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

from client import until
from deployment import ENGINE, ROOT, Engine

FIXTURES = ROOT / "tests" / "live" / "homes"
DRIVER = "ucphhpc/sshfs:latest"
ADDRESS = "10.77.0.1"
PORT = 2222


@dataclass
class Credentials:
    """What opens one user's home."""

    sshcmd: str
    password: str
    key: str


class Homes:
    """An engine's SSH server and volume plugin."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._run(str(FIXTURES / "server"), "start")
        socket = f"/run/docker/plugins/{DRIVER}.sock"
        # It ends with the engine.
        subprocess.run(
            self._inside("setsid", "--fork", "python3", str(FIXTURES / "plugin.py"), socket, "/run/mounts"),
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(lambda: subprocess.run(self._inside("test", "-S", socket)).returncode == 0, 10, "the plugin listens")
        # The engine knows such a plugin once it was used, and tells the swarm's scheduler within 20 s.
        options = ["--opt", "sshcmd=nobody@nowhere:", "--opt", "password=none"]
        engine.docker("volume", "create", "--driver", DRIVER, *options, "first-use")
        engine.docker("volume", "rm", "first-use")
        until(self._is_known, 60, "the scheduler knows the plugin")

    def _is_known(self) -> bool:
        (node,) = json.loads(self.engine.docker("node", "inspect", "self"))
        return {"Type": "Volume", "Name": DRIVER} in node["Description"]["Engine"]["Plugins"]

    def _inside(self, *command: str) -> list[str]:
        return [str(ENGINE), "--dir", str(self.engine.folder), "exec", "1", *command]

    def _run(self, *command: str, text: str = "") -> str:
        done = subprocess.run(self._inside(*command), capture_output=True, text=True, input=text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_user(self, name: str, password: str) -> Credentials:
        """Makes a user of the SSH server with a home; one that is there gets the password."""
        key = self._run(str(FIXTURES / "server"), "add", name, text=password)
        return Credentials(f"{name}@{ADDRESS}:/run/homes/{name}", password, key)

    def file(self, user: str, name: str) -> str:
        """A file of a user's home, as the server has it."""
        return self._run("cat", f"/run/homes/{user}/{name}")
