"""A proxy before the engine's socket: counts requests, slows them down, hangs, and goes away when told."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

VERSION = re.compile(r"^/v[\d.]+")


class Proxy:
    """Listens where `listen` says, for the engine behind `engine`."""

    def __init__(self, listen: Path, engine: Path) -> None:
        self.listen, self.engine = listen, engine
        # Seconds that are added to each request.
        self.delay = 0.0
        # What was asked for: method and path, without the API's version, names and questions.
        self.requests: Counter[str] = Counter()
        # The paths as they came, without questions.
        self.paths: set[str] = set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_away = threading.Event()
        self._moves = threading.Event()
        self._moves.set()
        listen.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(listen))
        self._listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def go_away(self) -> None:
        """Ends all connections, and ends new ones at once, until `come_back`."""
        self._is_away.set()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        self._is_away.clear()

    def hang(self) -> None:
        """Hands nothing on, neither way, until `move`."""
        self._moves.clear()

    def move(self) -> None:
        self._moves.set()

    def close(self) -> None:
        self.go_away()
        self.move()
        self._listener.close()
        self.listen.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_away.is_set():
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        engine = socket.socket(socket.AF_UNIX)
        with self._lock:
            self._open |= {client, engine}
        try:
            with suppress(OSError, ValueError):
                engine.connect(str(self.engine))
                asked, answers = client.makefile("rb"), engine.makefile("rb")
                while not self._is_away.is_set() and (head := _head(asked)):
                    method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
                    with self._lock:
                        self.requests[f"{method} {_shape(path)}"] += 1
                        self.paths.add(path.split("?", 1)[0])
                    time.sleep(self.delay)
                    self._moves.wait()
                    engine.sendall(head)
                    _body(head, asked, engine, ends=False)
                    head = _head(answers)
                    self._moves.wait()
                    client.sendall(head)
                    if method != "HEAD":
                        _body(head, answers, client, ends=True)
        finally:
            with self._lock:
                self._open -= {client, engine}
            client.close()
            engine.close()


def _shape(path: str) -> str:
    path = VERSION.sub("", path.split("?", 1)[0])
    parts = path.split("/")
    if len(parts) > 2 and parts[2] not in ("create", "json"):
        parts[2] = "ID"
    return "/".join(parts)


def _head(stream) -> bytes:
    lines = []
    while line := stream.readline():
        lines.append(line)
        if line == b"\r\n":
            return b"".join(lines)
    return b""


def _body(head: bytes, source, sink: socket.socket, ends: bool) -> None:
    """Hands a body on; `ends` says that one without a length lasts until its connection does."""
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    }
    status = head.split(b" ", 2)[1]
    if fields.get("transfer-encoding", "").lower() == "chunked":
        while line := source.readline():
            size = int(line.split(b";")[0], 16)
            sink.sendall(line + source.read(size + 2))
            if size == 0:
                return
    elif "content-length" in fields:
        left = int(fields["content-length"])
        while left and (part := source.read(min(left, 1 << 16))):
            sink.sendall(part)
            left -= len(part)
    elif ends and status not in (b"204", b"304"):
        while part := source.read1(1 << 16):
            sink.sendall(part)
