"""An engine that tells of a swarm with more servers than are read at a glance, and takes nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EVIL = "<img src=x onerror=document.title='taken'>"
DEPLOYMENT = "physics"
RUNNING = 60


def service(index: int, profile: str) -> dict[str, Any]:
    labels = {"swarmgen.deployment": DEPLOYMENT, "swarmgen.user": f"user{index:03}", "swarmgen.server": ""}
    task = {"ContainerSpec": {"Image": "x:1", "Labels": {"image_name": profile}}}
    spec = {"Name": f"jupyter-user{index:03}-1", "Labels": labels, "TaskTemplate": task}
    return {"ID": f"s{index}", "Version": {"Index": 1}, "Spec": spec}


def task(index: int, state: str, error: str) -> dict[str, Any]:
    reserved = {"NanoCPUs": 20_000_000, "MemoryBytes": 64 << 20, "GenericResources": []}
    return {
        "ID": f"t{index}",
        "ServiceID": f"s{index}",
        "NodeID": f"n{index % 2}",
        "DesiredState": "running",
        "Spec": {"Resources": {"Reservations": reserved}},
        "Status": {"State": state, "Err": error, "Timestamp": "2026-01-05T08:00:00Z"},
    }


def node(index: int, availability: str) -> dict[str, Any]:
    resources = {"NanoCPUs": 4_000_000_000, "MemoryBytes": 8 << 30}
    return {
        "ID": f"n{index}",
        "Spec": {"Role": "manager", "Availability": availability},
        "Description": {
            "Hostname": f"lab{index}",
            "Platform": {"OS": "linux", "Architecture": "x86_64"},
            "Resources": resources,
            "Engine": {"EngineVersion": "28.5.1"},
        },
        "Status": {"State": "ready", "Addr": "192.0.2.1"},
    }


WAITING = [("failed", EVIL), ("pending", "no suitable node"), ("preparing", "")]
TASKS = [("running", "")] * RUNNING + WAITING
ANSWERS: dict[str, Any] = {
    "/version": {"ApiVersion": "1.41", "MinAPIVersion": "1.12"},
    "/info": {"Swarm": {"NodeID": "n0", "LocalNodeState": "active", "ControlAvailable": True}},
    "/services": [service(index, EVIL if index % 2 else "Python") for index in range(len(TASKS))],
    "/tasks": [task(index, state, error) for index, (state, error) in enumerate(TASKS)],
    "/nodes": [node(0, "active"), node(1, "drain")],
    "/volumes": {"Volumes": []},
}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.split("?")[0].replace("/v1.41", "")
        status = 404 if path.startswith(("/images/", "/distribution/")) else 200
        body = json.dumps(ANSWERS.get(path, [] if status == 200 else {"message": "there is none"})).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def answering() -> Iterator[str]:
    """Answers until the end, and gives where."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
