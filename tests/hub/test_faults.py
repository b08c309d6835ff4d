"""Everything that goes wrong, what the user sees, after how long, and that nothing is left behind."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from client import until
from deployment import SERVERS, THROUGH_THE_PROXY
from users import User

PROFILES = (
    SERVERS
    + """
[[images]]
name = "No node"
image = "IMAGE"
placement = { constraints = ["node.labels.gpu==true"] }

[[images]]
name = "Scratch"
image = "IMAGE"
mounts = [{ source = "scratch-{name}", target = "/scratch", labels = { autoremove = "True" } }]

[[images]]
name = "Scratch on a worker"
image = "IMAGE"
mounts = [{ source = "scratch-{name}", target = "/scratch", labels = { autoremove = "True" } }]
placement = { constraints = ["node.role==worker"] }
"""
)


@pytest.fixture(autouse=True, scope="module")
def profiles(deployment):
    deployment.deploy(PROFILES, THROUGH_THE_PROXY)
    yield
    deployment.deploy()


def test_the_user_sees_what_the_start_waits_for(user, clean) -> None:
    alice, engine, messages = user("alice"), clean.engine, []
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(alice.hub.request_start, "alice", options={"profile": "No node"})
        until(clean.servers, 30, "the service is there")
        try:
            for event in alice.hub.progress("alice"):
                messages.append(event["message"])
                if messages[-1] == "Waiting for a node that may run this server: none is there now":
                    engine.docker("node", "update", "--label-add", "gpu=true", engine.node(1))
            assert event.get("ready"), event
            assert starting.result().status in (201, 202)
        finally:
            engine.docker("node", "update", "--label-rm", "gpu", engine.node(1), check=False)
    told = ["Asking the swarm for a server", "Waiting for a node that may run this server: none is there now"]
    places = [messages.index(message) for message in [*told, "Waiting for the server to answer"]]
    assert places == sorted(places), messages
    alice.stop()


@pytest.mark.parametrize(
    ("signal", "fault"),
    [("KILL", "the hub is killed while a server runs"), ("TERM", "the hub is stopped and started while a server runs")],
)
def test_a_hub_that_has_ended_finds_its_servers_again(user, clean, faults, signal, fault) -> None:
    alice = user("alice")
    notebook = alice.start()
    assert notebook.run("print(1)") == "1\n"
    before = clean.servers()
    container = clean.container(before[0])
    begun = time.monotonic()
    clean.kill_hub(signal)
    until(lambda: (clean.hub.server("alice") or {}).get("ready"), 60, "the hub knows the server")
    took = time.monotonic() - begun
    assert (clean.servers(), clean.container(before[0])) == (before, container)
    assert alice.notebook().run("print(2)") == "2\n"
    faults.saw(fault, took, "the server, which ran on", waits="{}, the hub's own start")


@pytest.mark.parametrize(("signal", "ends"), [("KILL", "killed"), ("TERM", "stopped and started")])
def test_a_hub_that_ends_in_the_middle_of_a_start_leaves_nothing(user, clean, faults, signal, ends) -> None:
    alice = user("alice")

    def start() -> None:
        with suppress(OSError):
            alice.hub.request_start("alice", options={"profile": "No node"})

    threading.Thread(target=start, daemon=True).start()
    until(clean.servers, 20, "the service is there")
    begun = time.monotonic()
    clean.kill_hub(signal)
    until(lambda: clean.hub.server("alice") is None and clean.servers() == [], 60, "nothing is left")
    took = time.monotonic() - begun
    # The hub's own start, and not the 30 s for which JupyterHub waits for a server at an address where none is.
    assert took < 25, clean.log()
    alice.start(options={"profile": "Plain"})
    fault = f"the hub is {ends} in the middle of a start"
    faults.saw(fault, took, "no server; the next start works", waits="{}, the hub's own start")


def test_a_hub_that_is_killed_while_a_server_comes_up_finds_that_server(user, clean, faults) -> None:
    alice = user("alice")

    def start() -> None:
        with suppress(OSError):
            alice.hub.request_start("alice")

    def runs() -> bool:
        return any(task["CurrentState"].startswith("Running") for name in clean.servers() for task in clean.tasks(name))

    threading.Thread(target=start, daemon=True).start()
    until(runs, 30, "its task runs")
    assert not clean.hub.server("alice")["ready"], "too late to be in the middle of a start"
    before, begun = clean.servers(), time.monotonic()
    clean.kill_hub()
    until(lambda: (clean.hub.server("alice") or {}).get("ready"), 60, "the hub has the server that another has started")
    took = time.monotonic() - begun
    assert clean.servers() == before
    assert alice.notebook().run("print(1)") == "1\n"
    # A single-user server asks for its hub again after 2, 4, 8 and 16 s.
    waits = "{}: the hub's own start, and the pauses after which the server asks for it again"
    faults.saw("the hub is killed while a server comes up", took, "that server", waits=waits)


@pytest.fixture
def proxy(clean):
    yield clean.proxy
    clean.proxy.move()
    clean.proxy.come_back()


def slowest_answer(clean, length: float) -> float:
    """How long the hub's API took at most, asked for so long."""
    slowest = 0.0
    deadline = time.monotonic() + length
    while time.monotonic() < deadline:
        begun = time.monotonic()
        assert clean.hub.ask("GET", "/info", timeout=10).status == 200
        slowest = max(slowest, time.monotonic() - begun)
        time.sleep(0.05)
    return slowest


@pytest.fixture(scope="module")
def usual(deployment) -> float:
    """How long a start takes with nothing wrong."""
    alice = User(deployment, "alice")
    begun = time.monotonic()
    alice.start()
    took = time.monotonic() - begun
    alice.stop()
    return took


@pytest.mark.parametrize("way", ["hangs", "is away"])
@pytest.mark.parametrize("moment", [0.0, 0.3, 0.8, 1.5])
def test_an_engine_that_is_away_for_five_seconds_costs_five_seconds(user, clean, proxy, faults, usual, way, moment) -> None:
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
    took = time.monotonic() - begun
    assert took < usual + 15
    assert len(clean.servers()) == 1
    more = max(0.0, took - usual)
    faults.saw(f"the engine {way} for 5 s during a start", more, "the server; the hub answers all the while", waits="+{}")


@pytest.mark.parametrize("way", ["is away", "hangs"])
def test_an_engine_that_is_away_kills_no_server(user, clean, proxy, faults, way) -> None:
    alice = user("alice")
    alice.start()
    (proxy.hang if way == "hangs" else proxy.go_away)()
    time.sleep(15)
    assert clean.hub.server("alice")["ready"]
    (proxy.move if way == "hangs" else proxy.come_back)()
    time.sleep(6)
    assert alice.notebook().run("print(1)") == "1\n"
    faults.saw("the engine is away for 15 s while a server runs", 0, "nothing; the server runs on")


def test_a_hub_that_comes_back_while_the_engine_is_away_keeps_its_servers(user, clean, proxy) -> None:
    alice = user("alice")
    alice.start()
    before = clean.servers(), clean.container(clean.servers()[0])
    proxy.go_away()
    clean.kill_hub()
    until(lambda: (clean.hub.server("alice") or {}).get("ready"), 60, "the hub knows the server")
    proxy.come_back()
    # Time for a look at it.
    time.sleep(6)
    assert clean.hub.server("alice")["ready"]
    assert (clean.servers(), clean.container(before[0][0])) == before
    assert alice.notebook().run("print(1)") == "1\n"


@pytest.mark.parametrize(("way", "moment"), [("is away", 0.0), ("hangs", 0.0), ("is away", 0.3), ("hangs", 0.3)])
def test_a_server_is_stopped_once_the_engine_is_back(user, clean, proxy, faults, way, moment) -> None:
    alice = user("alice")
    # With a volume, so that there is something to be stopped in the middle of.
    alice.start(options={"profile": "Scratch"})
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        if moment:
            stopping = pool.submit(alice.hub.stop, "alice", seconds=60)
            time.sleep(moment)
        (proxy.hang if way == "hangs" else proxy.go_away)()
        if not moment:
            stopping = pool.submit(alice.hub.stop, "alice", seconds=60)
        slowest = slowest_answer(clean, 5)
        (proxy.move if way == "hangs" else proxy.come_back)()
        stopping.result()
    took = time.monotonic() - begun
    assert slowest < 1.0, "the hub stood still"
    assert clean.servers() == []
    assert volumes(clean.engine.docker("volume", "ls", "--quiet")) == []
    faults.saw(f"the engine {way} for 5 s during a stop", took, "the server's end")


def test_a_server_that_ends_is_noticed_and_cleared_away(user, clean, faults) -> None:
    alice = user("alice")
    alice.start()
    begun = time.monotonic()
    clean.engine.docker("kill", clean.container(clean.servers()[0]))
    until(lambda: clean.hub.server("alice") is None, 30, "the hub has noticed")
    took = time.monotonic() - begun
    until(lambda: clean.servers() == [], 30, "its service is gone")
    faults.saw("the server ends by itself", took, "no server; the log says why", waits="{} (`poll_interval`: 5 s)")


def test_a_task_that_the_swarm_moves_is_found_again(user, clean, worker, faults) -> None:
    engine = clean.engine
    moving = PROFILES.replace('condition = "none"', 'condition = "any"\ndelay = "1s"')
    here = 'name = "Plain"\nplacement = { constraints = ["node.labels.place==here"] }'
    # The hub stays, so that servers reach it with no setting of the operator's.
    clean.deploy(moving.replace('name = "Plain"', here))
    alice = user("alice")
    engine.docker("node", "update", "--label-add", "place=here", worker)
    try:
        alice.start()
        before = clean.hub.server("alice")["state"]["swarmgen"]["address"]
        engine.docker("node", "update", "--label-add", "place=here", engine.node(1))
        begun = time.monotonic()
        engine.give_tasks(2, False)
        until(lambda: clean.hub.server("alice")["state"]["swarmgen"]["address"] != before, 60, "the new address is known")
        until(lambda: alice.notebook().ask("GET", "status").status == 200, 30, "the proxy leads there")
        took = time.monotonic() - begun
        assert alice.notebook().run("print(1)") == "1\n"
        alice.stop()
    finally:
        for node in (1, 2):
            engine.docker("node", "update", "--label-rm", "place", engine.node(node), check=False)
        clean.deploy(PROFILES, THROUGH_THE_PROXY)
    faults.saw("the swarm moves the server to another node", took, "the server, anew", waits="{} (`poll_interval`: 5 s)")


def volumes(listed: str) -> list[str]:
    return [name for name in listed.split() if name.startswith("scratch-")]


def test_volumes_labelled_autoremove_go_with_the_server(user, clean, faults) -> None:
    alice = user("alice")
    alice.start(options={"profile": "Scratch"})
    assert volumes(clean.engine.docker("volume", "ls", "--quiet"))
    begun = time.monotonic()
    alice.stop()
    took = time.monotonic() - begun
    left = clean.engine.docker("volume", "ls", "--quiet")
    assert not volumes(left)
    assert any(name.startswith("home-") for name in left.split())
    faults.saw("a volume labelled autoremove", took, "the server's end")


def test_a_volume_on_a_worker_is_told_of(user, clean, worker, faults) -> None:
    alice = user("alice")
    alice.start(options={"profile": "Scratch on a worker"})
    (volume,) = volumes(clean.engine.on(2, "volume", "ls", "--quiet"))
    begun = time.monotonic()
    alice.stop()
    took = time.monotonic() - begun
    (line,) = [line for line in clean.log().splitlines() if volume in line and "leaves a volume on node2" in line]
    assert line.endswith(f"docker -H ssh://node2 volume rm {volume}"), line
    # It is still there, as was said.
    assert volumes(clean.engine.on(2, "volume", "ls", "--quiet")) == [volume]
    until(lambda: not clean.engine.on(2, "ps", "--all", "--quiet"), 60, "the container is gone")
    clean.engine.on(2, "volume", "rm", volume)
    left = "the volume; the hub's log names it, its node and the command that removes it"
    faults.saw("a volume labelled autoremove, its task on a worker", took, "the server's end", left)
