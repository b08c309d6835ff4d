"""One wheel holds the program and the spawner, which find each other.

`SWARMGEN_WHEEL=installed` says that one is built already, for hubs that run from it (tests/hub/deployment.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import subprocess
from importlib.metadata import entry_points, version
(found,) = [point for point in entry_points(group="jupyterhub.spawners") if point.name == "swarmgen"]
from jupyterhub.app import JupyterHub
hub = JupyterHub(spawner_class="swarmgen")
assert hub.spawner_class is found.load()
from swarmgen import SwarmgenSpawner
assert hub.spawner_class is SwarmgenSpawner
(program,) = SwarmgenSpawner().program
print(program)
print(version("swarmgen"))
print(subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout)
"""


def test_the_wheel_holds_program_and_spawner(tmp_path: Path) -> None:
    folder = ROOT / "target" / "hub" / "wheels"
    if os.environ.get("SWARMGEN_WHEEL") != "installed":
        folder = tmp_path
        build = ["maturin", "build", "--profile", "dev", "--locked", "--out", str(folder)]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("swarmgen-*.whl")
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    # Nothing of the repository's own.
    environment = os.environ | {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", CODE], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    program, version, told = done.stdout.split("\n")[:3]
    assert program == str(site / "bin" / "swarmgen")
    assert told == f"swarmgen {version}"
