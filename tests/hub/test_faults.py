"""Everything that goes wrong, what the user sees, after how long, and that nothing is left behind."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from client import until
from deployment import SERVERS

PROFILES = (
    SERVERS
    + """
[[images]]
name = "Missing image"
image = "swarmgen-test/nowhere:1"

[[images]]
name = "No node"
image = "IMAGE"
placement = { constraints = ["node.labels.gpu==true"] }

[[images]]
name = "Ends at once"
image = "IMAGE"
args = ["sh", "-c", "exit 3"]

[[images]]
name = "Does not listen"
image = "IMAGE"
args = ["sleep", "600"]

[[images]]
name = "Scratch"
image = "IMAGE"
mounts = [{ source = "scratch-{name}", target = "/scratch", labels = { autoremove = "True" } }]
"""
).replace('start_timeout = "2m"\nhttp_timeout = "90s"', 'start_timeout = "30s"\nhttp_timeout = "30s"')


@pytest.fixture(autouse=True, scope="module")
def profiles(deployment):
    deployment.deploy(PROFILES)
    yield
    deployment.deploy()


@pytest.mark.parametrize(
    ("profile", "code", "words", "seconds"),
    [
        ("Missing image", "no-image", "image", 10),
        ("No node", "no-node", "node", 35),
        ("Ends at once", "exited", "3", 10),
        ("Does not listen", "not-listening", "answer", 45),
    ],
)
def test_a_task_that_fails_is_told_in_words_and_leaves_nothing(user, clean, profile, code, words, seconds) -> None:
    alice = user("alice")
    begun = time.monotonic()
    alice.hub.request_start("alice", options={"profile": profile})
    event = alice.hub.outcome("alice")
    took = time.monotonic() - begun
    assert event["failed"] and f"({code})" in event["message"] and words in event["message"], event
    assert took < seconds, f"{took:.1f} s"
    until(lambda: clean.servers() == [], 5, "nothing is left")
    # A good choice is not spoilt by a bad one.
    alice.start(options={"profile": "Plain"})


def test_a_hub_that_is_killed_finds_its_servers_again(user, clean) -> None:
    alice = user("alice")
    notebook = alice.start()
    assert notebook.run("print(1)") == "1\n"
    before = clean.servers()
    clean.kill_hub()
    until(lambda: (clean.hub.server("alice") or {}).get("ready"), 60, "the hub knows the server")
    assert clean.servers() == before
    assert alice.notebook().run("print(2)") == "2\n"


def test_a_hub_that_is_killed_in_the_middle_of_a_start_leaves_nothing(user, clean) -> None:
    alice = user("alice")

    def start() -> None:
        with suppress(OSError):
            alice.hub.request_start("alice", options={"profile": "No node"})

    threading.Thread(target=start, daemon=True).start()
    until(clean.servers, 20, "the service is there")
    clean.kill_hub()
    until(lambda: clean.hub.server("alice") is None and clean.servers() == [], 60, "nothing is left")
    alice.start(options={"profile": "Plain"})


@pytest.fixture
def proxy(clean):
    yield clean.proxy
    clean.proxy.move()
    clean.proxy.come_back()


def slowest_answer(clean, seconds: float) -> float:
    """How long the hub's API took at most, asked for so long."""
    slowest = 0.0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        begun = time.monotonic()
        assert clean.hub.ask("GET", "/info", timeout=10).status == 200
        slowest = max(slowest, time.monotonic() - begun)
        time.sleep(0.05)
    return slowest


@pytest.mark.parametrize("moment", [0.0, 0.3, 0.8, 1.5])
@pytest.mark.parametrize("way", ["hangs", "is away"])
def test_an_engine_that_is_away_for_five_seconds_costs_five_seconds(user, clean, proxy, way, moment) -> None:
    alice = user("alice")
    begun = time.monotonic()
    thread = threading.Thread(target=alice.hub.request_start, args=("alice",), daemon=True)
    thread.start()
    time.sleep(moment)
    (proxy.hang if way == "hangs" else proxy.go_away)()
    slowest = slowest_answer(clean, 5)
    (proxy.move if way == "hangs" else proxy.come_back)()
    assert slowest < 1.0, "the hub stood still"
    until(lambda: (clean.hub.server("alice") or {}).get("ready"), 60, "the start goes on")
    assert time.monotonic() - begun < 30
    assert len(clean.servers()) == 1


@pytest.mark.parametrize("way", ["hangs", "is away"])
def test_an_engine_that_is_away_kills_no_server(user, clean, proxy, way) -> None:
    alice = user("alice")
    alice.start()
    (proxy.hang if way == "hangs" else proxy.go_away)()
    time.sleep(15)
    assert clean.hub.server("alice")["ready"]
    (proxy.move if way == "hangs" else proxy.come_back)()
    time.sleep(6)
    assert alice.notebook().run("print(1)") == "1\n"


def test_a_server_is_stopped_once_the_engine_is_back(user, clean, proxy) -> None:
    alice = user("alice")
    alice.start()
    proxy.go_away()
    threading.Timer(5, proxy.come_back).start()
    alice.hub.stop("alice", seconds=60)
    assert clean.servers() == []


def test_a_server_that_ends_is_noticed_and_cleared_away(user, clean) -> None:
    alice = user("alice")
    alice.start()
    clean.engine.docker("kill", clean.container(clean.servers()[0]))
    until(lambda: clean.hub.server("alice") is None, 30, "the hub has noticed")
    until(lambda: clean.servers() == [], 30, "its service is gone")


def test_a_task_that_the_swarm_replaces_is_found_again(user, clean) -> None:
    clean.deploy(PROFILES.replace('condition = "none"', 'condition = "any"\ndelay = "1s"'))
    alice = user("alice")
    alice.start()
    before = clean.hub.server("alice")["state"]["swarmgen"]["address"]
    clean.engine.docker("service", "update", "--detach", "--force", clean.servers()[0])
    until(lambda: clean.hub.server("alice")["state"]["swarmgen"]["address"] != before, 60, "the new address is known")
    until(lambda: alice.notebook().ask("GET", "status").status == 200, 30, "the proxy leads there")
    alice.stop()
    clean.deploy(PROFILES)


def test_volumes_labelled_autoremove_go_with_the_server(user, clean) -> None:
    alice = user("alice")
    alice.start(options={"profile": "Scratch"})
    volumes = clean.engine.docker("volume", "ls", "--quiet").split()
    assert any(name.startswith("scratch-") for name in volumes)
    alice.stop()
    volumes = clean.engine.docker("volume", "ls", "--quiet").split()
    assert not any(name.startswith("scratch-") for name in volumes)
    assert any(name.startswith("home-") for name in volumes)
