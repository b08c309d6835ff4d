"""A hub that has forgotten a server which runs on: when it is taken over, and when another takes its place."""

from __future__ import annotations

import pytest

from client import until
from deployment import SERVERS, THROUGH_THE_PROXY

OF_ALICE = "WHERE user_id = (SELECT id FROM users WHERE name = 'alice')"
FORGET = f"UPDATE spawners SET server_id = NULL, state = '{{}}' {OF_ALICE}"
REVOKE = f"DELETE FROM api_tokens {OF_ALICE}"


def config(on_changed: str, edition: int) -> str:
    changed = SERVERS.replace("version = 1\n", f'version = 1\non_changed = "{on_changed}"\n')
    return changed.replace("[container_spec]\n", f'[container_spec]\nenv = {{ EDITION = "{edition}" }}\n')


@pytest.fixture(autouse=True, scope="module")
def back(deployment):
    yield
    deployment.deploy()


def identity(clean) -> tuple[str, str]:
    """The one server's service and container."""
    (name,) = clean.servers()
    return clean.engine.docker("service", "inspect", "--format", "{{.ID}}", name).strip(), clean.container(name)


def token(notebook) -> str:
    return notebook.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip()


@pytest.mark.parametrize(
    ("on_changed", "edition", "forgets", "is_kept"),
    [
        ("replace", 1, [FORGET], True),
        ("keep", 2, [FORGET], True),
        ("replace", 2, [FORGET], False),
        ("keep", 1, [REVOKE, FORGET], False),
    ],
    ids=["as-it-was", "changed-keep", "changed-replace", "token-revoked"],
)
def test_a_forgotten_server_is_kept_or_replaced(user, clean, on_changed, edition, forgets, is_kept) -> None:
    clean.deploy(config(on_changed, 1), THROUGH_THE_PROXY)
    alice = user("alice")
    notebook = alice.start()
    before, own = identity(clean), token(notebook)
    if edition != 1:
        clean.deploy(config(on_changed, edition), THROUGH_THE_PROXY)
        # A hub that knows a server leaves it as it is, whatever the config says.
        until(lambda: (alice.hub.server("alice") or {}).get("ready"), 60, "the hub knows the server")
        assert identity(clean) == before
    for statement in forgets:
        clean.change_memory(statement)
    assert alice.hub.server("alice") is None
    assert identity(clean) == before
    notebook = alice.start()
    shown = 1 if is_kept else edition
    # With a token that the hub does not know it would let nobody in.
    assert notebook.run("import os; print(os.environ['EDITION'])") == f"{shown}\n"
    assert (identity(clean) == before, token(notebook) == own) == (is_kept, is_kept)


def test_another_users_service_of_this_name_is_not_touched(user, clean) -> None:
    clean.deploy(config("replace", 1))
    alice = user("alice")
    alice.start()
    (name,) = clean.servers()
    alice.stop()
    labels = ("swarmgen.deployment=test", "swarmgen.user=bob", "swarmgen.server=")
    options = [word for label in labels for word in ("--label", label)]
    create = ("service", "create", "--quiet", "--detach", "--no-resolve-image", "--endpoint-mode", "dnsrr", "--name", name)
    clean.engine.docker(*create, *options, clean.image, "sleep", "600")
    try:
        until(lambda: any(task["CurrentState"].startswith("Running") for task in clean.tasks(name)), 60, "it runs")
        before = identity(clean)
        alice.hub.request_start("alice")
        event = alice.hub.outcome("alice")
        assert event["failed"] and "(conflict)" in event["message"], event
        assert identity(clean) == before
    finally:
        clean.engine.docker("service", "rm", name)
