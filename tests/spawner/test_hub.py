"""A real hub with the spawner, over a program that runs servers as this machine's processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import jupyterhub
import pytest

from client import Browser, Hub, until
from files import whole_lines, write_whole

HERE = Path(__file__).resolve().parent
TOKEN = "an-administrators-token-for-the-tests"
CONFIG = """
from jupyterhub.proxy import Proxy

class Routes(Proxy):
    "Keeps the routes, and sends nobody anywhere."
    should_start = False
    table = {{}}
    async def add_route(self, routespec, target, data):
        self.table[routespec] = {{"routespec": routespec, "target": target, "data": data}}
    async def delete_route(self, routespec):
        self.table.pop(routespec, None)
    async def get_all_routes(self):
        return dict(self.table)

c.JupyterHub.proxy_class = Routes
c.JupyterHub.bind_url = "http://127.0.0.1:{front}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.spawner_class = "{spawner}"
c.SwarmgenSpawner.program = ["{program}"]
c.SwarmgenSpawner.environment = {{"VERSION": "{version}"}}
c.SwarmgenSpawner.poll_interval = 1
c.JupyterHub.cleanup_servers = False
c.JupyterHub.allow_named_servers = True
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie_secret"
c.JupyterHub.log_level = "DEBUG"
c.JupyterHub.services = [{{"name": "tests", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{
    "name": "tests", "services": ["tests"], "scopes": ["admin:users", "admin:servers", "tokens", "read:hub", "proxy"],
}}]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """A hub as a process, which can be ended and started again."""

    program = HERE / "local.py"

    def __init__(self, folder: Path, more: str = "", certificates: Path | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http{'s' if certificates else ''}://127.0.0.1:{self.port}"
        self.hub = Hub(self.url, TOKEN, certificates)
        (folder / "swarm").mkdir()
        (folder / "jupyterhub_config.py").write_text(
            CONFIG.format(
                front=free_port(), port=self.port, program=self.program, version=jupyterhub.__version__, folder=folder,
                token=TOKEN, spawner="swarmgen.spawner.SwarmgenSpawner",
            ) + more
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        environment = os.environ | {
            "SWARMGEN_LOCAL": str(self.folder / "swarm"),
            "PYTHONPATH": str(HERE.parents[1] / "python"),
        }
        self.log = (self.folder / "hub.log").open("ab")
        self.child = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(self.folder / "jupyterhub_config.py")],
            env=environment, cwd=self.folder, stdout=self.log, stderr=self.log,
        )  # fmt: skip

        def up() -> bool:
            assert self.child.poll() is None, self.said()
            try:
                return self.hub.ask("GET", "/").status == 200
            except OSError:
                return False

        until(up, 60, "the hub answers")

    def end(self, number: int = signal.SIGTERM) -> None:
        self.child.send_signal(number)
        self.child.wait(30)
        self.log.close()

    def say(self, name: str, text: str | None = "") -> None:
        """Tells the stand-in what is to go wrong; None: no more."""
        path = self.folder / "swarm" / name
        if text is None:
            path.unlink(missing_ok=True)
        else:
            write_whole(path, text)

    def services(self) -> list[dict[str, Any]]:
        folder = self.folder / "swarm" / "services"
        return [json.loads(path.read_text()) for path in sorted(folder.iterdir())] if folder.exists() else []

    def asked(self, verb: str) -> list[dict[str, Any]]:
        return [entry["request"] for entry in whole_lines(self.folder / "swarm" / "asked.jsonl") if entry["verb"] == verb]

    def routes(self) -> dict[str, Any]:
        return dict(self.hub.ask("GET", "/proxy").json)

    def said(self) -> str:
        return (self.folder / "hub.log").read_text()

    def end_all(self) -> None:
        """Ends the hub and its servers."""
        self.end(signal.SIGKILL)
        for service in self.services():
            os.kill(service["pid"], signal.SIGKILL)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    found = Running(tmp_path)
    yield found
    found.end_all()


def test_internal_tls_is_refused_in_words(tmp_path: Path) -> None:
    certificates = tmp_path / "certificates"
    more = f"c.JupyterHub.internal_ssl = True\nc.JupyterHub.internal_certs_location = '{certificates}'\n"
    secured = Running(tmp_path, more, certificates)
    try:
        secured.hub.add_user("alice")
        answer = secured.hub.request_start("alice")
        assert answer.status == 500
        assert "internal_ssl does not work with swarmgen. (config)" in answer.json["message"]
        assert secured.hub.server("alice") is None
        # Nothing was begun that would have to be undone, and the operator reads what to do.
        assert [secured.asked(verb) for verb in ("start", "poll", "stop")] == [[], [], []]
        assert "docker network create --opt encrypted" in secured.said()
    finally:
        secured.end_all()


def test_a_server_starts_stops_and_starts_again(running: Running) -> None:
    hub = running.hub
    hub.add_user("alice")
    seen = set()
    for _ in range(3):
        server = hub.start("alice")
        assert server["state"]["swarmgen"]["address"] == "127.0.0.1"
        (service,) = running.services()
        assert running.routes()["/user/alice/"]["target"] == f"http://127.0.0.1:{service['port']}"
        seen.add(service["pid"])
        hub.stop("alice")
        assert running.services() == []
    assert len(seen) == 3
    assert len(running.asked("settings")) == 1
    assert [request["existing"] for request in running.asked("start")] == ["tell"] * 3


def test_named_servers_and_odd_users_are_each_their_own(running: Running) -> None:
    hub = running.hub
    names = ["alice", "a@b.c", "two words", "李雷", "ü" * 40, "x" * 200]
    for name in names:
        hub.add_user(name)
        hub.start(name)
    hub.start("alice", "lab")
    assert len(running.services()) == len(names) + 1
    hub.stop("alice", "lab")
    assert hub.server("alice")
    assert {request["user"]["name"] for request in running.asked("start")} == set(names)
    assert {request["server"]["name"] for request in running.asked("start")} == {"", "lab"}


def test_progress_comes_while_the_start_goes_on(running: Running) -> None:
    hub = running.hub
    hub.add_user("alice")
    running.say("hangs")
    threading.Thread(target=hub.request_start, args=("alice",), daemon=True).start()
    until(lambda: running.asked("start"), 60, "start is asked")
    messages = []
    for event in hub.progress("alice"):
        messages.append(event["message"])
        if "GPU" in event["message"]:
            running.say("hangs", None)
    assert messages[:3] == ["Server requested", "Asking the swarm for a server", "Waiting for a node with a <GPU>"]
    assert event["ready"]


def test_a_failure_is_told_at_once_in_words_and_leaves_nothing(running: Running) -> None:
    hub = running.hub
    hub.add_user("alice")
    running.say("fails", json.dumps({"code": "no-image", "message": "The image <b>x:1</b> is nowhere to be had."}))
    begun = time.monotonic()
    answer = hub.request_start("alice")
    assert time.monotonic() - begun < 5
    assert answer.status == 500
    assert answer.json["message"] == "The image <b>x:1</b> is nowhere to be had. (no-image)"
    event = hub.outcome("alice")
    assert event["failed"] and "The image <b>x:1</b> is nowhere to be had." in event["message"]
    assert "&lt;b&gt;x:1&lt;/b&gt;" in event["html_message"]
    assert hub.server("alice") is None
    # No question follows a start that has cleaned up after itself.
    assert running.asked("poll") == running.asked("stop") == []
    browser = Browser(running.url)
    browser.log_in("alice")
    page = browser.get("/hub/spawn-pending/alice")
    assert "is nowhere to be had." in page.text
    assert "<b>x:1</b>" not in page.text
    running.say("fails", None)
    hub.start("alice")


def test_a_request_that_may_not_be_is_the_users_fault(running: Running) -> None:
    hub = running.hub
    hub.add_user("alice")
    own = hub.token_of("alice")
    answer = hub.ask("POST", hub.path("alice"), {"container_spec": {"mounts": ["/:/host"]}}, token=own)
    assert answer.status == 400
    assert "container_spec" in answer.json["message"]
    assert running.services() == []
    # The hub has stored them, and offers them again.
    assert hub.request_start("alice").status == 400
    assert running.asked("start")[-1]["user_options"] == {"container_spec": {"mounts": ["/:/host"]}}
    hub.start("alice", options={"profile": "large"})
    assert running.services()[0]["user_options"] == {"profile": "large"}


def test_the_form_is_shown_and_what_it_says_is_used(running: Running) -> None:
    running.say("form")
    browser = Browser(running.url)
    browser.log_in("alice")
    assert "<input name='profile' value='small'>" in browser.get("/hub/spawn/alice").text
    refused = browser.refused("alice", {"profile": "huge"})
    # JupyterHub 4 shows the form again with a 200.
    assert refused.status in (200, 400)
    assert "A request may not set this profile." in refused.text
    browser.post("/hub/spawn/alice", {"profile": "large"})
    until(lambda: (running.hub.server("alice") or {}).get("ready"), 60, "alice's server is ready")
    assert running.services()[0]["user_options"] == {"profile": "large"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_hub_that_was_ended_finds_its_servers(running: Running, number: int) -> None:
    hub = running.hub
    hub.add_user("alice")
    hub.start("alice")
    (before,) = running.services()
    running.end(number)
    assert running.asked("stop") == []
    running.start()
    until(lambda: (hub.server("alice") or {}).get("ready"), 60, "the hub knows the server")
    assert running.services() == [before]
    assert running.asked("poll")[-1]["state"]["port"] == before["port"]
    # Each hub, once: how long it waits for a server that is there is the config's to say.
    assert len(running.asked("settings")) == 2
    hub.stop("alice")
    assert running.services() == []


def test_a_hub_that_was_ended_in_the_middle_of_a_start_leaves_nothing(running: Running) -> None:
    hub = running.hub
    hub.add_user("alice")
    running.say("hangs")
    threading.Thread(target=lambda: _ignore(hub.request_start, "alice"), daemon=True).start()
    until(lambda: running.asked("start"), 60, "the start waits")
    running.end(signal.SIGKILL)
    # The program ends with the hub, and so does what it waits for.
    time.sleep(2)
    running.say("hangs", None)
    time.sleep(1)
    assert running.services() == []
    running.start()
    until(lambda: hub.server("alice") is None, 60, "the hub has given it up")
    hub.start("alice")
    assert len(running.services()) == 1


def test_a_start_that_is_given_up_and_takes_long_to_undo_is_stopped(running: Running) -> None:
    hub = running.hub
    hub.add_user("alice")
    running.say("hangs")
    running.say("undo", "4")
    start = threading.Thread(target=lambda: _ignore(hub.request_start, "alice"))
    start.start()
    until(lambda: running.asked("start"), 60, "the start waits")
    begun = time.monotonic()
    answer = hub.ask("DELETE", hub.path("alice"), timeout=30)
    if jupyterhub.version_info < (5,):
        # It gives up no start that is pending.
        assert answer.status == 400
        return
    assert answer.status in (202, 204), answer
    until(lambda: hub.server("alice") is None, 30, "the hub has given it up")
    assert time.monotonic() - begun > 4, "it waits for what is undone"
    start.join(30)
    running.say("hangs", None)
    hub.start("alice")
    assert len(running.services()) == 1
    assert running.asked("stop") == [], "nothing was left to stop"


def _ignore(ask: Any, *arguments: Any) -> None:
    with suppress(OSError, AssertionError):
        ask(*arguments)


def test_a_hub_that_lost_its_memory_replaces_a_server_of_unknown_token(running: Running) -> None:
    hub = running.hub
    hub.add_user("alice")
    hub.start("alice")
    (before,) = running.services()
    running.end(signal.SIGKILL)
    (running.folder / "hub.sqlite").unlink()
    running.start()
    hub.add_user("alice")
    hub.start("alice")
    (after,) = running.services()
    assert after["pid"] != before["pid"]
    assert after["env"]["JUPYTERHUB_API_TOKEN"] != before["env"]["JUPYTERHUB_API_TOKEN"]
    assert [request["existing"] for request in running.asked("start")][-2:] == ["tell", "replace"]


def test_an_engine_that_is_away_kills_no_server(running: Running) -> None:
    hub = running.hub
    hub.add_user("alice")
    hub.start("alice")
    (before,) = running.services()
    running.say("away")
    asked = len(running.asked("poll"))
    until(lambda: len(running.asked("poll")) >= asked + 3, 60, "the hub has asked")
    assert hub.server("alice")
    # A stop waits for the engine.
    assert hub.ask("DELETE", hub.path("alice"), timeout=30).status in (202, 204)
    assert running.services() == [before]
    running.say("away", None)
    until(lambda: hub.server("alice") is None and running.services() == [], 30, "it is stopped after all")


def test_a_server_that_ends_is_noticed_and_cleared_away(running: Running) -> None:
    hub = running.hub
    hub.add_user("alice")
    hub.start("alice")
    os.kill(running.services()[0]["pid"], signal.SIGKILL)
    until(lambda: hub.server("alice") is None, 60, "the hub has noticed")
    assert running.services() == []


def test_a_server_that_moved_is_found_and_routed_to(running: Running) -> None:
    hub = running.hub
    hub.add_user("alice")
    hub.start("alice")
    (path,) = (running.folder / "swarm/services").iterdir()
    before = json.loads(path.read_text())
    path.write_text(json.dumps(before | {"port": before["port"] + 1}))
    target = f"http://127.0.0.1:{before['port'] + 1}"
    until(lambda: running.routes()["/user/alice/"]["target"] == target, 60, "the route is new")


def test_a_start_that_takes_too_long_ends_in_the_programs_own_words(running: Running) -> None:
    running.say("start_timeout", "4")
    running.say("hangs")
    hub = running.hub
    hub.add_user("alice")
    answer = hub.request_start("alice")
    assert answer.status == 503
    assert "no node has a GPU" in answer.json["message"]
    assert hub.server("alice") is None


def test_the_hub_answers_while_the_program_is_slow(running: Running) -> None:
    hub = running.hub
    for number in range(5):
        hub.add_user(f"user{number}")
    running.say("slow", "1")
    starts = [threading.Thread(target=hub.request_start, args=(f"user{number}",)) for number in range(5)]
    for start in starts:
        start.start()
    times = []
    while any(start.is_alive() for start in starts):
        begun = time.monotonic()
        assert hub.ask("GET", "/").status == 200
        times.append(time.monotonic() - begun)
        time.sleep(0.02)
    assert len(times) > 20
    # The stand-in is Python, which takes the machine's time; a hub that waited for it would take a second or more.
    assert statistics.median(times) < 0.25
