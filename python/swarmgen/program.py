"""Runs the `swarmgen` program: one request in, events out (docs/spawner-protocol.md)."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import sysconfig
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional
from weakref import WeakKeyDictionary

Event = dict[str, Any]

VERSION = 1
# The results: an event of another kind is on the way to one.
RESULTS = frozenset({"settings", "form", "options", "started", "exists", "status", "stopped", "failed"})
# The longest line that is read: a form with many profiles.
LONGEST_LINE = 16 * 1024 * 1024
# How much of what the program tells the operator is kept.
TAIL = 16 * 1024
# How many seconds a program that is ended has to undo what it did: more than it takes for that (`UNDO` in
# src/spawner/start/undo.rs).
GRACE = 15.0
# How much the programs yield to the hub, as `nice` does: where processor time is short, its loop has the hub's share of it first.
YIELD = 10
# The hub's own secrets, which no config refers to.
WITHHELD = frozenset({"CONFIGPROXY_AUTH_TOKEN", "JPY_API_TOKEN", "JPY_COOKIE_SECRET", "JUPYTERHUB_CRYPT_KEY"})

# A process begins while the loop waits, as long as it takes a busy machine to let it: one after the other, the hub answers
# between two of them.
_beginning: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def find() -> str:
    """The program's path: where this package's wheel puts it, else the first in PATH."""
    name = "swarmgen"
    beside = Path(__file__).resolve().parents[1] / "bin" / name
    for place in (Path(sysconfig.get_path("scripts")) / name, beside):
        if os.access(place, os.X_OK):
            return str(place)
    return shutil.which(name) or name


def failed(code: str, message: str, detail: str = "") -> Event:
    """A result for what the program could not say itself."""
    return {"event": "failed", "code": code, "message": message, "detail": detail, "left": []}


def _plain(value: object) -> object:
    # JupyterHub keeps bytes in user options.
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is no JSON")


class Program:
    """The program with the arguments that every command shares; they hold nothing secret."""

    def __init__(self, command: Sequence[str], arguments: Sequence[str] = ()) -> None:
        self.command = tuple(command)
        self.arguments = tuple(arguments)

    @property
    def key(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What tells programs apart that may answer differently."""
        return self.command, self.arguments

    async def ask(
        self,
        verb: str,
        request: dict[str, Any],
        *,
        tell: Optional[Callable[[Event], None]] = None,
        log: Optional[Callable[[str], None]] = None,
        grace: float = GRACE,
        finishes: bool = False,
    ) -> Event:
        """Runs a command and gives its result, which may be `failed`.

        Each event goes to `tell` when it comes, the result too; each line for the operator to `log`, in the end. A caller that is
        cancelled ends the program, which has `grace` seconds to undo what it did; before that, one that `finishes` has as many to
        end by itself.
        """
        line = json.dumps({"version": VERSION, **request}, default=_plain).encode() + b"\n"
        environment = {name: value for name, value in os.environ.items() if name not in WITHHELD}
        try:
            async with _beginning.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
                child = await asyncio.create_subprocess_exec(
                    *self.command,
                    "spawner",
                    verb,
                    *self.arguments,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    env=environment,
                    limit=LONGEST_LINE,
                    # A terminal's Ctrl-C is for the hub, which then says what is to end.
                    start_new_session=True,
                )
        except OSError as error:
            return failed("internal", "The program that starts servers is missing.", f"{self.command[0]}: {error}")
        with suppress(OSError):
            # It leads a group of its own: that is all of its threads.
            os.setpriority(os.PRIO_PGRP, child.pid, os.getpriority(os.PRIO_PROCESS, 0) + YIELD)
        conversation = asyncio.ensure_future(_converse(child, line, tell, log))
        try:
            return await asyncio.shield(conversation)
        except asyncio.CancelledError:
            if finishes:
                await _despite_cancelling(asyncio.wait([conversation], timeout=grace))
            await _end(child, conversation, grace)
            raise


async def _converse(
    child: asyncio.subprocess.Process,
    line: bytes,
    tell: Optional[Callable[[Event], None]],
    log: Optional[Callable[[str], None]],
) -> Event:
    assert child.stdin and child.stdout and child.stderr  # noqa: S101 -- for mypy: they are pipes
    errors = asyncio.ensure_future(_last(child.stderr))
    result: Optional[Event] = None
    # It may end before it has read all; what it says tells why.
    with suppress(BrokenPipeError, ConnectionResetError):
        # It stays open: its end would tell the program to give up.
        child.stdin.write(line)
        await child.stdin.drain()
    try:
        async for text in child.stdout:
            event = _event(text)
            if event is None:
                continue
            if event["event"] in RESULTS:
                result = event
            if tell is not None:
                tell(event)
    except ValueError:
        # A line beyond all bounds.
        result = None
        _signal(child, signal.SIGKILL)
        while await child.stdout.read(LONGEST_LINE):
            pass
    code = await child.wait()
    told = await errors
    if result is None:
        said = f"exit code {code}, no result; standard error: {told.strip() or '(nothing)'}"
        return failed("internal", "The program that starts servers ended before it was done.", said)
    if log is not None:
        for words in told.splitlines():
            log(words)
    return result


def _event(text: bytes) -> Optional[Event]:
    try:
        event = json.loads(text)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


async def _last(stream: asyncio.StreamReader) -> str:
    """The end of what a stream says."""
    kept = b""
    while chunk := await stream.read(4096):
        kept = (kept + chunk)[-TAIL:]
    return kept.decode(errors="replace")


def _signal(child: asyncio.subprocess.Process, number: int) -> None:
    with suppress(ProcessLookupError):
        child.send_signal(number)


async def _end(child: asyncio.subprocess.Process, conversation: asyncio.Future[Event], grace: float) -> None:
    """Ends the program, if it has not ended, and waits for it, however often the caller is cancelled meanwhile."""
    if child.stdin:
        child.stdin.close()
    _signal(child, signal.SIGTERM)
    await _despite_cancelling(_wait(child, conversation, grace))


async def _despite_cancelling(what: Coroutine[Any, Any, Any]) -> None:
    waiting = asyncio.ensure_future(what)
    while not waiting.done():
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError:
            continue


async def _wait(child: asyncio.subprocess.Process, conversation: asyncio.Future[Event], grace: float) -> None:
    _, late = await asyncio.wait([conversation], timeout=grace)
    if late:
        _signal(child, signal.SIGKILL)
        # What the program started itself could hold its output open.
        await asyncio.wait([conversation], timeout=1.0)
        conversation.cancel()
    await asyncio.gather(conversation, return_exceptions=True)
