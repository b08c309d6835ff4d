"""Files that users send along with a request, by the hub's REST API."""

from __future__ import annotations

import pytest

from client import until
from deployment import SERVERS

UPLOADS = SERVERS.replace(
    "version = 1\n",
    'version = 1\nenable_user_upload_install_files = true\nallowed_user_upload_extensions = [".txt", ".yml"]\n',
)
FOLDER = "/user-installs"


@pytest.fixture(autouse=True, scope="module")
def uploads(deployment):
    deployment.deploy(UPLOADS)
    yield
    deployment.deploy()


def file(name: str = "requirements", extension: str = ".txt", data: str = "numpy\n") -> dict[str, str]:
    return {"name": name, "extension": extension, "data": data}


def configs(clean) -> list[str]:
    return [line for line in clean.leftovers() if line.startswith("config ")]


def test_s7_files_are_in_the_container_and_go_with_the_server(user, clean) -> None:
    alice, bob = user("alice"), user("bob")
    text = "numpy # {api_token} {{ username }} {{ .Task.ID }} «ü»\n"
    options = {"user_install_files": [file(data=text), file("more", ".yml", "a: 1\n")]}
    # The hub has stored what was asked for: the second start, without options, brings it again.
    for asked in (options, None):
        answer = alice.hub.ask("POST", alice.hub.path("alice"), asked, token=alice.hub.token_of("alice"))
        assert answer.status in (201, 202), answer
        assert alice.hub.outcome("alice")["ready"]
        assert alice.notebook().run(f"print(open('{FOLDER}/requirements.txt').read(), end='')") == text
        assert alice.notebook().run(f"import os; print(sorted(os.listdir('{FOLDER}')))") == "['more.yml', 'requirements.txt']\n"
        assert len(configs(clean)) == 2
        alice.stop()
        assert configs(clean) == []
    # Nobody else gets them.
    assert bob.start().run(f"import os; print(os.path.exists('{FOLDER}'))") == "False\n"


@pytest.mark.parametrize(
    "files",
    [
        [file(), file()],
        [file(), file(data="other\n")],
        [file("../../etc/cron.d/x")],
        [file("..")],
        [file("/etc/passwd")],
        [file("a/../../b")],
        [file("x", ".sh")],
        [file("x", "/../../y.txt")],
        [file(f"x{number}") for number in range(11)],
        [file(data="x" * 1_024_000)],
    ],
    ids=["twice", "twice-and-other", "above", "dots", "absolute", "detour", "extension", "extension-above", "many", "large"],
)
def test_s7_files_that_may_not_be_are_refused_and_leave_nothing(user, clean, files) -> None:
    alice = user("alice")
    answer = alice.hub.ask("POST", alice.hub.path("alice"), {"user_install_files": files}, token=alice.hub.token_of("alice"))
    assert answer.status == 400, answer
    assert "(refused)" in answer.json["message"]
    assert clean.lasting_leftovers() == []


def test_what_somebody_removed_leaves_no_files(user, clean) -> None:
    alice = user("alice")
    answer = alice.hub.request_start("alice", options={"user_install_files": [file()]})
    assert answer.status in (201, 202), answer
    assert alice.hub.outcome("alice")["ready"]
    (server,) = clean.servers()
    clean.engine.docker("service", "rm", server)
    until(lambda: alice.hub.server("alice") is None, 60, "the hub has noticed")
    assert configs(clean) == []


def test_a_failed_start_takes_the_files_along(user, clean) -> None:
    clean.deploy(UPLOADS + '\n[[images]]\nname = "Ends"\nimage = "IMAGE"\nargs = ["sh", "-c", "exit 3"]\n')
    alice = user("alice")
    alice.hub.request_start("alice", options={"profile": "Ends", "user_install_files": [file()]})
    assert "(exited)" in alice.hub.outcome("alice")["message"]
    assert configs(clean) == []
