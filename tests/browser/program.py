#!/usr/bin/env python3
"""The real program for settings and form, and tests/spawner/local.py for servers: a form needs no swarm."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = Path(os.environ["SWARMGEN_LOCAL"]) / "swarmgen.toml"

if sys.argv[2] == "form":
    # Nothing listens there: no image is known to be on a node.
    program = str(ROOT / "target/debug/swarmgen")
    os.execv(program, [program, *sys.argv[1:], "-c", str(CONFIG), "-H", "tcp://127.0.0.1:1"])
os.execv(sys.executable, [sys.executable, str(ROOT / "tests/spawner/local.py"), *sys.argv[1:]])
