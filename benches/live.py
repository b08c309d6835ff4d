#!/usr/bin/env python3
"""Compares four ways of bringing a class onto one engine, in one run: `swarmgen apply`, `docker stack deploy`, a loop of
docker-py, and the raw API.

    cargo build --release
    scripts/engine start && eval "$(scripts/engine env)"
    tests/live/images/load "${DOCKER_HOST#unix://}"
    benches/live.py > docs/performance-live.md
    scripts/engine stop

Each way sends the same services: one stand-in each, no network. Between measurements everything is removed, and the next
one begins once the engine has no container left. The node is drained where nothing is to run. Needs an engine of its own,
on a unix socket, in swarm mode, with one node; Python 3.9 and docker-py.
"""

import argparse
import datetime
import http.client
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STABLE = 2.0
LABEL = "swarmgen.deployment=bench"
CONFIG = """
version = 1
deployment = "bench"
service_prefix = "bench"
naming.scheme = "slug"
networks = []
users_file = "users.csv"
[[images]]
name = "Stand-in"
image = "stand-in/notebook:serves"
"""


class Api:
    """The engine's API over one connection that is kept."""

    def __init__(self, path):
        self.connection = http.client.HTTPConnection("docker")
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.connect(path)

    def ask(self, method, path, body=None):
        body = None if body is None else json.dumps(body)
        self.connection.request(method, f"/v1.41{path}", body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text) if text.strip() else None

    def tasks(self):
        return self.ask("GET", f"/tasks?filters={urllib.parse.quote(json.dumps({'label': [LABEL]}))}")


def wait(api, count):
    """Until all have run for two seconds, looking once a second, as `apply` does."""
    since = {}
    while True:
        now = time.monotonic()
        running = {t["ID"] for t in api.tasks() if t["Status"]["State"] == t["DesiredState"] == "running"}
        since = {task: since.get(task, now) for task in running}
        if sum(now - begun >= STABLE for begun in since.values()) >= count:
            return
        time.sleep(1)


class Bench:
    def __init__(self, args):
        self.args = args
        self.path = os.environ["DOCKER_HOST"].removeprefix("unix://")
        self.api = Api(self.path)
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "swarmgen.toml").write_text(CONFIG)

    def run(self, *command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(f"{command}: {done.returncode} {done.stderr.decode()}")
        return done.stdout

    def swarmgen(self, *arguments):
        return self.run(str(self.args.swarmgen), *arguments)

    def has_class(self, size):
        (self.folder / "users.csv").write_text("name\n" + "".join(f"u{user:04}\n" for user in range(size)))
        self.swarmgen("render", "--all", "--format", "stack", "-o", "stack.yml")
        self.swarmgen("render", "--all", "--format", "service", "-o", "services.json")
        decoder, text = json.JSONDecoder(), (self.folder / "services.json").read_text().strip()
        self.bodies = []
        while text:
            body, end = decoder.raw_decode(text)
            self.bodies += body if isinstance(body, list) else [body]
            text = text[end:].strip()
        if len(self.bodies) != size:
            raise SystemExit(f"{len(self.bodies)} services were rendered, not {size}")

    def drain(self, drained):
        node = self.api.ask("GET", "/nodes")[0]
        node["Spec"]["Availability"] = "drain" if drained else "active"
        self.api.ask("POST", f"/nodes/{node['ID']}/update?version={node['Version']['Index']}", node["Spec"])

    def clear(self):
        """Removes what this program has made, and waits until it is gone."""
        ours = urllib.parse.quote(json.dumps({"label": [LABEL]}))
        for service in self.api.ask("GET", f"/services?filters={ours}"):
            self.api.ask("DELETE", f"/services/{service['ID']}")
        while self.api.ask("GET", "/containers/json") or self.api.tasks():
            time.sleep(0.5)
        time.sleep(1)

    # The four ways; each with or without waiting.

    def by_apply(self, waits):
        self.swarmgen("apply", "--resolve-image", "never", "--timeout", "20m", *([] if waits else ["--detach"]))

    def by_stack(self, waits):
        detach = f"--detach={'false' if waits else 'true'}"
        self.run("docker", "stack", "deploy", detach, "--resolve-image", "never", "-c", "stack.yml", "bench")

    def by_docker_py(self, waits):
        import docker

        client = docker.APIClient(f"unix://{self.path}", version="1.41")
        for body in self.bodies:
            endpoint = docker.types.EndpointSpec(mode="dnsrr")
            client.create_service(body["TaskTemplate"], body["Name"], body["Labels"], endpoint_spec=endpoint)
        if waits:
            wait(self.api, len(self.bodies))

    def by_raw_api(self, waits):
        api = Api(self.path)
        for body in self.bodies:
            api.ask("POST", "/services/create", body)
        if waits:
            wait(api, len(self.bodies))

    def measure(self, ways, size, waits, runs):
        """The times of each way; the runs of the ways alternate."""
        self.has_class(size)
        times = {name: [] for name in ways}
        for _ in range(runs):
            for name in ways:
                self.clear()
                begun = time.monotonic()
                WAYS[name](self, waits)
                times[name].append(time.monotonic() - begun)
                print(f"{name}, {size}: {times[name][-1]:.2f} s", file=sys.stderr)
        self.clear()
        return times

    def measure_plan(self, size, runs):
        self.has_class(size)
        self.clear()
        self.by_apply(False)
        times = []
        for _ in range(runs):
            begun = time.monotonic()
            self.swarmgen("plan", "--resolve-image", "never")
            times.append(time.monotonic() - begun)
        self.clear()
        return times


WAYS = {
    "`swarmgen apply`": Bench.by_apply,
    "`docker stack deploy`": Bench.by_stack,
    "docker-py, one after another": Bench.by_docker_py,
    "raw API, one after another": Bench.by_raw_api,
}


def table(times):
    print("| way | median | least | greatest | runs | of the raw API's |\n|---|---|---|---|---|---|")
    raw = statistics.median(times["raw API, one after another"])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        cells = [name, f"{median:.2f} s", f"{min(seconds):.2f} s", f"{max(seconds):.2f} s", len(seconds), f"{median / raw:.2f}"]
        print("| " + " | ".join(map(str, cells)) + " |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swarmgen", type=Path, default=ROOT / "target/release/swarmgen")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--created", type=int, default=200, help="how many services are created without waiting")
    parser.add_argument("--few", type=int, default=20, help="how many are waited for in each of the four ways")
    parser.add_argument("--many", type=int, default=100, help="how many are waited for in the two fast ways")
    parser.add_argument("--planned", type=int, default=1000)
    args = parser.parse_args()
    bench = Bench(args)
    if bench.api.ask("GET", "/services") or bench.api.ask("GET", "/containers/json"):
        raise SystemExit("this engine is in use: it takes one of its own")
    version = bench.api.ask("GET", "/version")["Version"]
    load = os.getloadavg()[0]
    bench.drain(True)
    created = bench.measure(list(WAYS), args.created, False, args.runs)
    planned = bench.measure_plan(args.planned, args.runs)
    bench.drain(False)
    few = bench.measure(list(WAYS), args.few, True, 1)
    fast = [name for name in WAYS if name not in ("`docker stack deploy`", "docker-py, one after another")]
    many = bench.measure(fast, args.many, True, 1)

    print("# Performance on a live swarm\n")
    print("Written by `benches/live.py`: whole processes against one engine; the ways' runs alternate.\n")
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"- {datetime.date.today()}; {machine}; load {load:.1f} at the start")
    print(f"- Engine {version}, one node; every service is a small stand-in without a network\n")
    print(f"## {args.created} created, nothing waited for\n")
    print("The node is drained, so that no container's start is in the times.\n")
    table(created)
    print(f"## {args.few} until all have run for {STABLE:.0f} s\n")
    print("`docker stack deploy --detach=false` waits for one service after another.\n")
    table(few)
    print(f"## {args.many} until all have run for {STABLE:.0f} s\n")
    table(many)
    print(f"## A plan of {args.planned:,} services in which nothing is to do\n")
    median, least, greatest = statistics.median(planned), min(planned), max(planned)
    print(f"{median:.2f} s, the median of {len(planned)} runs ({least:.2f} to {greatest:.2f} s); the node is drained.")


if __name__ == "__main__":
    main()
