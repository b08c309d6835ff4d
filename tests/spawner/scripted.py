#!/usr/bin/env python3
"""Stands in for the swarmgen program, and does what a test wrote down for it.

The folder of SWARMGEN_SCRIPT has `script.json`: for each command the steps of its calls, one list a call, the last for all
further ones. What is asked is kept in `asked.jsonl`.
"""

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
    with (FOLDER / name).open("a") as file:
        file.write(json.dumps(entry) + "\n")


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
    before = (FOLDER / "asked.jsonl").read_text().splitlines() if (FOLDER / "asked.jsonl").exists() else []
    nth = sum(json.loads(entry)["verb"] == verb for entry in before)
    note(
        "asked.jsonl",
        {
            "verb": verb,
            "arguments": sys.argv[1:],
            "request": json.loads(line),
            "pid": os.getpid(),
            "variables": sorted(os.environ),
        },
    )
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
