#!/usr/bin/env python3
"""Stands in for the swarmgen program and a swarm: a server is a process of this machine's that answers on a port.

It keeps docs/spawner-protocol.md, so that a real hub can be run with it. The folder of SWARMGEN_LOCAL holds what the "swarm"
knows, and files by which a test says what is to go wrong: `away` (no engine), `slow` (seconds before each answer), `fails` (a
result of `start`), `hangs` (a start that waits for ever), `undo` (seconds that a start takes to give up), `permits` (any user
option).
"""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from files import write_whole

FOLDER = Path(os.environ["SWARMGEN_LOCAL"])
SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", os.environ["VERSION"])
        self.end_headers()
        self.wfile.write(self.path.encode())
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
server.serve_forever()
"""


def emit(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def finish(status=0, /, **event):
    try:
        emit(**event)
    finally:
        # Nobody may read what it says any more.
        os._exit(status)


def fail(code, status, message, left=()):
    finish(status, event="failed", code=code, message=message, detail=message, left=list(left))


def fail_as_told():
    """Ends as a test has said, if it has."""
    if says("fails"):
        result = json.loads(says("fails"))
        fail(result["code"], 4, result["message"])


def says(name):
    path = FOLDER / name
    return path.read_text() if path.exists() else None


def alive(service):
    """A running server's note, or None."""
    try:
        service = json.loads(service.read_text())
    except FileNotFoundError:
        return None
    try:
        state = Path(f"/proc/{service['pid']}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return service | {"running": False}
    return service | {"running": state != "Z"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(service, request):
    port = free_port()
    child = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        env={"PORT": str(port), "VERSION": request["hub"]["env"].get("VERSION", "0"), "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    note = {"pid": child.pid, "port": port, "env": request["hub"]["env"], "user_options": request["user_options"]}
    write_whole(service, json.dumps(note))
    return note


def state(service, note):
    return {"version": 1, "service": service.name, "address": "127.0.0.1", "port": note["port"]}


def remove(service):
    note = alive(service)
    if note and note["running"]:
        os.kill(note["pid"], signal.SIGKILL)
    service.unlink(missing_ok=True)
    return note is not None


def start(service, request):
    def undo(*_):
        time.sleep(float(says("undo") or 0))
        remove(service)
        fail("cancelled", 4, "Given up.")

    signal.signal(signal.SIGTERM, undo)
    threading.Thread(target=lambda: (sys.stdin.read(), undo()), daemon=True).start()
    deadline = time.monotonic() + request["timeout"]
    emit(event="progress", stage="creating", percent=10, message="Asking the swarm for a server")
    if says("away") is not None:
        fail("engine-away", 5, "The swarm cannot be reached.")
    fail_as_told()
    options = request["user_options"]
    unknown = set(options) - {"profile"} or options.get("profile", "small") not in ("small", "large")
    if unknown and says("permits") is None:
        fail("refused", 1, f"A request may not set {sorted(set(options) - {'profile'}) or 'this profile'}.")
    note = alive(service)
    if note and request["existing"] == "tell":
        finish(
            event="exists",
            running=note["running"],
            changed=says("changed") is not None,
            on_changed=says("changed") or "replace",
            api_token=note["env"]["JUPYTERHUB_API_TOKEN"],
        )
    if note and request["existing"] == "replace":
        remove(service)
        note = None
    if note is None:
        emit(event="progress", stage="pending", percent=20, message="Waiting for a node with a <GPU>")
        while says("hangs") is not None:
            fail_as_told()
            if time.monotonic() > deadline:
                fail("no-node", 4, "No node can run this server: no node has a GPU.")
            time.sleep(0.05)
        note = launch(service, request)
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", note["port"]), 1).close()
        except OSError:
            time.sleep(0.05)
            continue
        finish(event="started", address="127.0.0.1", port=note["port"], service=service.name, state=state(service, note))
    remove(service)
    fail("not-listening", 4, "The server does not answer.")


def main():
    verb, request = sys.argv[2], json.loads(sys.stdin.readline())
    with (FOLDER / "asked.jsonl").open("a") as file:
        file.write(json.dumps({"verb": verb, "request": request}) + "\n")
    if says("slow"):
        time.sleep(float(says("slow")))
    if verb == "settings":
        absent = ("jupyterhub_service_name", "notebook_dir", "mem_limit", "mem_guarantee", "cpu_limit", "cpu_guarantee")
        told = {"version": 1, "program": "0", "deployment": "test", "service_port": 8888, "http_timeout": 20, "warnings": []}
        told |= {"start_timeout": int(says("start_timeout") or 60), "user_format_attributes": ["desk"]} | dict.fromkeys(absent)
        finish(event="settings", **told)
    if verb == "form":
        if "form" in request:
            finish(event="options", user_options={name: values[0] for name, values in request["form"]["fields"].items()
                                                  if name != "_xsrf"})  # fmt: skip
        html = "<label>Profile <input name='profile' value='small'></label>" if says("form") is not None else None
        finish(event="form", html=html, profile="small", profiles=[])
    name = f"{request['user']['name']}/{request['server']['name']}"
    service = FOLDER / "services" / hashlib.sha256(name.encode()).hexdigest()
    service.parent.mkdir(exist_ok=True)
    if verb == "start":
        start(service, request)
    if says("away") is not None:
        if verb == "poll":
            finish(event="status", running="unknown", reason="connection refused")
        fail("engine-away", 5, "The swarm cannot be reached.")
    if verb == "stop":
        finish(event="stopped", removed={"service": service.name if remove(service) else None}, unreachable=[])
    note = alive(service)
    if note and note["running"]:
        finish(event="status", running=True, exists=True, address="127.0.0.1", port=note["port"], state=state(service, note))
    finish(event="status", running=False, exists=note is not None, exit_code=3 if note else None, reason="the server ended")


main()
