#!/usr/bin/env python3
"""Builds and loads the images of the tests with a real hub, without an image registry.

    tests/hub/images.py build [VERSION..]    makes what is missing, below target/hub
    tests/hub/images.py load [VERSION..]     builds, and hands the images to the engine of DOCKER_HOST

A version is JupyterHub's first number: 4, 5 or 6 (default: the newest). An image holds hub, proxy and single-user server, so
that a hub and its servers share their layers: `swarmgen-test/jupyter:6`. Needs root, debootstrap, node and npm, and what apt,
pip and npm reach.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / "target" / "hub"
REPOSITORY = "swarmgen-test/jupyter"
REQUIREMENTS = {
    "4": ["jupyterhub==4.1.*", "jupyterlab==4.*", "jupyterhub-idle-culler==1.*"],
    "5": ["jupyterhub==5.*", "jupyterlab==4.*", "jupyterhub-idle-culler==1.*"],
    "6": ["jupyterhub>=6,<7", "jupyterlab==4.*", "jupyterhub-idle-culler==1.*"],
}
NEWEST = "6"
PACKAGES = "python3,python3-venv,ca-certificates,tini"
PROXY = "configurable-http-proxy@5"
# The numbers are for changes of how layers are made.
BASE = (2, PACKAGES, PROXY)
ENVIRONMENT = (1, BASE)


def recipe(*parts: object) -> str:
    """Part of a layer's name: another recipe makes it anew."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "config": {
        "Entrypoint": ["tini", "-g", "--"],
        "Cmd": ["jupyterhub-singleuser"],
        "Env": [
            "PATH=/srv/venv/bin:/usr/local/bin:/usr/bin:/bin",
            "LANG=C.UTF-8",
            "HOME=/home/jovyan",
            # Node's own threads are no use on a machine of two cores.
            "UV_THREADPOOL_SIZE=2",
        ],
        "WorkingDir": "/home/jovyan",
    },
}


def run(*command: str | os.PathLike[str], **options) -> str:
    """Runs a command, and shows what it printed if it fails."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise SystemExit(f"images: {command[0]} ended with {done.returncode}")
    return done.stdout


def mirror() -> str:
    """The package source that most of the machine's lists come from."""
    sites = run("apt-get", "indextargets", "--format", "$(SITE)").split()
    return max(sorted(set(sites)), key=sites.count)


def release() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2]
    raise SystemExit("images: needs Debian")


def pack(folder: Path, layer: Path) -> None:
    """Writes a folder as a layer; it appears when it is complete."""
    layer.parent.mkdir(parents=True, exist_ok=True)
    unfinished = layer.with_suffix(".part")
    # With their times: Python compiles each module anew whose source is not as old as it was when it was compiled.
    run("tar", "--numeric-owner", "--sort=name", "-C", folder, "-cf", unfinished, ".")
    unfinished.rename(layer)


def base() -> tuple[Path, Path]:
    """Debian, Python, Node and the proxy: the folder and its layer."""
    tree = STORE / f"base-{recipe(BASE)}"
    layer = tree.with_suffix(".tar")
    if layer.exists() and tree.exists():
        return tree, layer
    for old in STORE.glob("base-*"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    debs = STORE / "debs"
    debs.mkdir(parents=True, exist_ok=True)
    work = STORE / "base.part"
    shutil.rmtree(work, ignore_errors=True)
    run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", f"--cache-dir={debs}", release(), work, mirror())
    node = Path(shutil.which("node") or "node").resolve()
    shutil.copy2(node, work / "usr/local/bin/node")
    run("npm", "install", "--global", "--prefix", work / "usr/local", "--no-audit", "--no-fund", PROXY)
    for waste in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/lib/apt/lists", "var/cache/apt"):
        shutil.rmtree(work / waste, ignore_errors=True)
    with (work / "etc/passwd").open("a") as file:
        file.write("jovyan:x:1000:1000::/home/jovyan:/bin/sh\n")
    home = work / "home/jovyan"
    home.mkdir(parents=True)
    os.chown(home, 1000, 1000)
    (work / "srv/hub").mkdir(parents=True)
    work.rename(tree)
    pack(tree, layer)
    return tree, layer


def environment(version: str) -> Path:
    """The layer with one version of JupyterHub on top of the base."""
    tree, _ = base()
    layer = STORE / f"jupyter-{version}-{recipe(ENVIRONMENT, REQUIREMENTS[version])}.tar"
    if layer.exists():
        return layer
    for old in STORE.glob(f"jupyter-{version}-*"):
        old.unlink()
    work = STORE / f"jupyter-{version}.part"
    shutil.rmtree(work, ignore_errors=True)
    upper, under, merged, cache = (work / name for name in ("upper", "work", "merged", "cache"))
    for folder in (upper, under, merged):
        folder.mkdir(parents=True)
    cache = STORE / "pip"
    cache.mkdir(exist_ok=True)
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
    # The mounts are those of a namespace of their own, so none is left however this ends.
    script = r"""
        set -eu
        mount -t overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" overlay "$4"
        mkdir -p "$4/run/pip"
        mount -t tmpfs tmpfs "$4/run"
        mkdir "$4/run/pip"
        mount --bind "$5" "$4/run/pip"
        cp -L /etc/resolv.conf "$4/run/resolv.conf"
        cp -L "$6" "$4/run/certificates.pem"
        touch "$4/etc/resolv.conf"
        mount --bind "$4/run/resolv.conf" "$4/etc/resolv.conf"
        mount --bind /proc "$4/proc"
        shift 6
        # The machine's variables name files of the machine's.
        inside() {
            env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root PIP_CACHE_DIR=/run/pip \
                PIP_CERT=/run/certificates.pem SSL_CERT_FILE=/run/certificates.pem \
                ${PIP_INDEX_URL:+"PIP_INDEX_URL=$PIP_INDEX_URL"} chroot "$merged" "$@"
        }
        merged=$0
        inside python3 -m venv /srv/venv
        inside /srv/venv/bin/pip install -q --disable-pip-version-check --root-user-action ignore "$@"
    """
    run(
        "unshare", "--mount", "--propagation", "private", "bash", "-c", script,
        merged, tree, upper, under, merged, cache, certificates, *REQUIREMENTS[version],
    )  # fmt: skip
    for waste in (upper / "run", upper / "root", upper / "tmp"):
        shutil.rmtree(waste, ignore_errors=True)
    # A volume that is mounted here the first time belongs to whom the folder belongs to.
    work_folder = upper / "home/jovyan/work"
    work_folder.mkdir(parents=True)
    for folder in (work_folder, work_folder.parent):
        os.chown(folder, 1000, 1000)
    pack(upper, layer)
    shutil.rmtree(work)
    return layer


def digest(layer: Path) -> str:
    """A layer's digest, computed once."""
    note = layer.with_suffix(".sha256")
    if not note.exists():
        with layer.open("rb") as file:
            note.write_text(hashlib.file_digest(file, "sha256").hexdigest())
    return note.read_text()


def archive(version: str, layers: list[Path], sink: io.BufferedIOBase) -> None:
    """Writes an image in the format of `docker load`, straight from the layers' files."""
    config = json.dumps(
        CONFIG | {"rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(layer)}" for layer in layers]}}
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    names = [f"{digest(layer)}/layer.tar" for layer in layers]
    manifest = json.dumps([{"Config": name, "RepoTags": [f"{REPOSITORY}:{version}"], "Layers": names}]).encode()
    with tarfile.open(fileobj=sink, mode="w|", bufsize=1 << 20) as out:
        for path, layer in zip(names, layers):
            with layer.open("rb") as file:
                entry = tarfile.TarInfo(path)
                entry.size = layer.stat().st_size
                out.addfile(entry, file)
        for path, content in ((name, config), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            out.addfile(entry, io.BytesIO(content))


def build(version: str) -> list[Path]:
    return [base()[1], environment(version)]


def load(version: str) -> str:
    """Hands an image to the engine, unless it has it; gives its name."""
    image = f"{REPOSITORY}:{version}"
    layers = build(version)
    wanted = [f"sha256:{digest(layer)}" for layer in layers]
    shown = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image], capture_output=True, text=True
    )
    if shown.returncode == 0 and json.loads(shown.stdout) == wanted:
        return image
    loading = subprocess.Popen(["docker", "load", "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert loading.stdin is not None
    with loading.stdin as sink:
        archive(version, layers, sink)
    if loading.wait() != 0:
        raise SystemExit(f"images: {image} could not be loaded")
    return image


def main(arguments: list[str]) -> None:
    verb, versions = (arguments[0] if arguments else ""), arguments[1:] or [NEWEST]
    if verb not in ("build", "load") or any(version not in REQUIREMENTS for version in versions):
        raise SystemExit(__doc__)
    for version in versions:
        begun = time.monotonic()
        build(version) if verb == "build" else load(version)
        print(f"{verb} {REPOSITORY}:{version}: {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
