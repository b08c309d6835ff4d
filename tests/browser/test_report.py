"""The page of `swarmgen report` as a person meets it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from conftest import picture, serious
from engine import EVIL, RUNNING, WAITING, answering

ROOT = Path(__file__).resolve().parents[2]
CONFIG = f"""
version = 1
deployment = "physics"
resource_spec = {{ mem_limit = "2G", mem_reservation = "64M", cpu_reservation = 0.02 }}
[[images]]
name = "Python"
description = "For most courses"
image = "registry.example.org/minimal:2024-05-27"
[[images]]
name = "{EVIL}"
description = "</p></main><script>document.title = 'taken'</script>"
image = "registry.example.org/notebooks/scientific/tensorflow-and-pytorch-notebook:2024-05-27"
access = ["group:staff", "user001"]
[users]
{"".join(f'user{index:03} = {{ groups = ["staff"] }}{chr(10)}' for index in range(90))}
"""

Read = Callable[..., Page]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "swarmgen.toml").write_text(CONFIG)
    path = folder / "page.html"
    with answering() as engine:
        program = [ROOT / "target/debug/swarmgen", "report", "-H", engine, "-o", path]
        subprocess.run(program, check=True, cwd=folder, capture_output=True)
    return path


@pytest.fixture
def read(written: Path, browser: Browser) -> Iterator[Read]:
    """Opens the page, which must ask for nothing and say nothing to the console."""
    contexts = []
    noise: list[str] = []

    def opened(**options: Any) -> Page:
        # The page forbids scripts; axe-core is one.
        context = browser.new_context(bypass_csp=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: noise.append(message.text))
        page.on("request", lambda request: noise.append(request.url) if request.url != written.as_uri() else None)
        page.goto(written.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not noise


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_keeps_nobody_out(read: Read, scheme: str, width: int) -> None:
    page = read(color_scheme=scheme, viewport={"width": width, "height": 800})
    picture(page, f"report-{scheme}-{width}")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    picture(page, f"report-open-{scheme}-{width}")
    assert not serious(page, "html")
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0, "it is wider than the screen"


def test_what_waits_is_seen_at_once_and_the_rest_by_keyboard(read: Read) -> None:
    page = read(java_script_enabled=False)
    rows = page.locator("#servers-waiting + thead + tbody tr")
    assert rows.count() == len(WAITING) and rows.first.is_visible()
    first = page.locator("#servers-running + thead + tbody tr").first
    assert not first.is_visible()
    page.locator("summary", has_text=f"{RUNNING} servers running").focus()
    page.keyboard.press("Enter")
    assert first.is_visible()


def test_all_of_it_is_printed(read: Read) -> None:
    page = read()
    page.emulate_media(media="print")
    last = page.locator("#users-all + thead + tbody tr").last
    box = last.bounding_box()
    assert last.is_visible() and box and box["height"] > 5
    assert not page.locator("nav").is_visible()


def test_hostile_names_are_text(read: Read) -> None:
    page = read()
    assert page.locator("h3", has_text=EVIL).count() == 1
    assert page.locator("td", has_text=EVIL).count() > 1
    assert page.locator("img, script").count() == 0
    assert page.title() == "physics: swarmgen report"
