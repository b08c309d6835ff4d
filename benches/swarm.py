#!/usr/bin/env python3
"""Compares `swarmgen apply` with the Engine API alone, docker-py and `docker stack deploy`, on one engine, in one run.

    cargo build --release
    scripts/setup && . scripts/tools && pip install docker
    benches/swarm.py > docs/performance-swarm.md

An engine of one node is started for it (scripts/engine) and ended afterwards; root on Debian. Every client makes the same
services, which swarmgen renders. Apply and `docker stack deploy --detach=false` wait by themselves until all run; for the
other two the list of tasks is read once a second until all have been seen to run for two seconds. Apply reads it no more
often, but counts from when each task itself says that it runs. The clients take turns, and everything is removed between
them.
"""

import argparse
import concurrent.futures
import contextlib
import datetime
import functools
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
SWARMGEN = ROOT / "target/release/swarmgen"
DEPLOYMENT = "bench"
STABLE = 2.0
AT_ONCE = 16

CONFIG = """version = 1
deployment = "bench"
service_prefix = "bench"
users_file = "users.txt"
container_spec.image = "stand-in/notebook:serves"
container_spec.env = {{ COURSE = "{course}" }}
container_spec.stop_grace_period = "1s"
endpoint_spec.mode = "dnsrr"
lints = {{ open-notebook = "allow", no-network = "allow", no-node = "allow" }}
{placement}
"""


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("engine")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Engine:
    """The Engine API without a client."""

    def __init__(self, host):
        self.host = host
        self.path = host.removeprefix("unix://")

    def ask(self, method, target, body=None, connection=None):
        own = connection or Connection(self.path)
        text = None if body is None else json.dumps(body)
        own.request(method, f"/v1.41{target}", text, {"Content-Type": "application/json"})
        answer = own.getresponse()
        content = answer.read()
        if connection is None:
            own.close()
        if answer.status >= 300 and method != "DELETE":
            raise RuntimeError(f"{method} {target}: {answer.status} {content[:200]!r}")
        return json.loads(content) if content and answer.status < 300 and method != "DELETE" else None

    def services(self):
        return self.ask("GET", "/services")

    def tasks(self):
        filters = urllib.parse.quote(json.dumps({"desired-state": ["running"]}))
        return self.ask("GET", f"/tasks?filters={filters}")

    def run_for(self, count, seconds):
        """Waits until so many tasks have run for so long, looking once a second."""
        since = {}
        while True:
            begun = time.monotonic()
            running = {task["ID"] for task in self.tasks() if task["Status"]["State"] == "running"}
            now = time.monotonic()
            since = {task: since.get(task, now) for task in running}
            if len(running) >= count and all(now - first >= seconds for first in since.values()):
                return
            time.sleep(max(0.0, 1.0 - (time.monotonic() - begun)))

    def clear(self):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda one: self.ask("DELETE", f"/services/{one['ID']}"), self.services()))
        while self.services() or self.ask("GET", "/containers/json?all=true"):
            time.sleep(0.2)
        while self.ask("GET", "/tasks"):
            time.sleep(0.2)


def raw(engine, specs, wait):
    """As fast as the API allows: as many requests at once as apply makes."""

    def some(part):
        connection = Connection(engine.path)
        for spec in part:
            engine.ask("POST", "/services/create", spec, connection)
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(some, [specs[at::AT_ONCE] for at in range(AT_ONCE)]))
    if wait:
        engine.run_for(len(specs), STABLE)


def docker_py(engine, specs, wait):
    """A loop of docker-py's low-level client, as SwarmSpawner calls it."""
    import docker

    client = docker.APIClient(base_url=engine.host, version="1.41")
    for spec in specs:
        task = dict(spec["TaskTemplate"])
        client.create_service(
            task, name=spec["Name"], labels=spec["Labels"], mode=spec["Mode"], endpoint_spec=spec["EndpointSpec"]
        )
    client.close()
    if wait:
        engine.run_for(len(specs), STABLE)


def command(engine, arguments, folder):
    environment = os.environ | {"DOCKER_HOST": engine.host}
    environment.pop("DOCKER_CONTEXT", None)
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{arguments}: {done.returncode}\n{done.stdout[-400:]}{done.stderr[-2000:]}")
    return done.stdout


def apply(engine, folder, wait):
    detach = [] if wait else ["--detach"]
    command(engine, [SWARMGEN, "apply", "--resolve-image", "never", "--timeout", "30m", *detach], folder)


def stack(engine, folder, wait):
    how = f"--detach={'false' if wait else 'true'}"
    command(engine, ["docker", "stack", "deploy", how, "--resolve-image", "never", "-c", "stack.yml", "bench"], folder)


def seconds(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def write(folder, count, drained, course="a"):
    placement = 'placement.constraints = ["node.labels.bench==none"]' if drained else ""
    Path(folder, "users.txt").write_text("".join(f"user{number:04}\n" for number in range(count)))
    Path(folder, "swarmgen.toml").write_text(CONFIG.format(course=course, placement=placement))


@contextlib.contextmanager
def started():
    """An engine of its own, with the stand-in."""
    script = [ROOT / "scripts/engine", "--dir", ROOT / "target/bench"]
    subprocess.run([*script, "start", "--while", str(os.getpid())], check=True, stdout=sys.stderr)
    try:
        path = ROOT / "target/bench/1/docker.sock"
        subprocess.run([ROOT / "tests/live/images/load", path], check=True, stdout=sys.stderr)
        yield Engine(f"unix://{path}")
    finally:
        subprocess.run([*script, "stop"], check=True, stdout=sys.stderr)


def compare(engine, count, rounds, wait, of_stack):
    """Rows of client, median, least and greatest; the stack may have fewer services, as it takes so long."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as few:
        write(folder, count, not wait)
        lines = command(engine, [SWARMGEN, "render", "--all", "--format", "service"], folder).splitlines()
        specs = [json.loads(line) for line in lines]
        write(few, of_stack, not wait)
        command(engine, [SWARMGEN, "render", "--all", "--stack", "bench", "-o", "stack.yml"], few)
        clients = {
            "the API alone": (count, lambda: raw(engine, specs, wait)),
            "`swarmgen apply`": (count, lambda: apply(engine, folder, wait)),
            "docker-py": (count, lambda: docker_py(engine, specs, wait)),
            "`docker stack deploy`": (of_stack, lambda: stack(engine, few, wait)),
        }
        taken = {client: [] for client in clients}
        for turn in range(rounds):
            for client, (_, work) in clients.items():
                if "stack" in client and turn > 0 and wait:
                    continue
                engine.clear()
                taken[client].append(seconds(work))
                print(f"{client}: {taken[client][-1]:.2f} s", file=sys.stderr)
        engine.clear()
    floor = statistics.median(taken["the API alone"])
    print("| client | services | median | least | greatest | to the API alone |")
    print("|---|---|---|---|---|---|")
    for client, (services, _) in clients.items():
        times = taken[client]
        middle = statistics.median(times)
        ratio = f"{middle / floor:.2f}" if services == count else "-"
        print(f"| {client} | {services} | {middle:.2f} s | {min(times):.2f} s | {max(times):.2f} s | {ratio} |")


def plans(engine, counts, rounds):
    print("| services | median | least | greatest |")
    print("|---|---|---|---|")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            engine.clear()
            write(folder, count, True)
            apply(engine, folder, False)
            plan = [SWARMGEN, "plan", "--resolve-image", "never"]
            shown = command(engine, plan, folder)
            if f"0 to create, 0 to change, 0 to remove, {count} unchanged" not in shown:
                raise RuntimeError(f"the plan is not empty:\n{shown[-1000:]}")
            times = [seconds(functools.partial(command, engine, plan, folder)) for _ in range(rounds)]
        row = [statistics.median(times), min(times), max(times)]
        print(f"| {count:,} | " + " | ".join(f"{value * 1e3:.0f} ms" for value in row) + " |")
    engine.clear()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--running", type=int, default=100, help="services that are waited for (default: 100)")
    parser.add_argument("--created", type=int, default=200, help="services that are only created (default: 200)")
    parser.add_argument("--stack", type=int, default=100, help="those of them that docker stack deploy waits for (default: 100)")
    parser.add_argument("--plans", type=int, nargs="+", default=[100, 1000], help="services of empty plans")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    with started() as engine:
        version = engine.ask("GET", "/version")["Version"]
        docker = subprocess.run(["docker", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        print("# Performance on a swarm\n")
        print("Written by `benches/swarm.py`, which tells what is measured and how. Each is a whole process, but for the API")
        print("alone and docker-py, which are loops of one.\n")
        system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory"
        print(f"- {datetime.date.today()}; {system}; load {load:.1f} at the start")
        print(f"- an engine of one node, {version}; {docker}\n")
        print("## Until all run\n")
        print("Services of one task each, until all have run for 2 seconds. All but the stack look at the tasks once a second at")
        print("most; apply counts from when a task says that it runs, the loops from when they see it. `docker stack deploy")
        print("--detach=false` waits for one service after the other, which takes minutes, so it has one turn; the others have")
        print(f"{options.rounds}.\n")
        compare(engine, options.running, options.rounds, True, options.stack)
        print("\n## Only created\n")
        print("With `--detach`; no node takes the tasks. `docker stack deploy` asks no registry (`--resolve-image never`).\n")
        compare(engine, options.created, options.rounds, False, options.created)
        print("\n## An empty plan\n")
        print("`swarmgen plan` where nothing is to be done.\n")
        plans(engine, options.plans, options.rounds * 3)


if __name__ == "__main__":
    main()
