"""Homes over SSH through the hub: what is written in a notebook is on the server, and one user's credentials are no other's."""

from __future__ import annotations

import json

import pytest

from deployment import SERVERS
from homes import PORT, Homes
from users import start_all

MOUNT = f"""
[[container_spec.mounts]]
type = "sshfs"
source = "home-{{name}}"
target = "/home/jovyan/work"
sshcmd = "{{sshcmd}}"
CREDENTIAL
port = {PORT}
# The engine would give an empty home to the owner of the image's folder, which the SSH server forbids.
no_copy = true
options = {{ allow_other = "" }}
labels = {{ autoremove = "True" }}
"""

NAMED = """
[[container_spec.mounts]]
source = "home-{name}"
target = "/home/jovyan/work"
"""


def config(credential: str) -> str:
    listed = 'version = 1\nuser_format_attributes = ["sshcmd", "password", "id_rsa"]\n'
    assert NAMED in SERVERS
    return SERVERS.replace("version = 1\n", listed).replace(NAMED, MOUNT.replace("CREDENTIAL", credential))


def hook(users) -> str:
    """As an authenticator of the predecessor's users sets it: attributes of the hub's user."""
    return f"""
HOMES = {json.dumps(users)}


def homes(spawner, state):
    for name, value in HOMES[spawner.user.name].items():
        setattr(spawner.user, name, value)


c.Spawner.auth_state_hook = homes
"""


@pytest.fixture(scope="module")
def homes(deployment):
    yield Homes(deployment.engine)
    deployment.deploy()


# Every file is looked for on the server, and a password is given in text that templates and shells would read.
@pytest.mark.parametrize("credential", ["password", "id_rsa"])
def test_s6_a_home_over_ssh_is_ones_own_and_stays(user, clean, homes, credential) -> None:
    names = [f"anna-{credential}".replace("_", "-"), f"ben-{credential}".replace("_", "-")]
    given, secrets = {}, []
    for name in names:
        opened = homes.add_user(name, f"{name}: p$ss {{username}} «ü»")
        secret = opened.password if credential == "password" else opened.key
        secrets.append(secret.splitlines()[len(secret.splitlines()) // 2])
        given[name] = {"sshcmd": opened.sshcmd, credential: secret}
    clean.deploy(config(f'{credential} = "{{{credential}}}"'), hook(given))
    one, other = (user(name) for name in names)
    first, second = start_all([one, other])
    first.write("note.txt", f"by {one.name}")
    second.write("note.txt", f"by {other.name}")
    assert first.run("print(open('/home/jovyan/work/note.txt').read())") == f"by {one.name}\n"
    for name in names:
        assert homes.file(name, "note.txt") == f"by {name}"
    # The server is gone, and its volume; the home stays.
    one.stop()
    assert f"home-{one.name}" not in clean.engine.docker("volume", "ls", "--quiet").split()
    assert one.start().read("note.txt") == f"by {one.name}"
    one.stop()
    # What the predecessor kept: the first credentials.
    if credential == "password":
        given[one.name]["password"] = "another: {name} $$"
        homes.add_user(one.name, "another: {name} $$")
        clean.deploy(config('password = "{password}"'), hook(given))
        assert one.start().read("note.txt") == f"by {one.name}"
        one.stop()
    # With the other's home in its own credentials' reach, nobody gets there.
    given[one.name]["sshcmd"] = given[other.name]["sshcmd"]
    clean.deploy(config(f'{credential} = "{{{credential}}}"'), hook(given))
    one.hub.request_start(one.name)
    event = one.hub.outcome(one.name)
    assert event["failed"] and "its storage could not be mounted. " in event["message"], event
    assert "(rejected)" in event["message"], event
    # Nor does the volume stay whose mounting was refused.
    assert f"home-{one.name}" not in clean.engine.docker("volume", "ls", "--quiet").split()
    log = clean.log()
    assert one.name in log
    for secret in [*secrets, "another: {name} $$"]:
        assert secret not in log and secret not in event["message"]
