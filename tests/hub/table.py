"""docs/faults.md: what goes wrong, what the user sees of it, and what stays, beside the predecessor.

The tests say what they saw. `SWARMGEN_UPDATE=1` writes the page; else it has to say the same, but for the times.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from deployment import ROOT

PAGE = ROOT / "docs" / "faults.md"

HEAD = """# Faults

What goes wrong under a hub, what the user sees of it and after how long, and what is left behind. The tests in `tests/hub` make
each of these faults on a real swarm under a real hub (JupyterHub 6), and write this page. The right half is
jhub-swarmspawner 0.6.3, measured once on the same kind of machine with JupyterHub 6 and a remedy for its memory of
addresses; "-" was not measured. Times are from the request, on two cores, and the longest of those that were tried; those of
time-outs (30 s here) are the config's. An engine goes away or hangs at several moments each: at the request for a start, and
0.3 s, 0.8 s and 1.5 s after it; at the request for a stop, and 0.3 s after it.

Servers that outlive their hub reach the next one through the proxy here (`c.SwarmgenSpawner.hub_connect_url`): the machine has no
IPVS, without which a service has no address that outlives its tasks ([why](hub.md#what-the-spawner-sees-to)).

| fault | the user waits | and sees | left behind | SwarmSpawner: waits | and sees | left behind |
|---|---|---|---|---|---|---|
"""

TAIL = """
The codes in parentheses are those of the [protocol](spawner-protocol.md#failed); the hub's log has a line with the code and the
engine's own words for each failure.
"""

PEER = {
    "the image is nowhere": ("33 s (form), 11 s (API: 500)", "“didn't respond in 30 seconds”", "nothing"),
    "no node meets a constraint": (
        "50 s", "“didn't respond in 30 seconds”", "an orphan that makes the next, good choice fail too",
    ),
    "no node has a GPU": ("-", "-", "-"),
    "the container exits at once": (
        "50 s", "“didn't respond in 30 seconds”", "a service that restarts for ever and outlives “stop”",
    ),
    "nothing listens on the port": ("-", "-", "-"),
    "the engine hangs for 5 s during a start": ("+5 s", "the whole hub frozen", "-"),
    "the engine is away for 5 s during a start": ("0.2-1.2 s", "500", "an orphan that keeps running; “stop” leaves it"),
    "the engine is away for 15 s while a server runs": ("-", "-", "-"),
    "the engine is away for 5 s during a stop": ("-", "-", "-"),
    "the engine hangs for 5 s during a stop": ("-", "-", "-"),
    "the hub is killed while a server runs": ("-", "-", "-"),
    "the hub is stopped and started while a server runs": ("-", "-", "-"),
    "the hub is killed in the middle of a start": ("over 20 s", "start 400, stop 500", "needs a new start"),
    "the hub is stopped and started in the middle of a start": ("-", "-", "-"),
    "the hub is killed while a server comes up": ("-", "-", "-"),
    "the server ends by itself": ("-", "-", "-"),
    "the swarm moves the server to another node": ("-", "-", "-"),
    "two users whose names have the same last 32 characters": (
        "0.2 s", "500", "the second one's attempt removes the first one's running server",
    ),
    "a name like `a@b.c`, `two words`, `李雷`, or of 200 characters": ("0.2 s", "500, the engine's raw error", "-"),
    "a volume labelled autoremove": ("-", "-", "-"),
    "a volume labelled autoremove, its task on a worker": ("-", "-", "the volume is never removed"),
    "an ordinary user asks for a root container with the host's `/`": ("-", "201, and it runs", "-"),
}  # fmt: skip


@dataclass
class Row:
    """What was seen of a fault."""

    took: float
    waits: str
    sees: str
    left: str

    def cells(self, fault: str) -> list[str]:
        return [fault, self.waits, self.sees, self.left, *PEER[fault]]


class Table:
    """All faults that were seen in this run."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def saw(self, fault: str, took: float, sees: str, left: str = "nothing", waits: str = "{}") -> None:
        """Takes note of a fault; what the page says of it has to be that, but for the time, which is the longest.

        `waits` says what that time is.

        That nothing else is left of servers on any node, the fixture `clean` sees to after each test.
        """
        assert fault in PEER, fault
        if fault not in self.rows or self.rows[fault].took < took:
            self.rows[fault] = Row(took, waits.format(seconds(took)), sees, left)
        if "SWARMGEN_UPDATE" not in os.environ:
            lines = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith(f"| {fault} |")]
            assert len(lines) == 1, f"docs/faults.md has no row of: {fault} (SWARMGEN_UPDATE=1 writes it)"
            assert lines[0][2:4] == [sees, left], "docs/faults.md says otherwise (SWARMGEN_UPDATE=1 writes it)"

    def write(self) -> None:
        """Writes the page, if this is the run for it; else it has to have the rows that there are, and no others."""
        if "SWARMGEN_UPDATE" not in os.environ:
            _, *rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
            shown = [row.removeprefix("| ").split(" | ")[0] for row in rows]
            assert shown == list(PEER), "docs/faults.md has other rows (SWARMGEN_UPDATE=1 writes it)"
            return
        if not self.rows:
            return
        missing = PEER.keys() - self.rows.keys()
        assert not missing, f"not all faults were seen: {sorted(missing)}"
        lines = ["| " + " | ".join(self.rows[fault].cells(fault)) + " |\n" for fault in PEER]
        PAGE.write_text(HEAD + "".join(lines) + TAIL)


def seconds(taken: float) -> str:
    """A time as the page has it."""
    return f"{taken:.1f} s" if taken < 10 else f"{taken:.0f} s"
