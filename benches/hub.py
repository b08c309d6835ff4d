#!/usr/bin/env python3
"""Compares swarmgen's spawner with jhub-swarmspawner 0.6.3 and with servers that no hub starts, on one engine, in one run.

    scripts/setup && . scripts/tools
    target/hub/venv6/bin/python benches/hub.py > docs/performance-hub.md

A hub of the newest version and its servers run on an engine of one node that is started for it (scripts/engine) and ended
afterwards; root on Debian. Everybody starts the same image with the same command. The spawners take turns; each gets a new hub
for each round, and servers of users that are new to it. Bare servers are the same services made by the Engine's API, which
the hub knows nothing of: they are ready when they answer HTTP. Those of the hub are ready when the progress of their start
says so, as the page does on which a user waits. Meanwhile an idle hub is asked, as it is during the spawns: what the
processor's share costs it is nobody's fault. What a hub's loop did when it was held up is told by benches/hub_loop.py. The
requests that reach the engine are counted by a proxy before its socket, which also slows them down.
"""

from __future__ import annotations

import argparse
import datetime
import http.client
import json
import multiprocessing
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "hub"))

import deployment as place  # noqa: E402
import images  # noqa: E402
from client import until  # noqa: E402
from deployment import PORT, SITE, Deployment, Engine  # noqa: E402

PEER = "jhub-swarmspawner==0.6.3"
VERSION = images.NEWEST
ASKED = "/hub/api/info"
# An answer that takes so many seconds is noticed.
STALL = 0.25
LOOP = Path(__file__).with_name("hub_loop.py").read_text()

OURS = """
version = 1
deployment = "test"
jupyterhub_service_name = "jupyterhub"
networks = ["jupyterhub"]
start_timeout = "7m"
http_timeout = "6m"

[container_spec]
image = "IMAGE"
args = ["jupyterhub-singleuser"]
user = "1000:1000"
init = true

[endpoint_spec]
mode = "dnsrr"

[restart_policy]
condition = "none"
"""

# JupyterHub 6 holds a name that is not known yet for unknown for long, unless it is told not to.
THEIRS = """
c.JupyterHub.spawner_class = "jhub.SwarmSpawner"
c.SwarmSpawner.jupyterhub_service_name = "jupyterhub"
c.SwarmSpawner.networks = ["jupyterhub"]
c.SwarmSpawner.container_spec = {{
    "args": ["jupyterhub-singleuser"], "user": "1000:1000", "env": {{}}, "init": True,
}}
c.SwarmSpawner.images = [{{"name": "Plain", "image": "{image}", "endpoint_spec": {{"mode": "dnsrr"}}}}]
c.SwarmSpawner.start_timeout = 420
c.SwarmSpawner.http_timeout = 360
c.SwarmSpawner.ip = "0.0.0.0"
c.SwarmSpawner.port = 8888
import aiohttp.connector
aiohttp.connector.DefaultResolver = aiohttp.ThreadedResolver
c.JupyterHubHTTPClient.connector_options = {{"use_dns_cache": False}}
"""

QUIET = "c.JupyterHub.log_level = 'INFO'\n"


def install() -> None:
    """The release's program and module, and the peer, where the hub finds both."""
    place.install("release")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(SITE)]
    known = ["PyYAML", "requests", "six", "ruamel.yaml"]
    subprocess.run([*command, "--no-deps", PEER, "jhub-authenticators"], check=True)
    subprocess.run([*command, "docker", "flatten_dict", "async_generator", *known], check=True)


class Asker:
    """Asks the hub's API again and again, from a process of its own, and takes the times."""

    def __init__(self, token: str) -> None:
        self.ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=self._ask, args=(theirs, token), daemon=True)
        self.process.start()

    @staticmethod
    def _ask(pipe, token: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
        times = []
        while not pipe.poll(0.02):
            begun = time.perf_counter()
            answer = None
            while answer is None:
                try:
                    connection.request("GET", ASKED, headers={"Authorization": f"token {token}"})
                    answer = connection.getresponse()
                except (http.client.RemoteDisconnected, ConnectionResetError):
                    # The proxy ends connections that were idle for five seconds: this process may have got no time.
                    connection.close()
            answer.read()
            assert answer.status == 200, answer.status
            times.append(time.perf_counter() - begun)
        pipe.send(times)

    def stop(self) -> list[float]:
        self.ours.send(None)
        times = self.ours.recv()
        self.process.join()
        return times


@dataclass
class Used:
    """Seconds of processor time."""

    hub: float = 0.0
    # The programs that the hub ran and that have ended.
    programs: float = 0.0
    engine: float = 0.0

    @staticmethod
    def so_far(deployed: Deployment) -> Used:
        """What was used since each of them began."""
        own, programs = times(process("jupyterhub -f /etc/jupyterhub/"))
        return Used(own, programs, times(process(f"dockerd .*{deployed.engine.folder}/1/"))[0])

    def since(self, before: Used) -> Used:
        return Used(self.hub - before.hub, self.programs - before.programs, self.engine - before.engine)

    def each(self, count: int) -> str:
        return f"{self.hub / count:.2f} / {self.programs / count:.2f} / {self.engine / count:.2f} s"


def process(pattern: str) -> str:
    """The id of the hub's or an engine's process that has such a command, and not of one that only started it."""
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=True).stdout.split()
    return next(one for one in found if Path(f"/proc/{one}/comm").read_text().startswith(("jupyterhub", "python", "dockerd")))


def times(process: str) -> tuple[float, float]:
    """Seconds of processor time of a process, and of its children that have ended."""
    values = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(values[11]) + int(values[12])) / ticks, (int(values[13]) + int(values[14])) / ticks


@dataclass
class Pass:
    """A pass of the hub's loop that took long: seconds for which it ran, had no processor, and waited for something else."""

    ran: float
    queued: float
    waited: float

    @staticmethod
    def since(deployed: Deployment, begun: float) -> list[Pass]:
        lines = (line.partition("LOOP ")[2].split() for line in deployed.log().splitlines() if "LOOP " in line)
        return [Pass(*(float(one) for one in parts)) for when, *parts in lines if float(when) > begun]

    def total(self) -> float:
        return self.ran + self.queued + self.waited

    def __str__(self) -> str:
        return f"{self.total():.2f} s = {self.ran:.2f} + {self.queued:.2f} + {self.waited:.2f}"


@dataclass
class Run:
    """What so many starts at once took."""

    seconds: float
    latencies: list[float]
    requests: float = 0.0
    lists: float = 0.0
    stops: float = 0.0
    failed: int = 0
    used: Used = field(default_factory=Used)
    passes: list[Pass] = field(default_factory=list)


@dataclass
class Runs:
    """The same, several times."""

    all: list[Run] = field(default_factory=list)

    def seconds(self) -> str:
        taken = sorted(run.seconds for run in self.all)
        failed = sum(run.failed for run in self.all)
        told = f"; {failed} did not start" if failed else ""
        return f"{statistics.median(taken):.2f} s ({taken[0]:.2f}-{taken[-1]:.2f}){told}"

    def every(self) -> list[float]:
        return sorted(one for run in self.all for one in run.latencies)

    def p95(self) -> float:
        every = self.every()
        return every[int(len(every) * 0.95)]

    def latency(self) -> str:
        every = self.every()
        late = len([one for one in every if one > STALL])
        return f"{statistics.median(every) * 1e3:.1f} / {self.p95() * 1e3:.0f} / {every[-1] * 1e3:.0f} ms; {late} of {len(every)}"

    def held_up(self) -> str:
        every = sorted((one for run in self.all for one in run.passes), key=Pass.total)
        return f"{len(every)}; {every[-1]}" if every else "0"

    def mean(self, of: Callable[[Run], float]) -> str:
        return f"{statistics.mean(of(run) for run in self.all):.1f}"

    def used(self, count: int) -> str:
        every = [run.used for run in self.all]
        mean = (statistics.mean(one.hub for one in every), statistics.mean(one.programs for one in every))
        return Used(*mean, statistics.mean(one.engine for one in every)).each(count)

    def middle(self) -> float:
        return statistics.median(run.seconds for run in self.all)


class Contender:
    """A hub with one of the spawners."""

    def __init__(self, deployed: Deployment, turn: int) -> None:
        self.deployed, self.hub, self.turn = deployed, deployed.hub, turn

    def spawn(self, count: int, delay: float) -> Run:
        names = [f"user-{self.turn}-{count}-{int(delay * 1000)}-{number}" for number in range(count)]
        for name in names:
            self.hub.add_user(name)
        proxy = self.deployed.proxy
        proxy.delay = delay
        proxy.requests.clear()
        before = Used.so_far(self.deployed)
        asker = Asker(self.hub.token)
        begun, now = time.perf_counter(), time.time()
        with ThreadPoolExecutor(count) as pool:
            failed = [name for name, started in zip(names, pool.map(self._start, names), strict=True) if not started]
        taken = time.perf_counter() - begun
        latencies = asker.stop()
        used = Used.so_far(self.deployed).since(before)
        passes = Pass.since(self.deployed, now)
        requests = proxy.requests.copy()
        lists = requests.pop("GET /tasks", 0)
        proxy.requests.clear()
        if failed:
            print(f"{len(failed)} of {count} did not start:\n{self.deployed.log()[-20000:]}", file=sys.stderr)
        started = [name for name in names if name not in failed]
        stops = [threading.Thread(target=self.hub.stop, args=(name,), kwargs={"seconds": 180}) for name in started]
        for thread in stops:
            thread.start()
        for thread in stops:
            thread.join()
        stopped = proxy.requests.total()
        proxy.delay = 0.0
        docker = self.deployed.engine.docker
        until(lambda: len(docker("ps", "--quiet").split()) == 2, 120, "the containers are gone")
        stopped /= max(1, len(started))
        return Run(taken, latencies, requests.total() / count, lists / taken, stopped, len(failed), used, passes)

    def _start(self, name: str) -> bool:
        """Starts a server and waits for it as the page that a user sees does; tells whether it came."""
        answer = self.hub.request_start(name)
        if answer.status != 202:
            return answer.status == 201
        outcome = self.hub.outcome(name, seconds=480)
        # Where nothing starts any more, there is no event.
        return isinstance(outcome, dict) and bool(outcome.get("ready"))


def bare(deployed: Deployment, count: int) -> Run:
    """So many servers, without the hub having any part in it."""
    docker = deployed.engine.docker
    before = Used.so_far(deployed)
    asker = Asker(deployed.token)
    begun, now = time.perf_counter(), time.time()

    def create(name: str) -> None:
        variables = {
            "JUPYTERHUB_USER": name,
            "JUPYTERHUB_CLIENT_ID": f"jupyterhub-user-{name}",
            "JUPYTERHUB_API_URL": "http://jupyterhub:8081/hub/api",
            "JUPYTERHUB_API_TOKEN": deployed.token,
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_SERVICE_PREFIX": f"/user/{name}/",
            "JUPYTERHUB_SERVICE_URL": f"http://0.0.0.0:8888/user/{name}/",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": f"/user/{name}/oauth_callback",
        }
        container = {
            "Image": deployed.image,
            "Args": ["jupyterhub-singleuser"],
            "User": "1000:1000",
            "Init": True,
            "Env": [f"{key}={value}" for key, value in variables.items()],
        }
        task = {"ContainerSpec": container, "RestartPolicy": {"Condition": "none"}, "Networks": [{"Target": "jupyterhub"}]}
        spec = {"Name": name, "TaskTemplate": task, "EndpointSpec": {"Mode": "dnsrr"}}
        ask(deployed.engine, "POST", "/services/create", spec)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(create, (f"bare{number}" for number in range(count))))
    missing = {f"bare{number}" for number in range(count)}
    addresses: dict[str, str] = {}
    while missing:
        assert time.perf_counter() - begun < 300, f"the bare servers do not come: {docker('service', 'logs', min(missing))}"
        if len(addresses) < count:
            addresses |= gateways(deployed)
        missing -= {name for name in missing if name in addresses and answers(addresses[name], name)}
        time.sleep(0.1 if count == 1 else 0.5)
    taken = time.perf_counter() - begun
    latencies = asker.stop()
    used = Used.so_far(deployed).since(before)
    passes = Pass.since(deployed, now)
    for number in range(count):
        docker("service", "rm", f"bare{number}")
    until(lambda: len(docker("ps", "--quiet").split()) == 2, 120, "the containers are gone")
    return Run(taken, latencies, used=used, passes=passes)


class Local(http.client.HTTPConnection):
    """A connection to an engine's socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def ask(engine: Engine, method: str, path: str, body: Any = None) -> Any:
    """Asks an engine's API."""
    connection = Local(engine.folder / "1" / "docker.sock")
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, "/v1.41" + path, content, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 201), text
        return json.loads(text)
    finally:
        connection.close()


def gateways(deployed: Deployment) -> dict[str, str]:
    """The addresses at which this machine reaches the bare servers' containers."""
    shown = ask(deployed.engine, "GET", "/networks/docker_gwbridge")["Containers"]
    listed = ask(deployed.engine, "GET", "/containers/json?filters=" + quote(json.dumps({"name": ["bare"]})))
    names = {one["Id"]: one["Names"][0].strip("/") for one in listed}
    found = {}
    for endpoint, one in shown.items():
        container = next((key for key in names if key.startswith(endpoint) or one["Name"].endswith(key[:12])), None)
        if container:
            found[names[container].split(".")[0]] = one["IPv4Address"].split("/")[0]
    return found


def answers(address: str, name: str) -> bool:
    connection = http.client.HTTPConnection(address, 8888, timeout=5)
    try:
        connection.request("GET", f"/user/{name}/api")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def deployed(engine: Engine, more: str, label: str):
    """A new hub, gone afterwards with all that it had."""
    with tempfile.TemporaryDirectory() as folder:
        found = Deployment(engine, VERSION, Path(folder), OURS, QUIET + more + LOOP)
        # Its proxy, culler and database have come to rest.
        time.sleep(5)
        print(f"{label}: a hub is there", file=sys.stderr)
        try:
            yield found
        finally:
            docker = engine.docker
            for service in docker("service", "ls", "--format", "{{.Name}}").split():
                if not service.startswith(place.STACK + "_"):
                    docker("service", "rm", service, check=False)
            found.close()


def rows(title: str, names: list[str], cells: list[list[str]]) -> None:
    print(f"\n| {title} | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for row in cells:
        print("| " + " | ".join(row) + " |")


def aims(spawned: dict[tuple[str, int, float], Runs], floors: dict[int, Runs]) -> None:
    """What was aimed at with ten at once, and whether this run comes to it."""
    print("\n## Aims, at ten at once\n")
    floor = floors.get(10)
    for label, delay in [("", 0.0), (", 100 ms added to each request to the engine", 0.1)]:
        ours = spawned.get(("swarmgen", 10, delay))
        if not ours or not floor:
            continue
        if not delay:
            ratio = ours.middle() / floor.middle()
            print(f"- all ready within 1.15 times the bare servers' time: {ratio:.2f} times, {met(ratio <= 1.15)}")
        ratio = ours.p95() / floor.p95()
        print(f"- 95 of 100 answers of the hub within twice the bare servers'{label}: {ratio:.1f} times, {met(ratio <= 2)}")
        longest, bare = ours.every()[-1], floor.every()[-1]
        told = f"{longest * 1e3:.0f} ms beside the bare servers' {bare * 1e3:.0f} ms"
        result = met(longest <= STALL) + (", as by the bare servers" if longest > STALL and bare > STALL else "")
        print(f"- no answer over {STALL * 1e3:.0f} ms{label}: the greatest is {told}, {result}")
    print("\nBeside bare servers the hub starts nothing and answers this question alone: how long its answers take then is what")
    print("servers that start on the same cores cost whoever needs these, too. What of the greatest is the hub's own stands")
    print('under "What held up the hub\'s loop".')


def met(truth: bool) -> str:
    return "met" if truth else "missed"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 10, 30], help="servers at once")
    parser.add_argument("--slow", type=int, nargs="*", default=[1, 10, 30], help="the same with the slow engine")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    install()
    images.build(VERSION)
    engine = Engine(ROOT / "target" / "b")
    image = f"{images.REPOSITORY}:{VERSION}"
    contenders = {"swarmgen": "", "jhub-swarmspawner 0.6.3": THEIRS.format(image=image)}
    spawned: dict[tuple[str, int, float], Runs] = {}
    floors: dict[int, Runs] = {}
    kinds = [(count, 0.0) for count in options.counts] + [(count, 0.1) for count in options.slow]
    try:
        engine.enter()
        for turn in range(options.rounds):
            for contender, more in contenders.items():
                with deployed(engine, more, contender) as hub:
                    if contender == "swarmgen":
                        for count in options.counts:
                            run = bare(hub, count)
                            print(f"bare, {count}: {run.seconds:.2f} s", file=sys.stderr)
                            floors.setdefault(count, Runs()).all.append(run)
                    for count, delay in kinds:
                        run = Contender(hub, turn).spawn(count, delay)
                        print(f"{contender}, {count}, +{delay} s: {run.seconds:.2f} s", file=sys.stderr)
                        spawned.setdefault((contender, count, delay), Runs()).all.append(run)
        system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
        docker = engine.docker("version", "--format", "{{.Server.Version}}").strip()
    finally:
        engine.stop()

    def meanwhile(shown: Callable[[Runs], str]) -> list[list[str]]:
        """A row for each number of servers at once, then each with the slow engine, which no bare servers have."""
        usual = [[str(count), shown(floors[count]), *of(count, 0.0, shown)] for count in options.counts]
        return usual + [[f"{count}, slow engine", "", *of(count, 0.1, shown)] for count in options.slow]

    def of(count: int, delay: float, shown: Callable[[Runs], str]) -> list[str]:
        return [shown(spawned[name, count, delay]) for name in contenders]

    print("# Performance under JupyterHub\n")
    print("Written by `benches/hub.py`, which tells what is measured and how. Times are medians (least-greatest).\n")
    print(f"- {datetime.date.today()}; {system}; load {load:.1f} at the start; rounds: {options.rounds}")
    print(f"- JupyterHub {VERSION}, an engine of one node, {docker}")
    names = ["bare servers", *contenders]
    aims(spawned, floors)
    print("\n## From the request until all are ready")
    cells = []
    for count in options.counts:
        ours = [spawned[name, count, 0.0] for name in contenders]
        floor = floors[count]
        shown = [f"{runs.seconds()}, {runs.middle() / floor.middle():.2f} times" for runs in ours]
        cells.append([str(count), floor.seconds(), *shown])
    for count in options.slow:
        label = f"{count}, 100 ms added to each request to the engine"
        cells.append([label, "", *(spawned[name, count, 0.1].seconds() for name in contenders)])
    rows("servers at once", names, cells)
    print("\n## The hub's API meanwhile")
    print(f"\n`GET {ASKED}` through the proxy, 20 ms after the last answer: median / 95 of 100 / greatest; how many took over")
    print(f"{STALL * 1e3:.0f} ms.")
    rows("servers at once", names, meanwhile(Runs.latency))
    print("\n## What held up the hub's loop\n")
    print(f"How many passes of its loop took over {STALL * 1e3:.0f} ms; of the longest one, for how long the loop ran + had no")
    print(
        "processor + waited for something else (its database's disk, for example). JupyterHub answers a request for a start after"
    )
    print(
        "10 s (`slow_spawn_timeout`), those of one moment in one pass, and then all of these users ask for the progress of their"
    )
    print("start at once: that is the longest pass of thirty.")
    rows("servers at once", names, meanwhile(Runs.held_up))
    print("\n## Processor time")
    print(
        "\nPer server, until all were ready: the hub's process / the programs that it ran / the engine's. Beside bare servers the"
    )
    print("hub only answers the question above. What of the time from request to readiness lies above the floor is the hub's own")
    print("work for a start, which shares two cores with all servers that start.")
    cells = [
        [str(count), floors[count].used(count), *(spawned[name, count, 0.0].used(count) for name in contenders)]
        for count in options.counts
    ]
    rows("servers at once", names, cells)
    print("\n## Requests to the engine")
    print("\nTask lists are asked for once a second by each start that is under way. Of a stop's requests two are the hub's: it")
    print("asks twice whether the server runs before it stops it.")
    cells = []
    for count, delay in kinds:
        label = f"{count}, slow engine" if delay else str(count)
        every = [spawned[name, count, delay] for name in contenders]
        cells.append([f"{label}: per start, without task lists", *(runs.mean(lambda run: run.requests) for runs in every)])
        cells.append([f"{label}: task lists per second", *(runs.mean(lambda run: run.lists) for runs in every)])
        cells.append([f"{label}: per stop", *(runs.mean(lambda run: run.stops) for runs in every)])
    rows("servers at once", list(contenders), cells)


if __name__ == "__main__":
    main()
