#!/usr/bin/env python3
"""Stands in for the swarmgen program, and does what a test wrote down for it.

The folder of SWARMGEN_SCRIPT has `script.json`: for each command the steps of its calls, one list a call, the last for all
further ones. What is asked is kept in `asked.jsonl`.
"""

import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

FOLDER = Path(os.environ["SWARMGEN_SCRIPT"])


def emit(event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def note(name, entry):
    """Adds a line to a file, and says what stood in it before."""
    with (FOLDER / name).open("a+") as file:
        # Another call may be in the middle of its line.
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        before = [json.loads(line) for line in file]
        file.write(json.dumps(entry) + "\n")
    return before


GIVING_UP = threading.Lock()


def give_up(cause, steps):
    # The signal and the end of input come together.
    if not GIVING_UP.acquire(blocking=False):
        return
    note("given-up.jsonl", cause)
    try:
        for step in steps:
            act(step)
    finally:
        # Nobody may read what it says any more.
        os._exit(4)


def act(step):
    ((kind, value),) = step.items()
    if kind == "emit":
        emit(value)
    elif kind == "sleep":
        time.sleep(value)
    elif kind == "raw":
        sys.stdout.buffer.write(value.encode())
        sys.stdout.flush()
    elif kind == "repeat":
        sys.stdout.buffer.write(value["text"].encode() * value["times"])
        sys.stdout.flush()
    elif kind == "tell":
        sys.stderr.write(value)
        sys.stderr.flush()
    elif kind == "exit":
        os._exit(value)
    else:
        raise SystemExit(f"no such step: {kind}")


def main():
    script = json.loads((FOLDER / "script.json").read_text())
    verb = sys.argv[2]
    line = sys.stdin.readline()
    before = note(
        "asked.jsonl",
        {
            "verb": verb,
            "arguments": sys.argv[1:],
            "request": json.loads(line),
            "pid": os.getpid(),
            "variables": sorted(os.environ),
        },
    )
    nth = sum(entry["verb"] == verb for entry in before)
    undo = script.get("undo", [{"emit": {"event": "failed", "code": "cancelled", "message": "Given up.", "left": []}}])
    if script.get("stubborn"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: give_up("signal", undo))

        def watch():
            sys.stdin.read()
            give_up("end of input", undo)

        threading.Thread(target=watch, daemon=True).start()
    calls = script[verb]
    for step in calls[min(nth, len(calls) - 1)]:
        act(step)
    os._exit(0)


main()
