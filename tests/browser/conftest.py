"""A real hub, whose form is the real program's, in a real browser."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import jupyterhub
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from test_hub import Running

HERE = Path(__file__).resolve().parent
PICTURES = HERE.parents[1] / "target/pictures"
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


class RunningForm(Running):
    program = HERE / "program.py"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForm]:
    folder = tmp_path_factory.mktemp("hub")
    found = RunningForm(folder)
    shutil.copy(HERE / "swarmgen.toml", folder / "swarm/swarmgen.toml")
    found.say("permits")
    yield found
    found.end(signal.SIGKILL)
    for service in found.services():
        os.kill(service["pid"], signal.SIGKILL)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path, "no chromium: install it"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def visit(hub: RunningForm, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Logs a user in, and opens their spawn page."""
    contexts = []

    def opened(name: str, **options: Any) -> Page:
        context = browser.new_context(base_url=hub.url, **options)
        contexts.append(context)
        # Where hub images are built beside this, SQLite waits long for the disk.
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto("/hub/login?next=%2Fhub%2Fspawn")
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", "x")
        page.click("[type=submit]")
        try:
            page.wait_for_selector(".swarmgen")
        except PlaywrightError as error:
            told = "\n".join(hub.said().splitlines()[-30:])
            raise AssertionError(f"no form at {page.url}: {page.inner_text('body')}\nthe hub says: {told}") from error
        return page

    yield opened
    for context in contexts:
        context.close()


def picture(page: Page, name: str) -> None:
    """Keeps how a page looks, for people."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}-hub{jupyterhub.version_info[0]}.png", full_page=True)


def serious(page: Page, part: str = ".swarmgen") -> list[str]:
    """What axe-core finds in a part of the page that keeps people out."""
    page.add_script_tag(content=AXE)
    found = page.evaluate("part => axe.run(part, {resultTypes: ['violations']})", part)
    assert found["passes"], "axe checked nothing"
    grave = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['html']}: {node['failureSummary']}" for one in grave for node in one["nodes"]]
