"""The class: what it asks the program, and what it makes of the answers."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from jupyterhub import orm

from conftest import SETTINGS, STARTED, STATE, World
from swarmgen.failure import Failure
from swarmgen.spawner import SwarmgenSpawner

RUNNING = {"event": "status", "running": True, "exists": True, "address": "10.0.1.7", "port": 8888}
ENDED = {"event": "status", "running": False, "exists": False, "exit_code": 3, "reason": "the server ended"}
STOPPED = {"event": "stopped", "removed": {"service": "jupyter-x-1", "configs": [], "volumes": []}, "unreachable": []}


def failed(code: str, **keys):
    return {"event": "failed", "code": code, "message": f"This is {code}.", "detail": f"detail of {code}", "left": [], **keys}


def step(percent: int, message: str):
    return {"emit": {"event": "progress", "stage": "pending", "percent": percent, "message": message}}


# Settings.


async def test_settings_are_asked_once_and_taken_over(script, world):
    first, second = (world.spawner(world.user(name)) for name in ("alice", "bob"))
    for spawner in (first, second):
        await spawner.run_auth_state_hook(None)
    assert len(script.asked("settings")) == 1
    assert script.asked("settings")[0]["arguments"] == ["spawner", "settings", "--config", "/etc/jupyterhub/swarmgen.toml"]
    assert (second.port, second.start_timeout, second.http_timeout) == (8899, 315, 44)
    assert (second.mem_limit, second.cpu_limit, second.mem_guarantee) == (536870912, 1.5, None)
    assert (second.ip, second.env_keep) == ("0.0.0.0", [])


async def test_time_outs_that_the_config_leaves_open_are_jupyterhubs(script, world):
    script.on("settings", [{"emit": SETTINGS | {"start_timeout": None, "http_timeout": None}}])
    spawner = world.spawner(world.user())
    await spawner.run_auth_state_hook(None)
    assert (spawner.start_timeout, spawner.http_timeout) == (60, 30)


async def test_settings_are_asked_once_by_all_who_come_at_once(script, world):
    script.on("settings", [{"sleep": 0.5}, {"emit": SETTINGS}])
    spawners = [world.spawner(world.user(f"user{number}")) for number in range(5)]
    await asyncio.gather(*(spawner.run_auth_state_hook(None) for spawner in spawners))
    assert len(script.asked("settings")) == 1
    assert {spawner.port for spawner in spawners} == {8899}


async def test_the_hubs_own_settings_win_where_they_are_the_hubs(script, world, config, caplog):
    config.Spawner.start_timeout = 77
    config.Spawner.http_timeout = 55
    config.SwarmgenSpawner.hub_connect_url = "http://gate:1"
    config.SwarmgenSpawner.port = 1234
    config.Spawner.mem_limit = "9G"
    spawner = world.spawner(world.user())
    await spawner.run_auth_state_hook(None)
    assert (spawner.start_timeout, spawner.http_timeout, spawner.hub_connect_url) == (77, 55, "http://gate:1")
    assert (spawner.port, spawner.mem_limit) == (8899, 536870912)


async def test_the_hubs_own_url_stays(script, world, config):
    config.JupyterHub.hub_connect_url = "http://proxy:8000"
    spawner = world.spawner(world.user())
    await spawner.run_auth_state_hook(None)
    assert not spawner.hub_connect_url


async def test_servers_find_the_hub_by_its_services_name(script, world):
    script.on("start", [{"emit": STARTED}])
    spawner = world.spawner(world.user())
    await spawner.run_auth_state_hook(None)
    await spawner.start()
    variables = script.requests("start")[0]["hub"]["env"]
    assert variables["JUPYTERHUB_API_URL"] == "http://jupyterhub:8081/hub/api"
    assert variables["JUPYTERHUB_ACTIVITY_URL"] == "http://jupyterhub:8081/hub/api/users/alice/activity"
    assert variables["JUPYTERHUB_SERVICE_URL"].startswith("http://0.0.0.0:8899/")
    assert "PATH" not in variables
    assert not [name for name in variables if name.endswith(("_LIMIT", "_GUARANTEE"))]


async def test_a_broken_config_is_told_and_asked_again(script, world):
    script.on("settings", [{"emit": failed("config")}], [{"emit": SETTINGS}])
    spawner = world.spawner(world.user())
    with pytest.raises(Failure) as caught:
        await spawner.run_auth_state_hook(None)
    assert caught.value.status_code == 500
    # Nothing was started, so the hub is spared a question.
    assert await spawner.poll() == 1
    await spawner.run_auth_state_hook(None)
    assert spawner.port == 8899


async def test_several_configs_and_an_engine_elsewhere(script, world, config):
    config.SwarmgenSpawner.config_file = ["a.toml", "b.toml"]
    config.SwarmgenSpawner.docker_host = "tcp://10.0.0.1:2376"
    await world.spawner(world.user()).run_auth_state_hook(None)
    assert " ".join(script.asked("settings")[0]["arguments"][2:]) == "--config a.toml --config b.toml -H tcp://10.0.0.1:2376"


# Users.


async def test_only_named_attributes_of_a_user_are_handed_over(script, world):
    script.on("start", [{"emit": STARTED}])
    user = world.user(groups=("staff", "gpu"))
    user.desk = {"room": "4.017"}
    user.other = "not named"
    spawner = world.spawner(user)
    await spawner.run_auth_state_hook({"uid": 1007, "access_token": "s3cret"})
    await spawner.start()
    request = script.requests("start")[0]
    assert request["user"] == {
        "name": "alice",
        "admin": False,
        "groups": ["gpu", "staff"],
        "attributes": {"uid": 1007, "desk": {"room": "4.017"}},
    }
    assert "s3cret" not in json.dumps(request) + json.dumps(script.asked("start")[0]["arguments"])
    assert "never to be told" not in json.dumps(request)


async def test_objects_of_the_hub_are_no_attributes(script, world):
    user = world.user()
    user.desk = world.db
    spawner = world.spawner(user)
    with pytest.raises(Failure) as caught:
        await spawner.run_auth_state_hook(None)
    assert "desk is a Session" in caught.value.detail
    assert "Session" not in caught.value.jupyterhub_message


async def test_named_servers_are_named(script, world):
    script.on("start", [{"emit": STARTED}])
    await world.spawner(world.user(), "lab").start()
    assert script.requests("start")[0]["server"] == {"name": "lab"}


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


async def test_a_form_that_was_refused_is_shown_again_as_it_was_typed(script, world):
    script.on("form", [{"emit": failed("refused")}, {"exit": 1}],
              [{"emit": {"event": "form", "html": "<b>choose</b>", "profile": "a", "profiles": []}}])  # fmt: skip
    spawner = world.spawner(world.user())
    posted = {"profile": ["GPU"], "option:args": ["x"], "user-upload_file": [{"filename": "a.txt", "body": b"a"}]}
    with pytest.raises(Failure):
        await spawner.run_options_from_form(posted)
    await spawner.get_options_form()
    await spawner.get_options_form()
    _, again, anew = script.requests("form")
    assert again["typed"] == {"fields": {"profile": ["GPU"], "option:args": ["x"]}}
    assert "typed" not in anew


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


async def test_a_form_that_hangs_ends_in_words(script, world, monkeypatch):
    monkeypatch.setattr("swarmgen.spawner.READING", 1.0)
    script.on("form", [{"sleep": 60}])
    spawner = world.spawner(world.user())
    for asking in (spawner.get_options_form(), spawner.run_options_from_form({"profile": ["GPU"]})):
        with pytest.raises(Failure) as caught:
            await asyncio.wait_for(asking, 30)
        assert caught.value.code == "timeout"


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


# The form.


async def test_the_form_is_the_programs(script, world):
    script.on("form", [{"emit": {"event": "form", "html": "<b>choose</b>", "profile": "a", "profiles": []}}],
              [{"emit": {"event": "form", "html": None, "profile": "a", "profiles": []}}])  # fmt: skip
    spawner = world.spawner(world.user())
    spawner.user_options = {"profile": "GPU"}
    assert await spawner.get_options_form() == "<b>choose</b>"
    assert script.requests("form")[0]["last_options"] == {"profile": "GPU"}
    assert await spawner.get_options_form() == ""


async def test_an_operators_own_form_stays(script, world, config):
    config.SwarmgenSpawner.options_form = "<i>mine</i>"
    config.SwarmgenSpawner.options_from_form = lambda posted: {"mine": posted}
    spawner = world.spawner(world.user())
    assert await spawner.get_options_form() == "<i>mine</i>"
    assert spawner.run_options_from_form({"a": ["b"]}) == {"mine": {"a": ["b"]}}
    assert not script.asked("form")


async def test_what_was_posted_is_checked_by_the_program(script, world):
    options = {"event": "options", "user_options": {"profile": "GPU"}}
    script.on("form", [{"emit": options}], [{"emit": failed("refused")}, {"exit": 1}])
    spawner = world.spawner(world.user())
    posted = {
        "profile": ["GPU"],
        "install_file": [{"filename": "../x.txt", "body": b"numpy\n", "content_type": "text/plain"}],
        "a_file": ["text, in spite of its name"],
    }
    assert await spawner.run_options_from_form(posted) == {"profile": "GPU"}
    assert script.requests("form")[0]["form"] == {
        "fields": {"profile": ["GPU"], "a_file": ["text, in spite of its name"]},
        "files": {"install": [{"name": "../x.txt", "content": "bnVtcHkK"}]},
    }
    with pytest.raises(Failure) as caught:
        await spawner.options_from_query({"profile": ["root"]})
    assert caught.value.status_code == 400
