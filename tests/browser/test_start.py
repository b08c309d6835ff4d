"""What a user sees of a start: its stages, its failure, and a server with a name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from client import until
from conftest import RunningForm, picture, serious

Visit = Callable[..., Page]
HERE = Path(__file__).resolve().parent
NAME = "my-lab"
WAITING = "Waiting for a node with a <GPU>"


@pytest.fixture
def waits(hub: RunningForm) -> Iterator[RunningForm]:
    """A swarm on which a start goes on until it is told otherwise."""
    hub.say("hangs")
    yield hub
    hub.say("hangs", None)
    hub.say("fails", None)


def submit(page: Page) -> None:
    page.click("#spawn_form [type=submit]")
    page.wait_for_url("**/hub/spawn-pending/**")


def test_the_pending_page_has_each_stage_with_its_time(waits: RunningForm, visit: Visit) -> None:
    page = visit("patient")
    submit(page)
    page.wait_for_selector(f"#progress-message >> text={WAITING}")
    page.click("#progress-details summary")
    stages = page.locator("#progress-log").inner_text()
    assert re.search(r"0:0\d Asking the swarm for a server\s+0:0\d Waiting for a node with a <GPU>", stages), stages
    assert page.locator("#progress-message gpu, #progress-log gpu").count() == 0, "a message is taken for HTML"
    picture(page, "pending")
    assert not serious(page, "#progress-message, #progress-log")
    # Who comes later sees the times at which it was, not those of their coming.
    page.wait_for_timeout(2000)
    page.reload()
    page.wait_for_selector(f"#progress-message >> text={WAITING}")
    assert re.search(r"0:0[01] Asking", page.locator("#progress-log").text_content() or "")
    waits.say("hangs", None)
    until(lambda: (waits.hub.server("patient") or {}).get("ready"), 60, "the server is ready")


def test_a_failure_says_what_happened_what_to_do_and_a_code(waits: RunningForm, visit: Visit) -> None:
    page = visit("unlucky")
    submit(page)
    page.wait_for_selector(f"#progress-message >> text={WAITING}")
    message = "The image <img src=x onerror=document.title='taken'> is nowhere to be had."
    waits.say("fails", json.dumps({"code": "no-image", "message": message}))
    page.wait_for_selector("text=is nowhere to be had")
    page.wait_for_selector("#progress-message >> text=no-image")
    picture(page, "failed")
    # The page that stays.
    page.goto("/hub/spawn-pending/unlucky")
    page.wait_for_selector("text=is nowhere to be had")
    shown = page.locator(".container, main").first.inner_text()
    assert message in shown and "no-image" in shown, shown
    assert page.locator("img[src=x]").count() == 0 and "taken" not in page.title()
    picture(page, "failed-later")
    # The code is one that can be looked up, and the log has it.
    page_of_codes = (HERE.parents[1] / "docs/spawner-protocol.md").read_text()
    assert "| `no-image` |" in page_of_codes
    assert re.search(r"swarmgen: start of unlucky.* \(no-image\)", waits.said())
    # Nothing stands in the way of another try.
    waits.say("hangs", None)
    waits.say("fails", None)
    page.goto("/hub/spawn/unlucky")
    page.click("#spawn_form [type=submit]")
    until(lambda: (waits.hub.server("unlucky") or {}).get("ready"), 60, "the server is ready")


def test_a_server_with_a_name_has_a_form_of_its_own(hub: RunningForm, visit: Visit) -> None:
    page = visit("names")
    page.goto(f"/hub/spawn/names/{NAME}")
    page.wait_for_selector(".swarmgen")
    page.check("input[value=GPU]")
    page.click("#spawn_form [type=submit]")

    def started() -> bool:
        return any(ask["user"]["name"] == "names" and ask["server"]["name"] for ask in hub.asked("start"))

    until(started, 60, "the server is asked for")
    (asked,) = [ask for ask in hub.asked("start") if ask["user"]["name"] == "names"]
    assert (asked["server"]["name"], asked["user_options"]) == (NAME, {"profile": "GPU"})
    until(lambda: (hub.hub.server("names", NAME) or {}).get("ready"), 60, "the server is ready")
    assert hub.hub.server("names") is None
    page.goto("/hub/home")
    page.wait_for_selector(f"text={NAME}")
    picture(page, "named")
