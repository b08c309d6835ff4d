"""Each finding of the predecessor's review, tried through the hub's own REST API by an ordinary user."""

from __future__ import annotations

import html
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import escaped
from deployment import SERVERS
from users import start_all

# A listed name of 32 characters let in all that end in it; one that is longer let nobody in.
TAIL = "of-the-department-of-mathematics"
LONG = "paola-of-the-faculty-of-natural-sciences"
LISTED = json.dumps(["carol", TAIL, LONG])

DESK = """
[user_defaults]
desk = "none"

[container_spec]
labels = { desk = "{desk}" }
env = { HOUSE = "ours" }
"""

GUARDED = (
    SERVERS.replace("version = 1\n", 'version = 1\nuser_format_attributes = ["desk"]\n').replace("[container_spec]\n", DESK)
    + """
[[images]]
name = "Staff"
image = "IMAGE"
access = ["group:staff"]

[[images]]
name = "Listed"
image = "IMAGE"
access = LISTED

[[images]]
name = "In a file"
image = "IMAGE"
access = { file = "/srv/jupyterhub/data/readers.txt" }

[user_options.allow]
"container_spec.env.NOTE" = true
"container_spec.env.THEME" = { values = ["dark", "light"] }
"resource_spec.cpu_limit" = { min = 0.5, max = 1 }
"""
)

TEXTS = ["{user.settings}", "{api_token}", "{{ username }}", "{0.__class__}", "{{ .Task.ID }}", "<username>"]


@pytest.fixture(autouse=True, scope="module")
def guarded(deployment):
    # The folder is a volume, which outlives the hub.
    write = "printf 'dave\ngroup:readers\n' > /srv/jupyterhub/data/readers.txt"
    deployment.engine.docker("exec", deployment.container(), "sh", "-c", write)
    more = 'c.Spawner.auth_state_hook = lambda spawner, state: setattr(spawner.user, "desk", "{api_token} {user.settings}")'
    deployment.deploy(GUARDED.replace("LISTED", LISTED), more)
    yield
    deployment.deploy()


def ask(one, options, server=""):
    own = one.hub.token_of(one.name)
    return one.hub.ask("POST", one.hub.path(one.name, server), options, token=own)


def start(one, options=None, server=""):
    """Starts a server as its user does, with a token of their own."""
    answer = ask(one, options, server)
    assert answer.status in (201, 202), answer
    event = one.hub.outcome(one.name, server)
    assert event["ready"], event
    return one.notebook(server)


def spec(clean):
    (service,) = clean.servers()
    return json.loads(clean.engine.docker("service", "inspect", service))[0]["Spec"]


def test_s1_what_a_user_says_is_never_a_template(user, clean) -> None:
    alice, text = user("alice"), " ".join(TEXTS)
    notebook = start(alice, {"container_spec": {"env": {"NOTE": text}}})
    # It took the place of all that the operator and the hub had set.
    names = ["NOTE", "HOUSE", "JUPYTERHUB_USER"]
    told = notebook.run(f"import json, os; print(json.dumps([os.environ.get(name) for name in {names}]))")
    assert json.loads(told) == [text, "ours", "alice"]
    # Nor is what the hub knows of a user.
    assert spec(clean)["TaskTemplate"]["ContainerSpec"]["Labels"]["desk"] == "{api_token} {user.settings}"


@pytest.mark.parametrize(
    "options",
    [
        {"container_spec": {"mounts": [{"type": "bind", "source": "/", "target": "/host"}], "user": "root"}},
        {"container_spec": {"mounts": ["/var/run/docker.sock:/var/run/docker.sock"]}},
        {"container_spec": {"cap_add": ["ALL"]}},
        {"container_spec": {"mounts": [{"source": "home-bob", "target": "/bob"}]}},
        {"container_spec": {"configs": ["jupyterhub_config-1"]}},
        {"container_spec": {"secrets": ["jupyterhub_hub_password"]}},
        {"resource_spec": {"mem_limit": "64G"}},
        {"resource_spec": {"cpu_limit": 64}},
        {"resource_spec": {"cpu_limit": 0.1}},
        {"container_spec": {"env": {"THEME": "; id"}}},
        {"placement": {"constraints": []}},
        {"networks": ["bridge"]},
        {"container_spec": {"env": {"PATH": "/tmp"}}},
        {"container_spec": {"env": {"HOUSE": "mine"}}},
        {"container_spec": {"env": {"JUPYTERHUB_USER": "bob"}}},
        {"image": "evil:1"},
        {"unset": ["mounts:/home/jovyan/work"]},
        {"merge": "deep"},
        {"container_spec.user": "root"},
        {"overrides": {"container_spec": {"user": "root"}}},
        {"profile": "Plain", "user_selected_image": "evil:1"},
    ],
)
def test_s2_a_request_sets_nothing_that_is_not_opened(user, clean, faults, options) -> None:
    alice = user("alice")
    begun = time.monotonic()
    answer = ask(alice, options)
    took = time.monotonic() - begun
    assert answer.status == 400, answer
    assert "(refused)" in answer.json["message"]
    assert clean.servers() == []
    if options.get("container_spec", {}).get("user") == "root" and len(options) == 1:
        fault = "an ordinary user asks for a root container with the host's `/`"
        faults.saw(fault, took, f"{answer.status}: “{answer.json['message']}”")
    # The hub has stored what was asked for: a start without options asks for it again.
    assert alice.hub.request_start("alice").status == 400
    assert clean.servers() == []


def test_s3_nobody_takes_another_users_server(user, clean) -> None:
    tail = "-of-the-department-of-mathematics"
    anna, maria = user(f"anna{tail}"), user(f"maria{tail}")
    first = start(anna)
    start(maria)
    maria.stop()
    assert first.run("print(1)") == "1\n"


def test_s4_a_named_server_is_no_other_users_default_one(user, clean) -> None:
    alice, joined = user("alice"), user("alice-bob")
    # With `bob` the hub itself would give both one name, that of its OAuth client.
    start(alice, server="bob-1")
    start(joined)
    assert len(clean.servers()) == 2
    joined.stop()
    assert alice.notebook("bob-1").run("print(1)") == "1\n"


@pytest.mark.parametrize("options", [{"profile": "Staff"}, {"user_selected_name": "Staff"}, {"select_image": "Staff"}])
def test_s5_a_profile_is_only_for_those_who_have_access(user, clean, options) -> None:
    answer = ask(user("alice"), options)
    assert answer.status == 400, answer
    assert "Staff" not in clean.browser("alice").get("/hub/spawn/alice").text


@pytest.fixture
def groups(clean):
    """Groups of the hub's, with their members."""
    members = {"staff": ["bob"], "readers": ["erin"]}
    for group, names in members.items():
        for name in names:
            clean.hub.add_user(name)
        assert clean.hub.ask("POST", f"/groups/{group}").status == 201
        assert clean.hub.ask("POST", f"/groups/{group}/users", {"users": names}).status == 200
    yield
    for group in members:
        assert clean.hub.ask("DELETE", f"/groups/{group}").status == 204


@pytest.mark.parametrize(
    ("profile", "allowed", "refused"),
    [
        ("Staff", ["bob"], ["alice", "erin", "staff", "group:staff"]),
        # As parts of a name, or longer, they were let in.
        ("Listed", ["carol", LONG], ["alice", "bob", "caro", "carola", "arol", f"x{TAIL}", f"x{LONG}", LONG[-32:]]),
        ("In a file", ["dave", "erin"], ["alice", "bob", "dav", "readers", "readers.txt"]),
    ],
)
def test_s5_those_who_have_access_get_the_profile_and_nobody_else(user, clean, groups, profile, allowed, refused) -> None:
    for name in refused:
        assert ask(user(name), {"profile": profile}).status == 400
        assert f'value="{profile}"' not in clean.browser(name).get(f"/hub/spawn/{name}").text
    assert clean.lasting_leftovers() == []
    for name in allowed:
        one = user(name)
        assert f'value="{profile}"' in clean.browser(name).get(f"/hub/spawn/{name}").text
        assert ask(one, {"profile": profile}).status in (201, 202)
        assert one.hub.outcome(name)["ready"]
        assert spec(clean)["TaskTemplate"]["ContainerSpec"]["Labels"]["image_name"] == profile
        one.stop()


def test_the_form_and_the_api_make_the_same_server(user, clean) -> None:
    alice, made = user("alice"), []
    alice.start(options={"profile": "Same again", "container_spec": {"env": {"NOTE": "a note"}}})
    made.append(spec(clean))
    alice.stop()
    clean.browser("alice").post("/hub/spawn/alice", {"profile": "Same again", "option:container_spec.env.NOTE": "a note"})
    assert alice.hub.outcome("alice")["ready"]
    made.append(spec(clean))
    for one in made:
        container = one["TaskTemplate"]["ContainerSpec"]
        assert "NOTE=a note" in container["Env"]
        # Each start has a token of its own.
        container["Env"] = [line for line in container["Env"] if not line.startswith(("JPY_API_TOKEN=", "JUPYTERHUB_API_TOKEN="))]
    assert made[0] == made[1]


@pytest.mark.parametrize("profile", ["Staff", "Nothing"])
def test_the_form_refuses_what_the_api_refuses_in_the_same_words(user, clean, profile) -> None:
    alice = user("alice")
    answer = ask(alice, {"profile": profile})
    assert answer.status == 400, answer
    page = clean.browser("alice").refused("alice", {"profile": profile}).text
    assert answer.json["message"] in html.unescape(page), (answer.json, page)
    assert clean.servers() == []


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "a.sh", "ok.txt"])
def test_s7_uploads_are_refused_unless_they_are_enabled(user, clean, name) -> None:
    stem, dot, extension = name.rpartition(".")
    upload = {"name": stem or name, "extension": dot + extension if dot else "", "data": "numpy\n"}
    assert ask(user("alice"), {"user_install_files": [upload]}).status == 400


def test_s8_no_secret_is_in_the_hubs_log_or_in_a_process(user, clean) -> None:
    alice = user("alice")
    processes = ""
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(alice.start)
        while not started.done():
            processes += clean.engine.docker("top", clean.container(), "-eo", "pid,args")
            time.sleep(0.1)
        started.result()
    assert "swarmgen spawner start" in processes
    environment = spec(clean)["TaskTemplate"]["ContainerSpec"]["Env"]
    (token,) = [line.partition("=")[2] for line in environment if line.startswith("JUPYTERHUB_API_TOKEN=")]
    cookie = clean.engine.docker("exec", clean.container(), "cat", "/srv/jupyterhub/data/cookie_secret").strip()
    proxy = clean.engine.docker("exec", clean.container(), "cat", "/run/secrets/proxy_token").strip()
    log = clean.log()
    assert "alice" in log
    for secret in (token, cookie, proxy):
        assert secret not in log
        assert secret not in processes


@pytest.mark.parametrize("name", ["..bob", "..%2fbob", "{username}", "{name}", "%2e%2e%2fbob", "bob\u202egnp"])
def test_s9_s10_names_go_nowhere_they_should_not(user, clean, name) -> None:
    # A name with a slash is none to JupyterHub itself.
    bob, odd = user("bob"), user(name)
    of_bob, of_odd = start_all([bob, odd])
    of_bob.write("whose.txt", "bob")
    assert of_odd.ask("GET", "contents/whose.txt").status == 404
    page = clean.browser("bob").get("/hub/home")
    assert page.status == 200
    # The engine is asked for services, tasks, networks and the like by ids and names of letters, digits and dashes.
    assert clean.proxy.paths
    odd_paths = [path for path in clean.proxy.paths if ".." in path or not re.fullmatch(r"/[A-Za-z0-9._/:-]+", path)]
    assert odd_paths == []


def test_s10_nobody_is_called_as_the_folder_above(clean) -> None:
    for name in ("..", "../bob", "a/b"):
        assert clean.hub.ask("POST", "/users", {"usernames": [name]}).status == 400
        assert clean.hub.ask("POST", f"/users/{escaped(name)}").status in (400, 405)
    assert [user["name"] for user in clean.hub.ask("GET", "/users").json if user["name"] in ("..", "../bob", "a/b")] == []
