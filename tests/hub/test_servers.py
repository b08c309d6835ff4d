"""What a user does all day: log in, start, work, stop, start again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import until
from users import start_all

# More than 32 characters, and the last 32 of both alike: one service to the predecessor.
LONG = "of-the-department-of-mathematics-and-physics"


@pytest.mark.every_hub
def test_start_stop_and_start_again_at_once_three_times(user) -> None:
    alice = user("alice")
    addresses = []
    for turn in range(3):
        notebook = alice.start()
        assert notebook.run(f"print({turn} + 40)") == f"{turn + 40}\n"
        addresses.append(alice.hub.server("alice")["state"]["swarmgen"]["address"])
        alice.stop()
    # Else nothing is shown: the old address would do.
    assert len(set(addresses)) > 1


def test_from_the_log_in_to_a_cell(user, clean) -> None:
    alice = user("alice")
    browser = clean.browser("alice")
    shown = browser.get("/hub/spawn/alice")
    assert 'id="spawn_form"' in shown.text
    browser.post("/hub/spawn/alice", {"profile": "Same again"})
    messages = [event["message"] for event in alice.hub.progress("alice")]
    assert messages[0] == "Server requested"
    assert messages[-1].startswith("Server ready at")
    # What its task does, and not what comes before and after it alone.
    assert "Waiting for the server to answer" in messages, messages
    assert browser.get("/user/alice/lab").status == 200
    assert alice.notebook().run("import os; print(os.environ['JUPYTERHUB_USER'])") == "alice\n"


def test_a_home_stays_and_is_ones_own(user) -> None:
    alice, bob = user("alice"), user("bob")
    alice.start().write("notes.txt", "mine")
    alice.stop()
    assert alice.start().read("notes.txt") == "mine"
    assert bob.start().ask("GET", "contents/notes.txt").status == 404


def test_a_named_server_beside_the_default_one(user) -> None:
    alice = user("alice")
    alice.start()
    lab = alice.start("lab")
    assert lab.run("import os; print(os.environ['JUPYTERHUB_SERVER_NAME'])") == "lab\n"
    assert len(alice.deployment.servers()) == 2
    alice.stop("lab")
    assert alice.notebook().run("print(1)") == "1\n"


@pytest.mark.parametrize(
    "names",
    [
        (f"anna-{LONG}", f"maria-{LONG}"),
        ("alice", "Alice-"),
        ("a@b.c", "a-b-c"),
        ("two words", "two-words"),
        ("李雷", "李-雷"),
        ("x" * 200, "x" * 199 + "y"),
        ("..alice", "alice"),
    ],
)
def test_users_with_similar_or_odd_names_are_each_their_own(user, faults, names) -> None:
    notebooks = [user(name) for name in names]
    begun = time.monotonic()
    start_all(notebooks)
    took = time.monotonic() - begun
    for one in notebooks:
        one.notebook().write("name.txt", one.name)
    for one in notebooks:
        assert one.notebook().read("name.txt") == one.name
    notebooks[1].stop()
    assert notebooks[0].notebook().read("name.txt") == notebooks[0].name
    if names[0].endswith(LONG):
        fault = "two users whose names have the same last 32 characters"
        faults.saw(fault, took, "a server of their own")
    elif len(names[0]) == 200 or not names[0].isascii() or set(names[0]) & set("@ "):
        faults.saw("a name like `a@b.c`, `two words`, `李雷`, or of 200 characters", took, "a server of their own")


def test_ten_at_once(user) -> None:
    users = [user(f"student{number}") for number in range(10)]
    start_all(users)
    assert len(users[0].deployment.servers()) == 10


def test_few_requests_reach_the_engine(user, clean) -> None:
    alice, requests = user("alice"), clean.proxy.requests
    requests.clear()
    begun = time.monotonic()
    alice.hub.start("alice")
    asked, took = requests.copy(), time.monotonic() - begun
    assert asked.pop("GET /tasks") <= took + 1, (asked, took)
    assert asked.total() <= 4, asked
    # One for each look of the hub, which has one every 5 seconds.
    requests.clear()
    time.sleep(16)
    assert 2 <= requests.total() <= 4, requests
    # Two to stop, and the looks of JupyterHub before that.
    requests.clear()
    alice.stop()
    asked = requests.copy()
    looks = asked.pop("GET /tasks", 0)
    assert looks <= 2 and asked.total() <= 2, (looks, asked)


def test_status_and_the_hub_agree(user, clean) -> None:
    alice, bob = user("alice"), user("bob")
    alice.start()
    alice.start("lab", {"profile": "Same again"})
    bob.start()
    user("carol").start()
    user("carol").stop()
    # What the hub's page for administrators shows.
    answer = clean.hub.ask("GET", "/users?state=active")
    servers = {(one["name"], server): found for one in answer.json for server, found in one["servers"].items()}
    shown = clean.status()["servers"]
    assert {(one["user"], one["server"]) for one in shown} == servers.keys()
    assert len(shown) == 3
    for one in shown:
        server = servers[one["user"], one["server"]]
        assert (one["state"] == "running") == server["ready"]
        assert one["profile"] == server["user_options"].get("profile", "Plain")


# The example's own service with its own rights, in a hurry.
HURRY = """
(culler,) = [service for service in c.JupyterHub.services if service["name"] == "idle-culler"]
assert culler["command"][-1] == "--timeout=3600"
culler["command"][-1:] = ["--timeout=10", "--cull-every=1"]
"""


def test_an_idle_server_is_culled(user, clean) -> None:
    clean.deploy(more=HURRY)
    try:
        alice = user("alice")
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(alice.hub.request_start, "alice")
            until(lambda: clean.hub.server("alice"), 30, "it starts")
            assert alice.hub.outcome("alice")["ready"]
            assert starting.result().status in (201, 202)
        until(lambda: clean.hub.server("alice") is None, 120, "the idle server is culled")
        assert clean.servers() == []
    finally:
        clean.deploy()
