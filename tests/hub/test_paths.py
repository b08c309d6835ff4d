"""Homes below a folder of the node, and names that people can read: whose home a server gets."""

from __future__ import annotations

import os

import pytest

from deployment import SERVERS

VOLUME = 'source = "home-{name}"\n'
READABLE = SERVERS.replace("version = 1\n", 'version = 1\nnaming.scheme = "slug"\n')


@pytest.fixture(scope="module")
def homes(deployment, tmp_path_factory):
    """The folder of homes."""
    folder = tmp_path_factory.mktemp("homes")
    folder.chmod(0o755)
    (folder / "above.txt").write_text("nobody's")
    yield folder
    deployment.deploy()


def make(homes, names) -> None:
    for name in names:
        (homes / name).mkdir(exist_ok=True)
        os.chown(homes / name, 1000, 1000)


def config(homes, last: str) -> str:
    assert VOLUME in READABLE
    listed = READABLE.replace("version = 1\n", 'version = 1\nuser_format_attributes = ["home"]\n')
    return listed.replace(VOLUME, f'type = "bind"\nsource = "{homes}/{last}"\n')


def test_s9_each_name_has_its_own_folder(user, clean, homes) -> None:
    clean.deploy(config(homes, "{username}"))
    names = ["bob", "..bob", "{username}", "..%2fbob", "two words"]
    make(homes, names)
    for name in names:
        one = user(name)
        one.start().write("whose.txt", name)
        one.stop()
    assert [(homes / name / "whose.txt").read_text() for name in names] == names
    assert not (homes / "whose.txt").exists()


# What an authenticator could be made to say, by user.
ELSEWHERE = {
    f"user{number}": home
    for number, home in enumerate(["../bob", "..", ".", "", "bob/../bob", "/etc", "bob/", "x/../../homes", "bob\0"])
}


def test_s9_no_value_leads_to_another_folder(user, clean, homes) -> None:
    hook = f"HOMES = {ELSEWHERE!r}\nc.Spawner.auth_state_hook = lambda spawner, state: setattr(\n"
    hook += "    spawner.user, 'home', HOMES.get(spawner.user.name, spawner.user.name))\n"
    clean.deploy(config(homes, "{home}"), hook)
    make(homes, ["bob"])
    for name, home in ELSEWHERE.items():
        answer = user(name).hub.request_start(name)
        assert answer.status in (400, 500), (home, answer)
        assert any(f"({code})" in answer.json["message"] for code in ("refused", "config")), (home, answer)
    assert clean.lasting_leftovers() == []
    user("bob").start().write("whose.txt", "bob")
    assert (homes / "bob" / "whose.txt").read_text() == "bob"


def test_s9_no_home_is_everybodys(user, clean, homes) -> None:
    # What it did not know it left as it was: one volume for all.
    everybodys = "home-{user.name}"
    assert VOLUME in SERVERS
    clean.deploy(SERVERS.replace(VOLUME, f'source = "{everybodys}"\n'))
    answer = user("alice").hub.request_start("alice")
    assert answer.status == 500 and "(config)" in answer.json["message"], answer
    assert clean.servers() == []
    assert everybodys not in clean.engine.docker("volume", "ls", "--quiet").split()


def test_s9_who_takes_anothers_readable_name_gets_nothing_of_theirs(user, clean, homes) -> None:
    clean.deploy(READABLE)
    first = user("a@b.c")
    first.start().write("whose.txt", "first")
    (service,) = clean.servers()
    owner = service.removeprefix("jupyter-").removesuffix("-1")
    assert owner.startswith("a-b-c")
    second = user(owner)
    assert second.start().ask("GET", "contents/whose.txt").status == 404
    assert len(clean.servers()) == 2
    second.stop()
    assert first.notebook().read("whose.txt") == "first"
