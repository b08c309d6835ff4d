"""Users of the deployed hub, and starting their servers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from deployment import Deployment
from notebook import Notebook


class User:
    """A user of the deployed hub."""

    def __init__(self, deployment: Deployment, name: str) -> None:
        self.deployment, self.hub, self.name = deployment, deployment.hub, name
        self.hub.add_user(name)

    def start(self, server: str = "", options: object = None, seconds: float = 300) -> Notebook:
        self.hub.start(self.name, server, options, seconds)
        return self.notebook(server)

    def notebook(self, server: str = "") -> Notebook:
        found = self.hub.server(self.name, server)
        assert found
        return Notebook(self.deployment.url, found["url"], self.hub.token_of(self.name))

    def stop(self, server: str = "") -> None:
        self.hub.stop(self.name, server)


def start_all(users: Sequence[User]) -> list[Notebook]:
    """Starts the default servers of several users at once; raises what goes wrong with one."""
    with ThreadPoolExecutor(len(users)) as pool:
        return list(pool.map(User.start, users))
