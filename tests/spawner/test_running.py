"""A server that runs: what the class makes of the answers to its questions, stops, and what the hub keeps."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from jupyterhub import orm

from conftest import RUNNING, STARTED, STATE, STOPPED, failed
from swarmgen.failure import Failure
from swarmgen.spawner import SwarmgenSpawner

ENDED = {"event": "status", "running": False, "exists": False, "exit_code": 3, "reason": "the server ended"}


# Running.


async def test_poll_without_a_server_asks_nothing(script, world):
    assert await world.spawner(world.user()).poll() == 0
    assert script.lines("asked.jsonl") == []


async def test_poll_hands_over_the_state_and_says_that_it_runs(script, world):
    script.on("poll", [{"emit": RUNNING}])
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    assert await spawner.poll() is None
    assert script.requests("poll")[0]["state"] == STATE
    assert world.proxy.told == []


async def test_a_server_that_was_there_before_the_hub_is_waited_for_as_long_as_the_config_says(script, world):
    script.on("poll", [{"emit": RUNNING}])
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    assert await spawner.poll() is None
    # What JupyterHub goes by when it looks whether the server answers, before anybody has started one.
    assert spawner.http_timeout == 44
    await spawner.poll()
    assert len(script.asked("settings")) == 1


async def test_a_faulty_config_ends_no_server_and_is_read_and_told_of_once(script, world, caplog):
    script.on("settings", [{"emit": failed("config")}, {"exit": 1}])
    script.on("poll", [{"emit": RUNNING}])
    spawners = [world.spawner(world.user(f"user{number}"), running=True) for number in range(3)]
    for spawner in spawners:
        spawner.load_state({"swarmgen": STATE})
        spawner.log.propagate = True
    assert await asyncio.gather(*(spawner.poll() for spawner in spawners)) == [None] * 3
    assert await spawners[0].poll() is None
    assert len(script.asked("settings")) == 1
    assert caplog.text.count("swarmgen: the config: detail of config") == 1


async def test_a_config_that_takes_long_to_be_read_holds_up_no_look_at_a_server(script, world, monkeypatch):
    monkeypatch.setattr("swarmgen.spawner.POLL_TIMEOUT", 2.0)
    monkeypatch.setattr("swarmgen.spawner.READING", 8.0)
    script.on("settings", [{"sleep": 60}])
    script.on("poll", [{"emit": RUNNING}])
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    assert await asyncio.wait_for(spawner.poll(), 7) is None
    assert len(script.asked("poll")) == 1
    # A start needs it.
    with pytest.raises(Failure):
        await spawner.run_auth_state_hook(None)


@pytest.mark.parametrize(
    "steps",
    [
        [{"emit": {"event": "status", "running": "unknown", "reason": "connection refused"}}],
        [{"emit": failed("config")}, {"exit": 1}],
        [{"exit": 101}],
        [{"sleep": 60}],
    ],
)
async def test_no_server_is_dead_because_it_could_not_be_asked_for(script, world, monkeypatch, steps):
    monkeypatch.setattr("swarmgen.spawner.POLL_TIMEOUT", 1.0)
    script.on("poll", steps)
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    assert await asyncio.wait_for(spawner.poll(), 15) is None


async def test_an_engine_that_is_away_is_not_asked_for_each_server(script, world, monkeypatch):
    unknown = {"event": "status", "running": "unknown", "reason": "timed out"}
    script.on("poll", [{"sleep": 0.3}, {"emit": unknown}])
    spawners = [world.spawner(world.user(f"user{number}"), running=True) for number in range(20)]
    assert await asyncio.gather(*(spawner.poll() for spawner in spawners)) == [None] * 20
    # Those that were under way already have asked.
    assert len(script.asked("poll")) == 8
    monkeypatch.setattr("swarmgen.spawner.AWAY", 0.0)
    SwarmgenSpawner._away.clear()
    await spawners[0].poll()
    assert len(script.asked("poll")) == 9


async def test_a_late_answer_says_nothing_of_the_next_server(script, world):
    script.on("poll", [{"sleep": 2}, {"emit": ENDED}], [{"emit": RUNNING}])
    script.on("start", [{"emit": STARTED}])
    script.on("stop", [{"emit": STOPPED}])
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    late = asyncio.ensure_future(spawner.poll())
    while not script.asked("poll"):
        await asyncio.sleep(0.05)
    await spawner.stop()
    await spawner.start()
    assert await late is None
    assert len(script.asked("stop")) == 1, "the next one is not cleared away"
    assert await spawner.poll() is None
    # And of one that was stopped, nothing new.
    script.write(poll=[[{"sleep": 2}, {"emit": RUNNING}]])
    late = asyncio.ensure_future(spawner.poll())
    while len(script.asked("poll")) < 3:
        await asyncio.sleep(0.05)
    await spawner.stop()
    assert await late == 0


async def test_a_server_that_ended_is_told_once_and_not_asked_for_again(script, world):
    script.on("poll", [{"emit": ENDED}])
    script.on("stop", [{"emit": STOPPED}])
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    assert [await spawner.poll() for _ in range(3)] == [3, 3, 3]
    assert len(script.asked("poll")) == 1
    # What it had besides its service may be left.
    assert [request["state"] for request in script.requests("stop")] == [STATE]


async def test_what_an_ended_server_left_is_removed_before_the_hub_forgets_it(script, world):
    script.on("poll", [{"emit": ENDED | {"exists": True}}])
    script.on("stop", [{"emit": failed("engine-away")}, {"exit": 5}], [{"emit": STOPPED}])
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    assert await spawner.poll() is None
    assert await spawner.poll() == 3
    assert len(script.asked("stop")) == 2


async def test_a_server_that_moved_is_found_again(script, world):
    moved = STATE | {"address": "10.0.2.3"}
    script.on("poll", [{"emit": RUNNING | {"address": "10.0.2.3", "port": 8889, "state": moved}}])
    user = world.user()
    spawner = world.spawner(user, running=True)
    spawner.load_state({"swarmgen": STATE})
    assert await spawner.poll() is None
    assert await spawner.poll() is None
    assert world.proxy.told == [("alice", "http://10.0.2.3:8889")]
    world.db.expire_all()
    kept = world.db.query(orm.Spawner).one()
    assert (kept.server.ip, kept.server.port) == ("10.0.2.3", 8889)
    assert kept.state == {"swarmgen": moved}


async def test_a_start_that_the_hubs_end_interrupted_is_found(script, world):
    script.on("poll", [{"emit": RUNNING | {"state": STATE}}])
    spawner = world.spawner(world.user(), running=True)
    spawner.server.ip = ""
    assert await spawner.poll() is None
    assert spawner.server.host == "http://10.0.1.7:8888"
    assert spawner.get_state() == {"swarmgen": STATE}


async def test_an_interrupted_start_that_came_to_nothing_is_cleared_away(script, world):
    script.on("poll", [{"emit": RUNNING | {"address": None, "port": None}}])
    script.on("stop", [{"emit": STOPPED}])
    spawner = world.spawner(world.user(), running=True)
    assert await spawner.poll() == 0
    assert len(script.asked("stop")) == 1


async def test_the_files_of_an_interrupted_start_go_too(script, world):
    script.on("poll", [{"emit": ENDED}])
    script.on("stop", [{"emit": STOPPED}])
    spawner = world.spawner(world.user(), running=True)
    assert await spawner.poll() == 3
    assert len(script.asked("stop")) == 1


async def test_a_server_between_two_tasks_is_waited_for(script, world):
    script.on("poll", [{"emit": RUNNING | {"address": None, "port": None}}])
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    assert await spawner.poll() is None
    assert spawner.server.host == "http://10.0.1.7:8888"


@pytest.mark.parametrize(
    ("poll", "verb", "answer"),
    [([{"sleep": 1}, {"emit": RUNNING}], "poll", None), ([{"emit": ENDED}], "stop", 3)],
    ids=["polls", "removals of what ended servers left"],
)
async def test_many_run_a_few_at_a_time(script, world, poll, verb, answer):
    script.on("poll", poll)
    script.on("stop", [{"sleep": 1}, {"emit": STOPPED}])
    spawners = [world.spawner(world.user(f"user{number}"), running=True) for number in range(20)]
    for spawner in spawners:
        spawner.load_state({"swarmgen": STATE})
    most = 0

    async def watch():
        nonlocal most
        while True:
            await asyncio.sleep(0.02)
            most = max(most, len([entry for entry in script.asked(verb) if _runs(entry["pid"])]))

    watching = asyncio.ensure_future(watch())
    assert await asyncio.gather(*(spawner.poll() for spawner in spawners)) == [answer] * 20
    watching.cancel()
    assert len(script.asked(verb)) == 20
    assert 2 <= most <= 8


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


# Stopping.


async def test_stop_hands_over_the_state_and_tells_what_it_could_not_reach(script, world, caplog):
    volume = {"kind": "volume", "name": "scratch-x", "node": "node2", "command": "docker volume rm scratch-x"}
    script.on("stop", [{"emit": STOPPED | {"unreachable": [volume]}}])
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    spawner.log.propagate = True
    await spawner.stop(now=True)
    assert script.requests("stop")[0] | {"user": None} == {
        "version": 1, "user": None, "server": {"name": ""}, "state": STATE, "now": True, "timeout": 60,
    }  # fmt: skip
    assert "docker volume rm scratch-x" in caplog.text
    assert await spawner.poll() == 0


@pytest.mark.parametrize("ends", [True, False])
async def test_the_hubs_end_lets_a_stop_go_on(script, world, caplog, ends):
    script.on("stop", [{"sleep": 1}, {"emit": STOPPED if ends else failed("engine-refused")}])
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    spawner.log.propagate = True
    stopping = asyncio.ensure_future(spawner.stop())
    while not script.asked("stop"):
        await asyncio.sleep(0.05)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert not script.lines("given-up.jsonl")
    assert ("was cut short" in caplog.text) is not ends


async def test_stop_outlasts_an_engine_that_is_away(script, world):
    away = [{"emit": failed("engine-away")}, {"exit": 5}]
    script.on("stop", away, away, [{"emit": STOPPED}])
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    await spawner.stop()
    assert len(script.asked("stop")) == 3


async def test_stop_gives_up_in_the_end(script, world, config):
    config.SwarmgenSpawner.stop_timeout = 2.5
    script.on("stop", [{"emit": failed("engine-away")}, {"exit": 5}])
    spawner = world.spawner(world.user(), running=True)
    spawner.load_state({"swarmgen": STATE})
    with pytest.raises(Failure):
        await asyncio.wait_for(spawner.stop(), 15)
    assert len(script.asked("stop")) == 2


async def test_a_stop_that_hangs_ends(script, world, monkeypatch):
    monkeypatch.setattr("swarmgen.spawner.STOP_TIMEOUT", 0.5)
    monkeypatch.setattr("swarmgen.spawner.GRACE", 0.5)
    script.on("stop", [{"sleep": 60}])
    spawner = world.spawner(world.user(), running=True)
    with pytest.raises(Failure) as caught:
        await asyncio.wait_for(spawner.stop(), 30)
    assert caught.value.code == "timeout"


async def test_what_cannot_be_stopped_is_told_at_once(script, world):
    script.on("stop", [{"emit": failed("conflict")}, {"exit": 4}])
    spawner = world.spawner(world.user(), running=True)
    with pytest.raises(Failure):
        await spawner.stop()
    assert len(script.asked("stop")) == 1


# What the hub keeps.


async def test_state_survives_the_hub_and_is_cleared(script, world):
    spawner = world.spawner(world.user())
    assert spawner.get_state() == {}
    spawner.load_state({"swarmgen": STATE, "service_id": "of another spawner"})
    assert spawner.get_state() == {"swarmgen": STATE}
    spawner.api_token = "t0ken"
    spawner.clear_state()
    assert (spawner.get_state(), spawner.api_token) == ({}, "")


async def test_internal_tls_is_refused_in_words(script, world):
    spawner = world.spawner(world.user(), running=True)
    with pytest.raises(Failure) as caught:
        await spawner.create_certs()
    assert "internal_ssl does not work" in caught.value.jupyterhub_message
    assert await spawner.poll() == 1
