"""What the class asks of the config, and what it hands over and takes back of a user: settings, attributes, the form."""

from __future__ import annotations

import asyncio
import json

import pytest

from conftest import SETTINGS, STARTED, failed
from swarmgen.failure import Failure

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


async def test_a_form_that_hangs_ends_in_words(script, world, monkeypatch):
    monkeypatch.setattr("swarmgen.spawner.READING", 1.0)
    script.on("form", [{"sleep": 60}])
    spawner = world.spawner(world.user())
    for asking in (spawner.get_options_form(), spawner.run_options_from_form({"profile": ["GPU"]})):
        with pytest.raises(Failure) as caught:
            await asyncio.wait_for(asking, 30)
        assert caught.value.code == "timeout"
