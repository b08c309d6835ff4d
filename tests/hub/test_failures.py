"""Starts that cannot come to anything: what the user sees, after how long, and that nothing is left behind."""

from __future__ import annotations

import html
import re
import time

import pytest

from client import until
from deployment import SERVERS

PATIENT = 'start_timeout = "2m"\nhttp_timeout = "4m"'
PROFILES = (
    SERVERS
    + """
[[images]]
name = "No node"
image = "IMAGE"
placement = { constraints = ["node.labels.gpu==true"] }

[[images]]
name = "Missing image"
image = "swarmgen-test/nowhere:1"

[[images]]
name = "GPU"
image = "IMAGE"
accelerators = [{ kind = "gpu" }]

[[images]]
name = "Ends at once"
image = "IMAGE"
args = ["sh", "-c", "exit 3"]

[[images]]
name = "Does not listen"
image = "IMAGE"
args = ["sleep", "600"]
"""
)


@pytest.fixture(autouse=True, scope="module")
def profiles(deployment):
    assert PATIENT in PROFILES
    deployment.deploy(PROFILES.replace(PATIENT, 'start_timeout = "30s"\nhttp_timeout = "30s"'))
    yield
    deployment.deploy()


def ended(one, options=None) -> tuple[float, str]:
    """Starts a server that does not come: after how long the user is told, and what."""
    begun = time.monotonic()
    one.hub.request_start(one.name, options=options)
    event = one.hub.outcome(one.name)
    assert event["failed"], event
    return time.monotonic() - begun, event["message"].removeprefix("Spawn failed: ")


@pytest.mark.parametrize(
    ("fault", "profile", "code", "limit"),
    [
        ("the image is nowhere", "Missing image", "no-image", 20),
        ("no node meets a constraint", "No node", "no-node", 40),
        ("no node has a GPU", "GPU", "no-node", 40),
        ("the container exits at once", "Ends at once", "exited", 20),
        ("nothing listens on the port", "Does not listen", "not-listening", 60),
    ],
)
def test_a_task_that_fails_is_told_in_words_and_leaves_nothing(user, clean, faults, fault, profile, code, limit) -> None:
    alice = user("alice")
    took, message = ended(alice, {"profile": profile})
    assert f"({code})" in message
    # The page has it in paragraphs.
    page = clean.browser("alice").get("/hub/spawn-pending/alice")
    shown = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())
    assert f"{message.removesuffix(f' ({code})')} Code: {code} " in shown, shown
    assert took < limit, f"{took:.1f} s"
    assert clean.servers() == []
    until(lambda: clean.leftovers() == [], 60, "nothing is left")
    faults.saw(fault, took, f"“{message}”")


def test_a_good_choice_is_not_spoilt_by_bad_ones(user, clean) -> None:
    # With time for a good server on a busy machine.
    clean.deploy(PROFILES)
    alice = user("alice")
    for profile in ("Missing image", "Ends at once"):
        ended(alice, {"profile": profile})
    alice.start(options={"profile": "Plain"})
