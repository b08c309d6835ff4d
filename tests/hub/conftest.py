"""What the tests with a real hub share: one engine, and one deployed hub of a version at a time.

`SWARMGEN_HUBS` names the versions, the newest first: on it all tests run, on the others those marked `every_hub`.
`SWARMGEN_HUB_ENGINE` is another folder below target/ for the engine, so that two runs can go beside each other; they share what
`SWARMGEN_WHEEL=installed` says is installed already.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import images
from client import escaped, until
from deployment import ROOT, Deployment, Engine, install
from table import Table
from users import User

VERSIONS = os.environ.get("SWARMGEN_HUBS", "6,5,4").split(",")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "every_hub: runs on every version of JupyterHub, not just on the newest")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "version" in metafunc.fixturenames:
        every = metafunc.definition.get_closest_marker("every_hub")
        metafunc.parametrize("version", VERSIONS if every else VERSIONS[:1], scope="session")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    # A socket's folder may not have a long name.
    found = Engine(ROOT / "target" / os.environ.get("SWARMGEN_HUB_ENGINE", "e"), nodes=2)
    install()
    # In the engine's network nothing else can be reached.
    for version in VERSIONS:
        images.build(version)
    found.enter()
    yield found
    # To try one test again and again; `scripts/engine --dir target/e stop` ends it.
    if "SWARMGEN_KEEP_ENGINE" not in os.environ:
        found.stop()


@pytest.fixture(scope="session")
def deployment(engine: Engine, version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    found = Deployment(engine, version, tmp_path_factory.mktemp(f"hub{version}"))
    yield found
    # Containers take some seconds to go, for which not every test needs to wait.
    until(lambda: not found.leftovers(), 120, "the containers of all servers are gone")
    found.close()


@pytest.fixture(scope="session")
def faults() -> Iterator[Table]:
    found = Table()
    yield found
    found.write()


@pytest.fixture
def worker(deployment: Deployment) -> Iterator[str]:
    """The second node, which takes tasks now; else it takes none."""
    engine = deployment.engine
    engine.give_tasks(2, True)
    yield engine.node(2)
    engine.give_tasks(2, False)


@pytest.fixture
def clean(deployment: Deployment) -> Iterator[Deployment]:
    """The deployed hub; afterwards no server may be left, neither with the hub nor on the swarm, nor anything of one."""
    yield deployment
    hub = deployment.hub

    def leave(user: dict[str, Any]) -> None:
        for server in user.get("servers") or {}:
            if hub.server(user["name"], server):
                hub.stop(user["name"], server)
        # What one test has chosen is not to be the next one's last choice.
        answer = hub.ask("DELETE", f"/users/{escaped(user['name'])}")
        assert answer.status == 204, answer

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, hub.ask("GET", "/users").json))
    assert deployment.servers() == [], "servers are left on the swarm"
    assert deployment.lasting_leftovers() == [], "something of servers is left on the swarm"


@pytest.fixture
def user(clean: Deployment):
    return lambda name: User(clean, name)
