"""A hub's client for the tests: its REST API with a token, and its pages as a browser has them."""

from __future__ import annotations

import http.cookiejar
import json
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Answer:
    """What came back, whatever its status."""

    status: int
    body: bytes
    url: str

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


def until(wanted: Callable[[], Any], seconds: float, what: str) -> Any:
    """Waits until something holds, and gives it."""
    deadline = time.monotonic() + seconds
    while True:
        found = wanted()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def escaped(name: str) -> str:
    """A name as a part of a path."""
    return urllib.parse.quote(name, safe="")


class Hub:
    """A hub at an address, asked with an administrator's token; with internal TLS by the hub's own certificates."""

    def __init__(self, url: str, token: str, certificates: Path | None = None) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self.certificates = certificates

    def _opener(self) -> urllib.request.OpenerDirector:
        if self.certificates is None:
            return urllib.request.build_opener()
        context = ssl.create_default_context(cafile=str(self.certificates / "hub-ca_trust.crt"))
        own = self.certificates / "hub-internal" / "hub-internal"
        context.load_cert_chain(own.with_suffix(".crt"), own.with_suffix(".key"))
        return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 120, token: str | None = None) -> Answer:
        """Asks the REST API."""
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/hub/api{path}", data=content, method=method)
        request.add_header("Authorization", f"token {token or self.token}")
        return _send(self._opener(), request, timeout)

    def add_user(self, name: str) -> None:
        answer = self.ask("POST", f"/users/{escaped(name)}")
        assert answer.status in (201, 409), answer

    def server(self, name: str, server: str = "") -> dict[str, Any] | None:
        """A server as the hub sees it; None if there is none."""
        answer = self.ask("GET", f"/users/{escaped(name)}")
        found = answer.json["servers"].get(server)
        # JupyterHub also lists servers that are stopped.
        return None if found is None or found.get("stopped") else found

    @staticmethod
    def path(name: str, server: str = "") -> str:
        user = f"/users/{escaped(name)}"
        return f"{user}/servers/{urllib.parse.quote(server, safe='')}" if server else f"{user}/server"

    def request_start(self, name: str, server: str = "", options: Any = None) -> Answer:
        return self.ask("POST", self.path(name, server), options)

    def start(self, name: str, server: str = "", options: Any = None, seconds: float = 60) -> dict[str, Any]:
        """Starts a server, and waits until it is ready."""
        answer = self.request_start(name, server, options)
        assert answer.status in (201, 202), (answer.status, answer.text)

        def ready() -> Any:
            found = self.server(name, server)
            assert found, f"the server of {name} is gone: {self.outcome(name, server)}"
            return found if found["ready"] else None

        return until(ready, seconds, f"{name}'s server {server!r} is ready")

    def stop(self, name: str, server: str = "", seconds: float = 60) -> None:
        """Stops a server, and waits until the hub has forgotten it."""
        answer = self.ask("DELETE", self.path(name, server))
        assert answer.status in (202, 204), (answer.status, answer.text)
        until(lambda: self.server(name, server) is None, seconds, f"{name}'s server {server!r} is gone")

    def progress(self, name: str, server: str = "", seconds: float = 300) -> Iterator[dict[str, Any]]:
        """The events of a start, up to the one that ends them."""
        request = urllib.request.Request(f"{self.url}/hub/api{self.path(name, server)}/progress")
        request.add_header("Authorization", f"token {self.token}")
        with self._opener().open(request, timeout=seconds) as stream:
            for line in stream:
                if line.startswith(b"data:"):
                    event = json.loads(line[len(b"data:") :])
                    yield event
                    if event.get("ready") or event.get("failed"):
                        return

    def outcome(self, name: str, server: str = "", seconds: float = 300) -> Any:
        """How the last start ended."""
        try:
            return list(self.progress(name, server, seconds))[-1]
        except urllib.error.HTTPError as error:
            return error.read().decode(errors="replace")

    def token_of(self, name: str) -> str:
        """A new token of a user's own."""
        answer = self.ask("POST", f"/users/{escaped(name)}/tokens", {"note": "test"})
        assert answer.status in (200, 201), answer
        return str(answer.json["token"])


class Browser:
    """A user's browser, as far as cookies and forms go."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str, timeout: float = 60) -> Answer:
        return _send(self.opener, urllib.request.Request(self.url + path), timeout)

    def post(self, path: str, fields: dict[str, str], timeout: float = 60) -> Answer:
        """Fills in the form of the page that is at the same path."""
        page = self.get(path)
        tokens = re.findall(r'name="_xsrf"\s+value="([^"]+)"', page.text) or re.findall(r"_xsrf=([^\"&]+)", page.text)
        if tokens:
            fields = {"_xsrf": tokens[0], **fields}
        body = urllib.parse.urlencode(fields).encode()
        return _send(self.opener, urllib.request.Request(self.url + path, data=body), timeout)

    def refused(self, name: str, fields: dict[str, str]) -> Answer:
        """Fills in the form of a server that will not be started: the page that says why."""
        answer = self.post(f"/hub/spawn/{escaped(name)}", fields)
        # Where that takes more than a second the hub sends the browser on to wait.
        pending = f"/hub/spawn-pending/{escaped(name)}"

        def told() -> Answer | None:
            page = self.get(pending)
            return page if page.status != 200 else None

        return until(told, 60, "the start has failed") if pending in answer.url and answer.status == 200 else answer

    def log_in(self, name: str, password: str = "x") -> None:
        # Without `next` the hub would start a server.
        answer = self.post("/hub/login?next=%2Fhub%2Fhome", {"username": name, "password": password})
        assert (answer.status, answer.url) == (200, f"{self.url}/hub/home"), answer

    def token(self, name: str) -> str:
        """A new token, asked for as the hub's own page does."""
        page = self.get("/hub/token").text
        (xsrf,) = set(re.findall(r'xsrf_token\s*[:=]\s*"([^"]+)"', page))
        path = f"/hub/api/users/{escaped(name)}/tokens?_xsrf={urllib.parse.quote(xsrf)}"
        headers = {"Content-Type": "application/json"}
        answer = _send(self.opener, urllib.request.Request(self.url + path, data=b"{}", headers=headers), 60)
        assert answer.status in (200, 201), answer
        return str(answer.json["token"])


def _send(opener: urllib.request.OpenerDirector, request: urllib.request.Request, timeout: float) -> Answer:
    try:
        with opener.open(request, timeout=timeout) as response:
            return Answer(response.status, response.read(), response.url)
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(), error.url)
