"""The form as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from client import until
from conftest import RunningForm, picture, serious

Visit = Callable[..., Page]
EVIL = "<img src=x onerror=document.title='taken'>"


def chosen(hub: RunningForm, name: str) -> dict[str, Any]:
    """The user options that the hub hands over for a user's server."""

    def started() -> Any:
        asked = [request for request in hub.asked("start") if request["user"]["name"] == name]
        return asked[-1] if asked else None

    return dict(until(started, 60, f"{name}'s server is asked for")["user_options"])


def is_valid(page: Page, field: str) -> bool:
    return bool(page.evaluate("name => document.getElementsByName(name)[0].checkValidity()", field))


def test_a_profile_is_chosen_by_keyboard(hub: RunningForm, visit: Visit) -> None:
    page = visit("keys")
    assert page.locator("input[name=profile]").count() == 3, "a profile of the staff's is offered"
    page.focus("input[name=profile]:checked")
    page.keyboard.press("ArrowDown")
    assert page.locator("input[name=profile]:checked").input_value() == "GPU"
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "submit":
            break
    page.keyboard.press("Enter")
    assert chosen(hub, "keys") == {"profile": "GPU"}


def test_a_card_is_chosen_by_a_click_anywhere_on_it(visit: Visit) -> None:
    page = visit("mouse")
    box = page.get_by_text("on a node with a GPU").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2)
    assert page.locator("input[name=profile]:checked").input_value() == "GPU"


def test_without_scripts_it_is_the_same(hub: RunningForm, visit: Visit) -> None:
    page = visit("plain", java_script_enabled=False)
    page.check("input[value=GPU]")
    page.fill("[name='option:resource_spec.mem_limit']", "1.5")
    page.select_option("[name='option:container_spec.env.THEME']", "dark")
    page.fill("[name='option:container_spec.args']", "start.sh\n--one two\n")
    page.click("#spawn_form [type=submit]")
    assert chosen(hub, "plain") == {
        "profile": "GPU",
        "resource_spec": {"mem_limit": "1.5G"},
        "container_spec": {"env": {"THEME": "dark"}, "args": ["start.sh", "--one two"]},
    }


def test_an_option_out_of_bounds_is_refused_by_browser_and_program(hub: RunningForm, visit: Visit) -> None:
    page = visit("greedy")
    page.fill("[name='option:resource_spec.mem_limit']", "64")
    assert not is_valid(page, "option:resource_spec.mem_limit")
    picture(page, "out-of-bounds")
    page.evaluate("document.getElementById('spawn_form').noValidate = true")
    page.click("#spawn_form [type=submit]")
    page.wait_for_selector("text=has to be from 0.25 to 4 GiB")
    assert page.locator("[name='option:resource_spec.mem_limit']").input_value() == "64", "it has to be typed again"
    picture(page, "refused")
    assert not [request for request in hub.asked("start") if request["user"]["name"] == "greedy"]


def test_the_last_choice_stands_there_again(hub: RunningForm, visit: Visit) -> None:
    page = visit("again")
    page.check("input[value=GPU]")
    page.fill("[name='option:resource_spec.mem_limit']", "3")
    page.click("#spawn_form [type=submit]")
    chosen(hub, "again")
    until(lambda: (hub.hub.server("again") or {}).get("ready"), 60, "it is ready")
    hub.hub.stop("again")
    page = visit("again")
    assert page.locator("input[name=profile]:checked").input_value() == "GPU"
    assert page.locator("[name='option:resource_spec.mem_limit']").input_value() == "3"


def test_a_file_is_sent_along(hub: RunningForm, visit: Visit) -> None:
    page = visit("files")
    files = [{"name": "requirements.txt", "mimeType": "text/plain", "buffer": "numpy\nzoë\n".encode()}]
    page.set_input_files("[name=user-upload]", files)
    page.click("#spawn_form [type=submit]")
    sent = {"name": "requirements", "extension": ".txt", "data": "numpy\nzoë\n"}
    assert chosen(hub, "files") == {"profile": "Minimal Python", "user_install_files": [sent]}


def test_a_file_of_another_kind_is_not(hub: RunningForm, visit: Visit) -> None:
    page = visit("binaries")
    page.set_input_files("[name=user-upload]", [{"name": "run.sh", "mimeType": "text/plain", "buffer": b"x"}])
    page.click("#spawn_form [type=submit]")
    page.wait_for_selector("text=has to end in .txt or .yml")
    assert not [request for request in hub.asked("start") if request["user"]["name"] == "binaries"]


def test_hostile_names_are_text(hub: RunningForm, visit: Visit) -> None:
    page = visit("<b onmouseover=alert(1)>x'\"")
    assert page.locator("label", has_text=EVIL).count() == 1
    assert page.get_by_text("</p></div></form><script>").count() == 1
    assert page.locator(".swarmgen img, .swarmgen script, .swarmgen b").count() == 0
    page.check(f"input[value={json.dumps(EVIL)}]")
    page.fill("[name='option:container_spec.env.NOTE']", "{{ 7 * 7 }}{username}<script>")
    picture(page, "hostile")
    page.click("#spawn_form [type=submit]")
    options = chosen(hub, "<b onmouseover=alert(1)>x'\"")
    assert options == {"profile": EVIL, "container_spec": {"env": {"NOTE": "{{ 7 * 7 }}{username}<script>"}}}
    assert "taken" not in page.title()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_keeps_nobody_out(visit: Visit, scheme: str, width: int) -> None:
    page = visit("looks", color_scheme=scheme, viewport={"width": width, "height": 800})
    picture(page, f"form-{scheme}-{width}")
    assert not serious(page)
    overflow = page.evaluate("document.querySelector('.swarmgen').scrollWidth - document.querySelector('.swarmgen').clientWidth")
    assert overflow <= 0, "it is wider than the page"
