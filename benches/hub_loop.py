"""Told to the hubs of benches/hub.py, behind their jupyterhub_config.py: says what their loop does when it is held up.

A pass of the loop is what it does between two waits for news. One that takes longer than SECONDS is a line on standard error:
when it ended, and how long the hub's thread ran meanwhile, could have run but had no processor (by the kernel's schedstat;
also after news had come), and waited for anything else, as a disk.
"""

import selectors
import sys
import threading
import time

SECONDS = 0.25
_thread = threading.get_native_id()
_select = selectors.EpollSelector.select
_since: list[float] = []


def _clocks() -> list[float]:
    with open(f"/proc/self/task/{_thread}/schedstat") as file:
        ran, queued, _ = file.read().split()
    return [time.perf_counter(), int(ran) / 1e9, int(queued) / 1e9]


def _watched(self, timeout=None):
    if threading.get_native_id() != _thread:
        return _select(self, timeout)
    asked = _clocks()
    if _since:
        passed, ran, queued = (now - before for now, before in zip(asked, _since, strict=False))
        late = _since[3]
        if passed + late > SECONDS:
            line = f"LOOP {time.time():.3f} {ran:.3f} {queued + late:.3f} {max(0.0, passed - ran - queued):.3f}"
            print(line, file=sys.stderr, flush=True)
    try:
        return _select(self, timeout)
    finally:
        told = _clocks()
        _since[:] = [*told, told[2] - asked[2]]


selectors.EpollSelector.select = _watched
