"""A start: what the class asks the program, what the user is shown meanwhile, and a server that is there already."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress

import pytest
from jupyterhub import orm

from conftest import RUNNING, SETTINGS, STARTED, STATE, STOPPED, World, failed
from swarmgen.failure import Failure


def step(percent: int, message: str):
    return {"emit": {"event": "progress", "stage": "pending", "percent": percent, "message": message}}


# Starting.


async def test_start_hands_on_the_request_and_gives_the_tasks_address(script, world):
    script.on("start", [{"emit": STARTED}])
    spawner = world.spawner(world.user())
    await spawner.run_auth_state_hook(None)
    spawner.api_token = "t0ken"
    spawner.user_options = {"profile": "GPU"}
    assert await spawner.start() == "http://10.0.1.7:8888"
    request = script.requests("start")[0]
    assert request["hub"]["env"]["JUPYTERHUB_API_TOKEN"] == "t0ken"
    assert request["user_options"] == {"profile": "GPU"}
    assert (request["existing"], request["wait"], request["cancel_on_eof"]) == ("tell", "listening", True)
    assert 299 < request["timeout"] <= 300
    assert "t0ken" not in json.dumps(script.asked("start")[0]["arguments"])
    assert spawner.get_state() == {"swarmgen": STATE}


async def test_an_ipv6_address_stands_in_brackets(script, world):
    script.on("start", [{"emit": STARTED | {"address": "fd00::7"}}])
    assert await world.spawner(world.user()).start() == "http://[fd00::7]:8888"


async def test_progress_is_shown_when_it_comes_and_again_to_who_comes_later(script, world):
    script.on("start", [step(20, "waiting for a node"), {"sleep": 0.5}, step(70, "starting"), {"sleep": 0.2}, {"emit": STARTED}])
    spawner = world.spawner(world.user())

    async def watch():
        return [(event["progress"], event["message"], time.monotonic()) async for event in spawner.progress()]

    early = asyncio.ensure_future(watch())
    starting = asyncio.ensure_future(spawner.start())
    await asyncio.sleep(0.5)
    late = asyncio.ensure_future(watch())
    await starting
    ended = time.monotonic()
    seen = await asyncio.wait_for(early, 2)
    assert [event[:2] for event in seen] == [(20, "waiting for a node"), (70, "starting")]
    assert ended - seen[0][2] > 0.6
    assert [event[:2] for event in await asyncio.wait_for(late, 2)] == [event[:2] for event in seen]


async def test_each_stage_is_shown_with_its_time_and_as_text(script, world):
    script.on("start", [step(20, "waiting for a <GPU>"), {"sleep": 1.1}, step(70, "starting"), {"sleep": 0.2}, {"emit": STARTED}])
    spawner = world.spawner(world.user())
    await spawner.start()
    first, second = [event["html_message"] async for event in spawner.progress()]
    assert first == "<small>0:00</small> waiting for a &lt;GPU&gt;"
    assert second == "<small>0:01</small> starting"


@pytest.mark.parametrize(("code", "status"), [("refused", 400), ("no-node", 503), ("engine-away", 503), ("exited", 500)])
async def test_a_failed_start_says_why(script, world, code, status):
    script.on("start", [{"emit": failed(code, hint="Try <again>.")}, {"exit": 4}])
    spawner = world.spawner(world.user(), running=True)
    with pytest.raises(Failure) as caught:
        await spawner.start()
    assert caught.value.status_code == status
    assert caught.value.jupyterhub_message == f"This is {code}. Try <again>. ({code})"
    assert "Try &lt;again&gt;." in caught.value.jupyterhub_html_message
    assert "detail" not in caught.value.jupyterhub_message + caught.value.jupyterhub_html_message
    # The program has cleaned up: the hub need not ask for or stop anything.
    assert await spawner.poll() == 1
    await spawner.stop()
    assert not script.asked("poll") and not script.asked("stop")


@pytest.mark.parametrize("result", [STARTED, failed("not-listening")])
async def test_volumes_that_a_start_could_not_reach_are_logged(script, world, caplog, result):
    volume = {"kind": "volume", "name": "scratch-x", "node": "node2", "command": "docker volume rm scratch-x"}
    script.on("start", [{"emit": result | {"unreachable": [volume]}}])
    spawner = world.spawner(world.user())
    spawner.log.propagate = True
    with suppress(Failure):
        await spawner.start()
    assert "docker volume rm scratch-x" in caplog.text


async def test_what_the_program_tells_the_operator_is_logged_once(script, world, caplog):
    script.on(
        "start", [{"tell": "warning: no helper\n"}, {"emit": STARTED}], [{"tell": "warning: no helper\n"}, {"emit": STARTED}]
    )
    for name in ("alice", "bob"):
        spawner = world.spawner(world.user(name))
        spawner.log.propagate = True
        await spawner.start()
    assert caplog.text.count("warning: no helper") == 1


async def test_what_a_failed_start_left_is_stopped(script, world):
    script.on("start", [{"emit": failed("engine-away", left=["the service jupyter-x-1"])}, {"exit": 5}])
    script.on("poll", [{"emit": {"event": "status", "running": "unknown", "reason": "refused"}}])
    script.on("stop", [{"emit": STOPPED}])
    spawner = world.spawner(world.user(), running=True)
    with pytest.raises(Failure):
        await spawner.start()
    assert await spawner.poll() is None
    await spawner.stop()
    assert len(script.asked("stop")) == 1


async def test_a_cancelled_start_ends_the_program_and_is_over(script, world):
    script.on("start", [step(20, "waiting"), {"sleep": 60}])
    spawner = world.spawner(world.user(), running=True)
    starting = asyncio.ensure_future(spawner.start())
    await asyncio.wait_for(spawner.progress().__anext__(), 10)
    assert await spawner.poll() is None
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await spawner.stop()
    assert len(script.lines("given-up.jsonl")) == 1
    assert await spawner.poll() == 1
    assert not script.asked("poll") and not script.asked("stop")


@pytest.mark.parametrize("is_told_of", [False, True])
async def test_a_start_that_is_cancelled_while_it_may_be_keeping_a_server_leaves_its_end_to_stop(script, world, is_told_of):
    alice = world.user("alice")
    checking = {"emit": {"event": "progress", "stage": "checking", "percent": 5, "message": "Checking the request"}}
    token(world, alice)
    keeping = [[{"emit": exists()}], [step(20, "waiting"), {"sleep": 60}]]
    script.on("start", *(keeping if is_told_of else [[checking, {"sleep": 60}]]))
    script.on("stop", [{"emit": STOPPED}])
    spawner = world.spawner(alice, running=True)
    starting = asyncio.ensure_future(spawner.start())
    await asyncio.wait_for(spawner.progress().__anext__(), 10)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await spawner.stop()
    assert len(script.asked("start")) == 1 + is_told_of and len(script.asked("stop")) == 1


async def test_settings_that_cannot_be_read_in_time_fail_this_start_and_are_asked_for_again(script, world, monkeypatch):
    monkeypatch.setattr("swarmgen.spawner.READING", 3.0)
    script.on("settings", [{"sleep": 60}], [{"emit": SETTINGS}])
    spawner = world.spawner(world.user())
    with pytest.raises(Failure) as caught:
        await spawner.run_auth_state_hook({})
    assert caught.value.code == "timeout"
    await spawner.run_auth_state_hook({})
    assert len(script.asked("settings")) == 2


async def test_a_cancelled_start_is_over_at_once_and_what_it_undoes_is_waited_for(script, world):
    gone = {"event": "failed", "code": "cancelled", "message": "Given up.", "left": []}
    script.write(undo=[{"sleep": 2}, {"emit": gone}])
    script.on("start", [step(20, "waiting"), {"sleep": 60}], [{"emit": STARTED}])
    spawner = world.spawner(world.user(), running=True)
    starting = asyncio.ensure_future(spawner.start())
    await asyncio.wait_for(spawner.progress().__anext__(), 10)
    begun = time.monotonic()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    # The hub asks for its end after a second.
    assert time.monotonic() - begun < 0.5
    assert await spawner.poll() is None
    assert await spawner.start() == "http://10.0.1.7:8888"
    assert time.monotonic() - begun > 2
    assert len(script.asked("start")) == 2 and not script.asked("stop")


async def test_stop_ends_a_start_that_the_hub_has_only_given_up(script, world):
    """JupyterHub 4 leaves a start running when it has timed out."""
    script.on("start", [step(20, "waiting"), {"sleep": 60}])
    spawner = world.spawner(world.user(), running=True)
    starting = asyncio.ensure_future(spawner.start())
    await asyncio.wait_for(spawner.progress().__anext__(), 10)
    await asyncio.wait_for(spawner.stop(), 10)
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert len(script.lines("given-up.jsonl")) == 1


# A server that is there already.


def exists(**keys):
    return {"event": "exists", "running": True, "changed": False, "on_changed": "replace", "api_token": "0ld-t0ken", **keys}


def token(world: World, owner, text: str = "0ld-t0ken"):
    found = orm.APIToken.new(user=owner.orm_user, token=text)
    world.db.commit()
    return found


@pytest.mark.parametrize(
    ("told", "of", "then"),
    [
        (exists(), "alice", "keep"),
        (exists(changed=True, on_changed="keep"), "alice", "keep"),
        (exists(changed=True), "alice", "replace"),
        (exists(running=False), "alice", "replace"),
        (exists(), "bob", "replace"),
        (exists(), None, "replace"),
        (exists(api_token=None), "alice", "replace"),
    ],
)
async def test_a_running_server_is_kept_only_with_a_good_token_and_config(script, world, told, of, then):
    script.on("start", [{"emit": told}], [{"emit": STARTED}])
    users = {name: world.user(name) for name in ("alice", "bob")}
    if of:
        token(world, users[of])
    spawner = world.spawner(users["alice"])
    spawner.api_token = "n3w-t0ken"
    await spawner.start()
    asked = script.requests("start")
    assert [request["existing"] for request in asked] == ["tell", then]
    in_use = "0ld-t0ken" if then == "keep" else "n3w-t0ken"
    assert asked[1]["hub"]["env"]["JUPYTERHUB_API_TOKEN"] == spawner.api_token == in_use


async def test_a_server_that_cannot_be_kept_is_replaced(script, world):
    script.on("start", [{"emit": exists()}], [{"emit": failed("not-listening")}, {"exit": 4}], [{"emit": STARTED}])
    user = world.user()
    token(world, user)
    spawner = world.spawner(user)
    spawner.api_token = "n3w-t0ken"
    assert await spawner.start() == "http://10.0.1.7:8888"
    asked = script.requests("start")
    assert [request["existing"] for request in asked] == ["tell", "keep", "replace"]
    assert asked[2]["hub"]["env"]["JUPYTERHUB_API_TOKEN"] == spawner.api_token == "n3w-t0ken"
    # The one that could not be kept is gone, but not this one.
    script.on("poll", [{"emit": RUNNING}])
    assert await spawner.poll() is None
