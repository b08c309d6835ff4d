"""swarmgen under JupyterHub: `c.JupyterHub.spawner_class = "swarmgen"`.

The package also carries the `swarmgen` program, which needs no hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swarmgen.spawner import SwarmgenSpawner

__all__ = ["SwarmgenSpawner"]


def __getattr__(name: str) -> Any:
    # The program's users need not have JupyterHub.
    if name == "SwarmgenSpawner":
        from swarmgen.spawner import SwarmgenSpawner

        return SwarmgenSpawner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
