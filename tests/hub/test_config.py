"""What the hub knows of users reaches their servers, and what the config says reaches the hub."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import until
from deployment import RESOURCE, SERVERS

# What an institution's authenticator does: it remembers something of each user that logs in.
STATEFUL = """
import os
from jupyterhub.auth import DummyAuthenticator

class Stateful(DummyAuthenticator):
    async def authenticate(self, handler, data):
        name = await super().authenticate(handler, data)
        name = name["name"] if isinstance(name, dict) else name
        state = {"desk": "desk of " + str(name) + ": {api_token} {{ username }}", "unlisted": "nobody's business"}
        return name and {"name": name, "auth_state": state}

c.JupyterHub.authenticator_class = Stateful
c.Authenticator.enable_auth_state = True
c.CryptKeeper.keys = [os.urandom(32)]
"""

ATTRIBUTES = """
user_format_attributes = ["desk"]
user_defaults.unlisted = "the config's own"
"""
LISTED = SERVERS.replace("version = 1\n", f"version = 1\n{ATTRIBUTES}").replace(
    "[container_spec]\n", '[container_spec]\nenv = { DESK = "{desk}", OTHER = "{unlisted}" }\n'
)

LIMITS = (
    SERVERS.replace('mem_limit = "1G"', 'mem_limit = "1G"\nmem_reservation = "64M"\ncpu_limit = 1.5')
    + """
[[images]]
name = "Small"
image = "IMAGE"
resource_spec = { mem_limit = "300M", cpu_limit = 0.5 }
"""
)


@pytest.fixture(autouse=True, scope="module")
def back(deployment):
    yield
    deployment.deploy()


def variables(notebook, *names: str) -> list[str | None]:
    return json.loads(notebook.run(f"import json, os; print(json.dumps([os.environ.get(name) for name in {names!r}]))"))


# What the spawner sets besides what the config and the hub say.
ITS_LABELS = ("swarmgen.hidden", "swarmgen.made-by", "swarmgen.wanted")
ITS_VARIABLES = ("CPU_GUARANTEE", "CPU_LIMIT", "MEM_GUARANTEE", "MEM_LIMIT")


def test_what_render_shows_of_a_server_is_what_the_hub_runs(user, clean, tmp_path) -> None:
    user("alice").start()
    (live,) = specs(clean)
    container, labels, hub = live["TaskTemplate"]["ContainerSpec"], live["Labels"], tmp_path / "hub.json"
    container["Env"] = [line for line in container["Env"] if not line.startswith(ITS_VARIABLES)]
    live["Labels"] = {name: value for name, value in labels.items() if name not in ITS_LABELS}
    assert len(labels) == len(live["Labels"]) + len(ITS_LABELS)
    hub.write_text(json.dumps(dict(line.split("=", 1) for line in container["Env"])))
    api = clean.hub.server("alice")["state"]["swarmgen"]["api"]
    arguments = ("--format", "service", "--api", api, "--hub-env", str(hub), "--show-secrets")
    shown = clean.told("render", "--user", "alice", *arguments)
    assert (shown["Name"], shown["Mode"]) == (live["Name"], live["Mode"])
    # The engine adds what was left out: to both, so that they can be held against each other. Nothing runs of the second.
    changes = {"Name": f"{shown['Name']}-shown", "Mode": {"Replicated": {"Replicas": 0}}}
    other = clean.engine.post(f"/v{api}/services/create", shown | changes)["ID"]
    try:
        stored = json.loads(clean.engine.docker("service", "inspect", other))[0]["Spec"]
    finally:
        clean.engine.docker("service", "rm", other)
    assert stored | changes == live | changes


def test_the_auth_state_reaches_templates_as_listed_and_literally(user, clean) -> None:
    clean.deploy(LISTED, STATEFUL)
    alice, bob = user("alice"), user("bob")
    for one in (alice, bob):
        clean.browser(one.name)
        text = f"desk of {one.name}: {{api_token}} {{{{ username }}}}"
        # What is not listed is not the hub's to say, though a template names it.
        assert variables(one.start(), "DESK", "OTHER") == [text, "the config's own"]
        (spec,) = [spec for spec in specs(clean) if spec["Labels"]["swarmgen.user"] == one.name]
        assert "nobody's business" not in json.dumps(spec)
    # Who has never logged in has no desk, and reads that it is not their fault.
    carol = user("carol")
    carol.hub.request_start("carol")
    event = carol.hub.outcome("carol")
    assert event["failed"] and "(config)" in event["message"] and "desk" not in event["message"], event
    assert any("desk" in line for line in clean.log().splitlines() if "carol" in line)


def specs(clean) -> list[dict]:
    return [json.loads(clean.engine.docker("service", "inspect", name))[0]["Spec"] for name in clean.servers()]


def test_limits_are_the_profiles_and_are_told_to_the_server(user, clean) -> None:
    clean.deploy(LIMITS, "c.Spawner.mem_limit = '9G'")
    alice = user("alice")
    names = ("MEM_LIMIT", "MEM_GUARANTEE", "CPU_LIMIT", "CPU_GUARANTEE")
    for profile, told in (
        ("Plain", [str(1 << 30), str(64 << 20), "1.5", None]),
        ("Small", [str(300 << 20), None, "0.5", None]),
    ):
        assert variables(alice.start(options={"profile": profile}), *names) == told
        (spec,) = specs(clean)
        limits = spec["TaskTemplate"]["Resources"]["Limits"]
        assert [str(limits["MemoryBytes"]), limits["NanoCPUs"] / 1e9] == [told[0], float(told[2])]
        alice.stop()
    assert "c.Spawner.mem_limit has no effect" in clean.log()


def test_an_accelerator_is_one_servers_at_a_time(user, clean) -> None:
    kind, name = RESOURCE
    profile = f'[[images]]\nname = "Accelerated"\nimage = "IMAGE"\naccelerators = [{{ kind = "{kind}" }}]\n'
    clean.deploy(f"{SERVERS}\n{profile}")
    alice, bob, given = user("alice"), user("bob"), f"DOCKER_RESOURCE_{kind.upper()}"
    assert variables(alice.start(options={"profile": "Accelerated"}), given) == [name]
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(bob.hub.request_start, "bob", options={"profile": "Accelerated"})
        until(lambda: bob.hub.server("bob"), 60, "it starts")
        messages = []
        for event in bob.hub.progress("bob"):
            messages.append(event["message"])
            if messages[-1] == f"Waiting for a node with a free {kind.upper()}: all are in use":
                alice.stop()
        assert event.get("ready"), messages
        assert starting.result().status in (201, 202)
    assert alice.hub.server("alice") is None, messages
    assert variables(bob.notebook(), given) == [name]


def test_a_hub_with_a_faulty_config_says_so_and_takes_a_mended_one_at_once(user, clean) -> None:
    # In the hub's own folder, where it can be changed while the hub runs.
    place = "/srv/jupyterhub/data/swarmgen.toml"
    copy = f"sed 's/{{}}/{{}}/' /etc/jupyterhub/swarmgen.toml > {place}"
    clean.deploy(more=f"c.SwarmgenSpawner.config_file = '{place}'")
    clean.engine.docker("exec", clean.container(), "sh", "-c", copy.format("start_timeout", "strat_timeout"))
    alice = user("alice")
    answer = alice.hub.request_start("alice")
    assert answer.status == 500 and "(config)" in answer.json["message"], answer
    assert "strat_timeout" not in answer.json["message"]
    assert any("strat_timeout" in line for line in clean.log().splitlines() if "swarmgen: the config" in line)
    assert clean.lasting_leftovers() == []
    clean.engine.docker("exec", clean.container(), "sh", "-c", f"cp /etc/jupyterhub/swarmgen.toml {place}")
    assert alice.start().run("print(1)") == "1\n"
