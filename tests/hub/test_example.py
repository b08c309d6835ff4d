"""examples/jupyterhub as its README says, from nothing to a running notebook.

What stands in for the registries: the README's images are there under their names, made of the tests' own, and the hub's
image finds the culler in its base and the wheel in the folder. The wheel is built as the README says, in cargo's quicker
profile. All else is the example's, but for a time-out: Dockerfile, stack, both configs, and the README's commands.
"""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from client import Browser, until
from deployment import EXAMPLE, STACK, WHEELS
from notebook import Notebook

# For the machine that the tests run on: an engine of their own, perhaps without IPVS.
OVERRIDE = """
version: "3.8"
services:
  jupyterhub:
    volumes:
      - {{type: bind, source: {socket}, target: /var/run/docker.sock}}
    deploy: {{endpoint_mode: dnsrr}}
  proxy:
    deploy: {{endpoint_mode: dnsrr}}
"""
HUB = "FROM {image}\nENV PIP_NO_INDEX=1\n"
SERVER = "FROM {image}\nRUN ln -s /srv/venv/bin/jupyterhub-singleuser /usr/local/bin/start-singleuser.py\nUSER 1000:1000\n"
# Done before, or elsewhere: the swarm is there, the wheel is built.
LEFT_OUT = ("cd ", "pip install", "maturin build", "docker swarm init")


def readme() -> list[list[str]]:
    """The commands of the README's blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (EXAMPLE / "README.md").read_text(), re.S | re.M)
    return [[line for line in block.splitlines() if line] for block in blocks]


def named(file: str, pattern: str) -> str:
    """The one image that a file names."""
    (found,) = set(re.findall(pattern, (EXAMPLE / file).read_text()))
    return str(found)


@pytest.fixture
def folder(deployment, tmp_path):
    """A copy of the example, on a swarm where nothing of a hub is."""
    deployment.remove()
    engine = deployment.engine
    (release,) = re.findall(r"^ARG JUPYTERHUB=(.*)$", (EXAMPLE / "Dockerfile").read_text(), re.M)
    stand_ins = {
        named("Dockerfile", r"FROM (.*)").replace("${JUPYTERHUB}", release): HUB,
        named("stack.yml", r"PROXY_IMAGE:-(.*)}"): "FROM {image}\n",
        named("swarmgen.toml", r'image = "(.*)"'): SERVER,
    }
    # The hub that the example's image is made from, as near as the tests have it.
    image = engine.load(release.split(".")[0])
    for name, recipe in stand_ins.items():
        text = recipe.format(image=image)
        engine.docker("build", "--quiet", "--network", "none", "--tag", name, "-", text=text, DOCKER_BUILDKIT="0")
    place = tmp_path / "jupyterhub"
    shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("wheels"))
    shutil.copytree(WHEELS, place / "wheels")
    with (place / "jupyterhub_config.py").open("a") as file:
        # The machine may be busy with other tests.
        file.write("c.SwarmgenSpawner.http_timeout = 180\n")
    (place / "override.yml").write_text(OVERRIDE.format(socket=deployment.proxy.listen))
    yield place
    deployment.remove()
    engine.docker("image", "rm", "swarmgen-hub:1", *stand_ins)
    deployment.open()


def run(deployment, folder, command: str) -> None:
    command = command.replace("-c stack.yml", "-c stack.yml -c override.yml")
    variables = deployment.engine.variables | {"DOCKER_BUILDKIT": "0"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def open_lab(browser: Browser) -> bool:
    page = browser.get("/user/alice/lab")
    return page.url.endswith("/user/alice/lab") and page.status == 200 and "jupyter-config-data" in page.text


def test_the_readme_leads_from_nothing_to_a_notebook(deployment, folder) -> None:
    first, change = readme()
    for command in first:
        if not command.startswith(LEFT_OUT):
            run(deployment, folder, command)
    (password,) = re.findall(r"printf '(.*)' \|", "\n".join(first))
    browser = Browser(deployment.url)

    def answers() -> bool:
        try:
            return browser.get("/hub/login").status == 200
        except OSError:
            return False

    try:
        until(answers, 120, "the hub answers")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{deployment.log()}") from None
    browser.log_in("alice", password)
    form = browser.get("/hub/spawn/alice").text
    assert 'value="Small"' in form and 'value="Large"' not in form
    browser.post("/hub/spawn/alice", {"profile": "Small"})
    until(lambda: open_lab(browser), 240, "the lab is there")
    notebook = Notebook(deployment.url, "/user/alice/", browser.token("alice"))
    notebook.write("note.txt", "mine")
    shown = notebook.run("import os; print(open('/home/jovyan/work/note.txt').read(), os.environ['MEM_LIMIT'])")
    assert shown == f"mine {1 << 30}\n"
    # The hub's own service runs.
    processes = deployment.engine.docker("top", deployment.container(), "-eo", "pid,args")
    assert "jupyterhub_idle_culler --timeout=3600" in processes
    # A change of the config reaches the next server, and leaves this one alone.
    config = folder / "swarmgen.toml"
    config.write_text(config.read_text().replace('"1G"', '"900M"'))
    (server,) = deployment.servers()
    assert STACK == "jupyterhub", "the README's own name"
    before = deployment.container(), deployment.container(server)
    for command in change:
        run(deployment, folder, command)
    until(lambda: deployment.has_another_container(before[0]) and answers(), 120, "the next hub answers")
    assert deployment.container(server) == before[1]
