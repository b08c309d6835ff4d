#!/usr/bin/env python3
"""Compares swarmgen with a Jinja2 text template and with PyYAML, all writing the same stack, in one run.

    cargo build --release
    benches/compare.py > docs/performance.md

Each measurement is a whole process: wall-clock time, and peak resident memory as the kernel counts it for the child.
The runs of the programs alternate, so that a slow moment of the machine hits all alike. Before anything is measured the
three outputs for 1,000 users are read back with PyYAML and compared. Needs Python 3.9, Jinja2 and PyYAML; not a fast
disk: outputs go to --directory, by default a temporary folder.
"""

import argparse
import csv
import datetime
import hashlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
IMAGE = "quay.io/jupyter/minimal-notebook:2024-05-27"
PROGRAMS = ["swarmgen", "Jinja2", "PyYAML"]


def write_users(path, count):
    """Every user has a password of their own, some with what needs quotes or doubling."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "password"])
        for number in range(count):
            name = f"user{number:06}"
            writer.writerow([name, hashlib.sha256(f"{name}'s".encode()).hexdigest()[:20] + ("$" if number % 7 == 0 else "")])


def read_users(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [
            {
                "name": row["name"],
                "password": row["password"],
                "owner": hashlib.sha256(row["name"].encode()).hexdigest()[:32],
            }
            for row in csv.DictReader(file)
        ]


def write_by_jinja2(users, out):
    import jinja2

    # As most would write it: one call that makes the whole text, and writes it.
    template = jinja2.Environment(keep_trailing_newline=True).from_string((HERE / "stack.j2").read_text())
    Path(out).write_text(template.render(users=read_users(users), image=IMAGE), encoding="utf-8")


def service(user):
    return {
        "image": IMAGE,
        "command": ["/usr/local/bin/start-singleuser.sh"],
        "environment": {
            "JUPYTERHUB_ROOT_DIR": "/home/jovyan/work",
            "JUPYTER_ENABLE_LAB": "1",
            "WHO": user["name"],
        },
        "labels": {"image_name": "Minimal"},
        "volumes": [
            {"type": "volume", "source": f"jupyterhub-user-{user['owner']}", "target": "/home/jovyan/work"},
            {"type": "volume", "source": f"sshfs-{user['owner']}", "target": "/home/jovyan/remote"},
        ],
        "networks": {"jupyterhub_default": {}},
        "deploy": {
            "mode": "replicated",
            "replicas": 1,
            "endpoint_mode": "dnsrr",
            "labels": {"swarmgen.deployment": "jupyter", "swarmgen.server": "", "swarmgen.user": user["name"]},
            "resources": {
                "limits": {"cpus": "1.5", "memory": "536870912"},
                "reservations": {"cpus": "0.25", "memory": "268435456"},
            },
            "placement": {"constraints": ["node.labels.jupyter==true"]},
        },
    }


def volumes(user):
    owner = user["owner"]
    return {
        f"jupyterhub-user-{owner}": {"name": f"jupyterhub-user-{owner}", "labels": {"autoremove": "False"}},
        f"sshfs-{owner}": {
            "name": f"sshfs-{owner}",
            "driver": "ucphhpc/sshfs:latest",
            "driver_opts": {
                "password": user["password"].replace("$", "$$"),
                "port": "2222",
                "sshcmd": f"{user['name']}@storage.example.org:/home/{user['name']}",
            },
        },
    }


def write_by_pyyaml(users, out):
    import yaml

    users = read_users(users)
    stack = {
        "version": "3.13",
        "services": {f"jupyter-{user['owner']}-1": service(user) for user in users},
        "volumes": {name: volume for user in users for name, volume in volumes(user).items()},
        "networks": {"jupyterhub_default": {"external": True, "name": "jupyterhub_default"}},
    }
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    with open(out, "w", encoding="utf-8") as file:
        yaml.dump(stack, file, Dumper=dumper, sort_keys=False, allow_unicode=True)


# A process's peak counts what it has of its parent before it becomes another program, so a parent as small as Python can
# be starts the one that is measured.
STARTER = """
import posix, sys, time
null = posix.open("/dev/null", posix.O_WRONLY)
start = time.perf_counter()
pid = posix.posix_spawn(sys.argv[1], sys.argv[1:], posix.environ, file_actions=[(posix.POSIX_SPAWN_DUP2, null, 1)])
_, status, usage = posix.wait4(pid, 0)
seconds = time.perf_counter() - start
import resource
print(seconds, usage.ru_maxrss, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, status)
"""
MEBIBYTE = 1 << 20 if sys.platform == "darwin" else 1 << 10


def measure(command):
    """Runs a command; returns its wall-clock time in seconds, its peak memory and the least that can be told, in MiB."""
    words = [sys.executable, "-I", "-S", "-c", STARTER, *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    seconds, peak, floor, status = done.stdout.split()
    if status != "0":
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    return float(seconds), int(peak) / MEBIBYTE, int(floor) / MEBIBYTE


def shown_memory(peaks, floors):
    most, floor = max(peaks), max(floors)
    return f"under {floor:.0f} MiB" if most <= floor else f"{most:.0f} MiB"


def command(program, binary, users, out):
    if program == "swarmgen":
        config = HERE / "swarmgen.toml"
        return [binary, "render", "-c", config, "--users-file", users, "--all", "-o", out]
    return [sys.executable, __file__, f"--write={program}", users, out]


def verify(*paths):
    """Ends the run unless the stacks in the files of the three programs are the same."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    stacks = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            stacks.append(yaml.load(file, Loader=loader))
    for program, stack in zip(PROGRAMS[1:], stacks[1:]):
        if stack != stacks[0]:
            sys.exit(f"{program} does not write the stack that swarmgen writes")
    if len(stacks[0]["services"]) != 1000 or len(stacks[0]["volumes"]) != 2000:
        sys.exit("the stack is not whole")
    # What only this process needs to load.
    import jinja2

    libyaml = "with" if yaml.__with_libyaml__ else "without"
    print(f"Python {platform.python_version()}, Jinja2 {jinja2.__version__}, PyYAML {yaml.__version__} ({libyaml} libyaml)")


def verified(binary, directory):
    """Compares the outputs for 1,000 users; returns the versions of what was compared with."""
    users = directory / "verify.csv"
    write_users(users, 1000)
    outputs = [directory / f"verify-{program}.yml" for program in PROGRAMS]
    for program, out in zip(PROGRAMS, outputs):
        measure(command(program, binary, users, out))
    done = subprocess.run([sys.executable, __file__, "--verify", *outputs], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.strip()


def summary(times):
    """Median, least and greatest, in seconds or milliseconds."""
    def shown(seconds):
        return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"

    return [shown(statistics.median(times)), shown(min(times)), shown(max(times))]


def row(*cells):
    print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)


def header(*cells):
    row(*cells)
    print("|---" * len(cells) + "|")


def compare(arguments, directory):
    header("users", "program", "median", "least", "greatest", "peak memory", "runs", "output")
    for count in arguments.users:
        users = directory / f"users-{count}.csv"
        write_users(users, count)
        runs = max(3, arguments.runs // 3) if count >= 100_000 else arguments.runs
        taken = {program: [] for program in PROGRAMS}
        for number in range(runs + 1):
            for program in PROGRAMS:
                one = measure(command(program, arguments.binary, users, directory / f"{program}-{count}.yml"))
                # The first run of each fills the file system's cache.
                if number:
                    taken[program].append(one)
        for program in PROGRAMS:
            seconds, peaks, floors = zip(*taken[program])
            size = (directory / f"{program}-{count}.yml").stat().st_size
            row(f"{count:,}", program, *summary(seconds), shown_memory(peaks, floors), runs, f"{size / 1e6:.2f} MB")
            (directory / f"{program}-{count}.yml").unlink()


def start_up(arguments):
    config = ROOT / "examples" / "university" / "swarmgen.yaml"
    binary = arguments.binary
    commands = {
        "`swarmgen validate` (300 people, each with every allowed profile)": [binary, "validate", "-c", config],
        "`swarmgen render --user alice`": [binary, "render", "-c", config, "--user", "alice"],
        "`swarmgen --version`": [binary, "--version"],
        # What a process takes that does nothing: of the same machine in the same minute.
        "`true`": ["/usr/bin/true"],
        "`python3 -c pass`": [sys.executable, "-c", "pass"],
    }
    taken = {name: [] for name in commands}
    # So short a run is soon disturbed: there are many.
    for number in range(max(40, arguments.runs * 3) + 1):
        for name, words in commands.items():
            one = measure(words)
            if number:
                taken[name].append(one)
    header("command", "median", "least", "greatest", "peak memory", "runs")
    for name, runs in taken.items():
        seconds, peaks, floors = zip(*runs)
        row(name, *summary(seconds), shown_memory(peaks, floors), len(runs))


def machine():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{datetime.date.today().isoformat()}; {platform.system()} {platform.machine()}, {cores} cores, "
        f"{memory:.0f} GiB of memory; load {os.getloadavg()[0]:.1f} at the start"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, help="swarmgen (default: the release build)")
    parser.add_argument("--users", type=int, nargs="+", default=[1, 1000, 10_000, 100_000], help="how many users")
    parser.add_argument("--runs", type=int, default=10, help="runs of each; a third of it from 100,000 users up")
    parser.add_argument("--directory", type=Path, help="where to write (default: a temporary folder)")
    parser.add_argument("--write", choices=PROGRAMS[1:], help=argparse.SUPPRESS)
    parser.add_argument("--verify", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        {"Jinja2": write_by_jinja2, "PyYAML": write_by_pyyaml}[arguments.write](*arguments.paths)
        return
    if arguments.verify:
        verify(*arguments.paths)
        return
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    arguments.binary = (arguments.binary or target / "release" / "swarmgen").resolve()
    if not arguments.binary.exists():
        sys.exit(f"{arguments.binary} does not exist: run `cargo build --release`")
    if arguments.directory:
        arguments.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.directory, prefix="swarmgen-bench-") as directory:
        directory = Path(directory)
        print("# Performance\n")
        print("Written by `benches/compare.py`. Whole processes, from start to exit; the programs' runs alternate.\n")
        print(f"- {machine()}")
        version = subprocess.run([arguments.binary, "--version"], capture_output=True, text=True, check=True)
        print(f"- {version.stdout.strip()}")
        print(f"- {verified(arguments.binary, directory)}\n")
        print("## All users as one stack\n")
        print("Two mounts for each user, one of them SSHFS with a password of the user's own; users from a CSV file.")
        print("swarmgen checks every user besides. The three outputs for 1,000 users, read back, are equal.\n")
        compare(arguments, directory)
        print("\n## From cold\n")
        print("examples/university: 12 profiles, 11 Swarm configs, 300 people. The files are in the system's cache. Beside it,")
        print("what does nothing: how long a process takes to start on this machine.\n")
        start_up(arguments)


if __name__ == "__main__":
    main()
