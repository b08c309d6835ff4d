"""What the tests of the spawner share. They need JupyterHub, and no engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.objects import Hub
from jupyterhub.user import User
from traitlets.config import Config

from files import whole_lines, write_whole
from swarmgen.spawner import SwarmgenSpawner

HERE = Path(__file__).resolve().parent
SETTINGS = {
    "event": "settings",
    "version": 1,
    "program": "0.1.0",
    "deployment": "test",
    "jupyterhub_service_name": "jupyterhub",
    "service_port": 8899,
    "start_timeout": 300,
    "http_timeout": 44,
    "notebook_dir": "/home/jovyan/work",
    "mem_limit": 536870912,
    "mem_guarantee": None,
    "cpu_limit": 1.5,
    "cpu_guarantee": None,
    "user_format_attributes": ["uid", "desk", "settings", "name"],
    "warnings": [],
}
STATE = {"version": 1, "service": "jupyter-x-1", "service_id": "b1c8", "address": "10.0.1.7", "port": 8888}
STARTED = {"event": "started", "address": "10.0.1.7", "port": 8888, "service": "jupyter-x-1", "state": STATE}
RUNNING = {"event": "status", "running": True, "exists": True, "address": "10.0.1.7", "port": 8888}
STOPPED = {"event": "stopped", "removed": {"service": "jupyter-x-1", "configs": [], "volumes": []}, "unreachable": []}


def failed(code: str, **keys: Any) -> dict[str, Any]:
    """What the program says of what it could not do."""
    return {"event": "failed", "code": code, "message": f"This is {code}.", "detail": f"detail of {code}", "left": [], **keys}


class Script:
    """What the scripted program is to do, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: dict[str, Any] = {"settings": [[{"emit": SETTINGS}]]}

    def on(self, verb: str, *calls: list[dict[str, Any]]) -> None:
        self.write(**{verb: list(calls)})

    def write(self, **steps: Any) -> None:
        self.steps.update(steps)
        write_whole(self.folder / "script.json", json.dumps(self.steps))

    def lines(self, name: str) -> list[Any]:
        return whole_lines(self.folder / name)

    def asked(self, verb: str) -> list[dict[str, Any]]:
        return [entry for entry in self.lines("asked.jsonl") if entry["verb"] == verb]

    def requests(self, verb: str) -> list[dict[str, Any]]:
        return [entry["request"] for entry in self.asked(verb)]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    monkeypatch.setenv("SWARMGEN_SCRIPT", str(tmp_path))
    SwarmgenSpawner._settings.clear()
    SwarmgenSpawner._warned.clear()
    found = Script(tmp_path)
    found.write()
    return found


class Proxy:
    """Takes note of what the hub's proxy is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    async def add_user(self, user: Any, server_name: str = "") -> None:
        self.told.append((user.name, user.spawners[server_name].server.host))


class World:
    """A hub's database and objects around spawners, without a running hub."""

    def __init__(self, config: Config) -> None:
        self.db = orm.new_session_factory("sqlite:///:memory:")()
        # Tokens belong to it.
        self.db.add(orm.OAuthClient(identifier="jupyterhub"))
        self.db.commit()
        self.proxy = Proxy()
        self.settings = {
            "hub": Hub(ip="0.0.0.0", port=8081, base_url="/hub/"),
            "config": config,
            "spawner_class": SwarmgenSpawner,
            "proxy": self.proxy,
            "cookie_secret": b"never to be told",
        }

    def user(self, name: str = "alice", groups: tuple[str, ...] = ()) -> User:
        orm_user = orm.User(name=name)
        orm_user.groups = [orm.Group(name=group) for group in groups]
        self.db.add(orm_user)
        self.db.commit()
        return User(orm_user, self.settings)

    def spawner(self, user: User, server: str = "", running: bool = False) -> SwarmgenSpawner:
        if server:
            self.db.add(orm.Spawner(name=server, user=user.orm_user))
            self.db.commit()
        spawner = user.spawners[server]
        if running:
            at = orm.Server(ip="10.0.1.7", port=8888, base_url=f"/user/{user.name}/")
            self.db.add(at)
            spawner.orm_spawner.server = at
            self.db.commit()
        return spawner


@pytest.fixture
def config() -> Config:
    config = Config()
    config.SwarmgenSpawner.program = [str(HERE / "scripted.py")]
    config.SwarmgenSpawner.config_file = "/etc/jupyterhub/swarmgen.toml"
    return config


@pytest.fixture
def world(config: Config) -> World:
    return World(config)
