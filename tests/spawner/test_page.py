"""docs/spawner-protocol.md and the class agree: it sends the page's requests, and understands its events."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jupyterhub import orm

from swarmgen.failure import STATUS, Failure
from swarmgen.program import RESULTS, VERSION

PAGE = (Path(__file__).resolve().parents[2] / "docs/spawner-protocol.md").read_text()


def blocks(kind: str) -> list[list[dict]]:
    """The page's requests or events, block by block."""
    found = re.findall(rf"^```text {kind}\n(.*?)^```$", PAGE, re.S | re.M)
    return [[json.loads(line) for line in block.splitlines()] for block in found]


def shape(value: object) -> object:
    """A value's keys, at every depth; the variables and options are anybody's."""
    if isinstance(value, dict):
        return {
            key: None if key in ("env", "attributes", "user_options", "state") else shape(inner) for key, inner in value.items()
        }
    return [shape(value[0])] if isinstance(value, list) and value else None


REQUESTS = [request for (request,) in blocks("request")]
EVENTS = [event for block in blocks("events") for event in block]
SETTINGS, SHOW_FORM, FILL_FORM, START, POLL, STOP = REQUESTS


def result(kind: str) -> dict:
    (found,) = [event for event in EVENTS if event["event"] == kind]
    return found


def test_the_page_has_every_event_and_this_version():
    kinds = {event["event"] for event in EVENTS} | set(re.findall(r'"event": "(\w+)"', PAGE))
    assert kinds == RESULTS | {"progress"}
    assert {request["version"] for request in REQUESTS} == {VERSION}
    percents = [event["percent"] for event in EVENTS if event["event"] == "progress" and event["stage"] != "removing"]
    assert percents == sorted(percents)


def test_the_page_lists_the_codes_that_are_told_apart():
    codes = set(re.findall(r"^\| `([\w-]+)` \| .* \| \d \|$", PAGE, re.M))
    assert set(STATUS) <= codes
    assert {"cancelled", "config", "conflict", "exited", "internal", "no-image", "not-listening", "protocol", "rejected"} < codes
    (example,) = re.findall(r'^(\{"event": "failed".*\})$', PAGE, re.M)
    failure = Failure(json.loads(example))
    assert failure.code in codes and "Choose a smaller one" in failure.jupyterhub_message


@pytest.fixture
async def conversation(script, world):
    """The class, answered with the page's own events, and what it asked."""
    script.on("settings", [{"emit": result("settings")}])
    script.on("form", [{"emit": result("form")}], [{"emit": result("options")}])
    script.on("start", [{"emit": result("exists")}], [{"emit": event} for event in blocks("events")[3]])
    script.on("poll", [{"emit": result("status")}])
    script.on("stop", [{"emit": result("stopped")}])
    spawner = world.spawner(world.user(groups=("gpu",)), running=True)
    await spawner.run_auth_state_hook({"uid": 1007})
    spawner.user_options = {"profile": "GPU"}
    return script, spawner


async def test_the_class_sends_the_pages_requests(conversation):
    script, spawner = conversation
    assert await spawner.get_options_form() == result("form")["html"]
    posted = {"profile": ["GPU"], "user-upload_file": [{"filename": "requirements.txt", "body": b"numpy\n"}]}
    assert await spawner.run_options_from_form(posted) == result("options")["user_options"]
    assert await spawner.start() == "http://10.0.1.7:8888"
    assert await spawner.poll() is None
    assert spawner.server.ip == result("status")["address"]
    await spawner.stop()
    asked = {verb: script.requests(verb) for verb in ("settings", "form", "start", "poll", "stop")}
    assert asked["settings"] == [SETTINGS]
    assert [shape(request) for request in asked["form"]] == [shape(SHOW_FORM), shape(FILL_FORM)]
    assert asked["form"][1]["form"] == FILL_FORM["form"]
    assert [shape(request) for request in asked["start"]] == [shape(START)] * 2
    assert [request["existing"] for request in asked["start"]] == ["tell", "replace"]
    assert shape(asked["poll"][0]) == shape(POLL) and asked["poll"][0]["state"] == result("started")["state"]
    assert shape(asked["stop"][0]) == shape(STOP) and asked["stop"][0]["state"] == result("status")["state"]


async def test_what_the_page_calls_state_is_what_the_hub_keeps(conversation):
    _, spawner = conversation
    await spawner.start()
    spawner.orm_spawner.state = spawner.get_state()
    spawner.user.db.commit()
    kept = spawner.user.db.query(orm.Spawner).one().state
    assert kept == {"swarmgen": result("started")["state"]}
