"""The conversation with the program: events, results, and how it is ended."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from swarmgen import program
from swarmgen.program import Program, find

SCRIPTED = str(Path(__file__).resolve().parent / "scripted.py")


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


async def asked(script, verb: str):
    """Waits until the program was asked something."""
    for _ in range(200):
        found = script.asked(verb)
        if found:
            return found[-1]
        await asyncio.sleep(0.05)
    raise AssertionError(f"{verb} was not asked")


async def test_events_come_while_it_runs_and_the_result_is_the_last(script):
    step = {"event": "progress", "stage": "pending", "percent": 20, "message": "…"}
    script.on("start", [{"emit": step}, {"sleep": 0.5}, {"emit": {"event": "later-version"}}, {"emit": {"event": "started"}}])
    told = []
    result = await Program([SCRIPTED]).ask("start", {"x": "ü"}, tell=lambda event: told.append((time.monotonic(), event)))
    assert result == {"event": "started"}
    assert [event["event"] for _, event in told] == ["progress", "later-version", "started"]
    assert told[1][0] - told[0][0] > 0.3
    assert script.requests("start") == [{"version": 1, "x": "ü"}]


async def test_arguments_are_the_command_and_what_is_shared(script):
    script.on("poll", [{"emit": {"event": "status"}}])
    await Program([SCRIPTED], ["--config", "a.toml"]).ask("poll", {"user": {"name": "alice"}})
    assert script.asked("poll")[0]["arguments"] == ["spawner", "poll", "--config", "a.toml"]


async def test_the_hubs_secrets_stay_with_the_hub(script, monkeypatch):
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "s3cret")
    monkeypatch.setenv("JUPYTERHUB_CRYPT_KEY", "s3cret")
    monkeypatch.setenv("STORAGE_PASSWORD", "the config refers to it")
    script.on("poll", [{"emit": {"event": "status"}}])
    await Program([SCRIPTED]).ask("poll", {})
    variables = script.asked("poll")[0]["variables"]
    assert "STORAGE_PASSWORD" in variables
    assert not {"CONFIGPROXY_AUTH_TOKEN", "JUPYTERHUB_CRYPT_KEY"} & set(variables)


async def test_bytes_in_user_options_become_base64(script):
    script.on("start", [{"emit": {"event": "started"}}])
    await Program([SCRIPTED]).ask("start", {"user_options": {"file": b"\x00\xff"}})
    assert script.requests("start")[0]["user_options"] == {"file": "AP8="}


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ([{"tell": "thread 'main' panicked"}, {"exit": 101}], "exit code 101, no result; standard error: thread 'main' panicked"),
        ([], "exit code 0, no result"),
        ([{"raw": "no json\n[1]\n{}\n"}], "exit code 0, no result"),
    ],
)
async def test_a_program_that_ends_without_a_result_has_failed(script, steps, shown):
    script.on("start", steps)
    result = await Program([SCRIPTED]).ask("start", {})
    assert (result["event"], result["code"]) == ("failed", "internal")
    assert shown in result["detail"]
    assert "panicked" not in result["message"]


async def test_a_line_without_end_is_not_kept(script, monkeypatch):
    monkeypatch.setattr(program, "LONGEST_LINE", 4096)
    script.on("start", [{"repeat": {"text": "x", "times": 1 << 20}}, {"sleep": 60}])
    result = await asyncio.wait_for(Program([SCRIPTED]).ask("start", {}), 10)
    assert result["code"] == "internal"


async def test_much_on_standard_error_blocks_nothing(script):
    script.on("start", [{"tell": "y" * (1 << 20)}, {"emit": {"event": "started"}}])
    assert await asyncio.wait_for(Program([SCRIPTED]).ask("start", {}), 10) == {"event": "started"}


async def test_a_missing_program_is_told():
    result = await Program(["/nowhere/swarmgen"]).ask("poll", {})
    assert result["code"] == "internal"
    assert "/nowhere/swarmgen" in result["detail"]
    assert "/nowhere" not in result["message"]


async def cancelled(script, verb: str, times: int = 1, **options) -> float:
    """Gives up asking a program something, which then is gone; how many seconds that took."""
    asking = asyncio.ensure_future(Program([SCRIPTED]).ask(verb, {}, **options))
    pid = (await asked(script, verb))["pid"]
    begun = time.monotonic()
    for _ in range(times):
        asking.cancel()
        await asyncio.sleep(0.1)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, 10)
    assert gone(pid)
    return time.monotonic() - begun


async def test_cancelled_it_lets_the_program_undo_and_waits_for_it(script):
    script.write(start=[[{"sleep": 60}]], undo=[{"sleep": 0.3}, {"emit": {"event": "failed", "code": "cancelled", "left": []}}])
    told = []
    await cancelled(script, "start", tell=told.append)
    assert [event["code"] for event in told] == ["cancelled"]


async def test_cancelled_again_it_still_waits(script):
    script.write(start=[[{"sleep": 60}]], undo=[{"sleep": 0.5}])
    await cancelled(script, "start", times=2)


async def test_a_program_that_does_not_end_is_killed(script):
    script.write(start=[[{"sleep": 60}]], stubborn=True)
    assert 0.4 < await cancelled(script, "start", grace=0.5) < 5


async def test_what_finishes_is_not_ended_when_its_caller_is(script):
    script.write(stop=[[{"sleep": 0.5}, {"emit": {"event": "stopped"}}]])
    told = []
    await cancelled(script, "stop", times=2, tell=told.append, finishes=True)
    assert told == [{"event": "stopped"}]
    assert not script.lines("given-up.jsonl")


async def test_what_finishes_is_ended_when_it_takes_too_long(script):
    script.write(stop=[[{"sleep": 60}]])
    assert 0.4 < await cancelled(script, "stop", grace=0.5, finishes=True) < 5
    assert len(script.lines("given-up.jsonl")) == 1


async def test_programs_that_begin_at_once_do_not_hold_up_the_hub_together(script, monkeypatch):
    script.on("poll", [{"emit": {"event": "status"}}])
    begin = asyncio.create_subprocess_exec

    async def begin_on_a_busy_machine(*arguments, **options):
        # So does the real one.
        time.sleep(0.1)
        return await begin(*arguments, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", begin_on_a_busy_machine)
    asking = asyncio.gather(*(Program([SCRIPTED]).ask("poll", {}) for _ in range(10)))
    longest, last = 0.0, time.monotonic()
    while not asking.done():
        await asyncio.sleep(0)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    assert await asking == [{"event": "status"}] * 10
    assert longest < 0.5


async def test_the_hub_comes_before_its_programs(script):
    script.on("poll", [{"sleep": 0.5}, {"emit": {"event": "status"}}])
    asking = asyncio.ensure_future(Program([SCRIPTED]).ask("poll", {}))
    pid = (await asked(script, "poll"))["pid"]
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + program.YIELD)
    await asking


async def test_the_hubs_death_ends_the_program(script, tmp_path):
    """Standard input ends with whoever held its other side."""
    script.write(start=[[{"sleep": 60}]])
    code = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(program.__file__).parents[1])!r})
from swarmgen.program import Program
asyncio.run(Program([{SCRIPTED!r}]).ask("start", {{}}))
"""
    hub = subprocess.Popen([sys.executable, "-c", code])
    pid = (await asked(script, "start"))["pid"]
    hub.kill()
    hub.wait()
    for _ in range(100):
        if gone(pid):
            break
        await asyncio.sleep(0.05)
    assert gone(pid)
    assert script.lines("given-up.jsonl") == ["end of input"]


async def test_the_loop_goes_on_meanwhile(script):
    script.on("start", [{"sleep": 0.5}, {"emit": {"event": "started"}}])
    gaps, last = [], time.monotonic()

    async def watch():
        nonlocal last
        while True:
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()

    watching = asyncio.ensure_future(watch())
    await asyncio.gather(*(Program([SCRIPTED]).ask("start", {}) for _ in range(4)))
    watching.cancel()
    assert len(gaps) > 20
    assert sorted(gaps)[len(gaps) // 2] < 0.1


def test_the_program_beside_the_package_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(program.sysconfig, "get_path", lambda _: str(tmp_path / "none"))
    monkeypatch.setattr(program, "__file__", str(tmp_path / "swarmgen" / "program.py"))
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    assert find() == "swarmgen"
    for folder in ("elsewhere", "bin"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "swarmgen").touch(mode=0o755)
        assert find() == str(tmp_path / folder / "swarmgen")
