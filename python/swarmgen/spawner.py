"""JupyterHub's spawner over the `swarmgen` program.

    c.JupyterHub.spawner_class = "swarmgen"
    c.SwarmgenSpawner.config_file = "/etc/jupyterhub/swarmgen.toml"

It speaks to no engine and decides nothing about servers: what it is asked it hands on, and what comes back it tells the hub. The
protocol is docs/spawner-protocol.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from html import escape
from typing import Any, ClassVar, Optional
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from jupyterhub.orm import APIToken
from jupyterhub.spawner import Spawner
from traitlets import Float, List, Unicode, Union, default

from swarmgen import attributes
from swarmgen.failure import Failure
from swarmgen.program import GRACE, Event, Program, failed, find

# How long the engine may take to say whether a server runs. The hub asks again every `poll_interval`.
POLL_TIMEOUT = 10.0
# How many programs that ask this run at once: after its start a hub asks for all servers in one moment.
POLLS = 8
# How long an engine that did not answer is taken to be away, for all servers: each of them would wait as long for it.
AWAY = 5.0
# How long one attempt to stop a server may take.
STOP_TIMEOUT = 60.0
# The longest time between two attempts to stop a server while the engine is away.
PATIENCE = 15.0
# How long the config may take to be read, with what it names: a user's form waits for it, and at first every start.
READING = 60.0
# What the config says and jupyterhub_config.py therefore cannot.
OVERRULED = ("args", "cmd", "cpu_guarantee", "cpu_limit", "mem_guarantee", "mem_limit", "notebook_dir", "port")
# The program sets them from what a server gets, its profile's and its user's.
LIMITS = frozenset({"CPU_GUARANTEE", "CPU_LIMIT", "MEM_GUARANTEE", "MEM_LIMIT"})


async def _in_time(asking: Awaitable[Event], seconds: float) -> Event:
    """What the program answers; a failure if that takes too long."""
    try:
        return await asyncio.wait_for(asking, seconds)
    except asyncio.TimeoutError:
        message = "The settings of this hub's servers could not be read in time. Tell those who run this hub."
        return failed("timeout", message, f"the program did not read the config within {seconds:g} s")


class SwarmgenSpawner(Spawner):
    """Starts servers as Docker Swarm services, as a swarmgen config says."""

    config_file = Union(
        [Unicode(), List(Unicode())],
        help="The swarmgen config, or several that merge in their order. Empty: as the program finds it by itself.",
    ).tag(config=True)

    docker_host = Unicode(
        help="The engine, a manager of the swarm, as DOCKER_HOST names it. Empty: as the docker command finds it.",
    ).tag(config=True)

    program = List(Unicode(), help="The swarmgen program, with arguments before those of its commands.").tag(config=True)

    stop_timeout = Float(
        300.0,
        help="Seconds for which a server that is to stop is tried to be stopped while the engine is away. After that the hub "
        "forgets the server, and the next start replaces it.",
    ).tag(config=True)

    @default("program")
    def _program(self) -> list[str]:
        return [find()]

    # Of the base class, for a container elsewhere.

    @default("ip")
    def _ip(self) -> str:
        return "0.0.0.0"  # noqa: S104 -- in a container, on the servers' network

    @default("env_keep")
    def _env_keep(self) -> list[str]:
        return []

    @default("options_from_form")
    def _options_from_form(self) -> Any:
        return self._options_of_form

    @default("apply_user_options")
    def _apply_user_options(self) -> Any:
        # `start` checks and applies them; without a hook JupyterHub 6 warns that nothing does.
        return lambda _spawner, _options: None

    # What the program said of the config, by its command and arguments. It is asked once: a new port or time-out needs a
    # restart of the hub; all else in the config counts from the next start on.
    _settings: ClassVar[dict[Any, Event]] = {}
    # The questions for it that are under way.
    _learning: ClassVar[WeakKeyDictionary[Any, dict[Any, asyncio.Future[Event]]]] = WeakKeyDictionary()
    _polls: ClassVar[WeakKeyDictionary[Any, asyncio.Semaphore]] = WeakKeyDictionary()
    # Those that remove what servers left which have ended: all at once after a power cut.
    _removals: ClassVar[WeakKeyDictionary[Any, asyncio.Semaphore]] = WeakKeyDictionary()
    # Until when an engine is taken to be away, by the program's command and arguments.
    _away: ClassVar[WeakKeyDictionary[Any, dict[Any, float]]] = WeakKeyDictionary()
    _warned: ClassVar[set[str]] = set()

    # Of the base class.
    api_token: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # What the program wants to be told again.
        self._state: Optional[dict[str, Any]] = None
        # The exit code of a server of which nothing is left.
        self._ended: Optional[int] = None
        self._starting: Optional[asyncio.Future[str]] = None
        # Whether a server that was there before is to be kept; and whether one may be there that a start has not made.
        self._keeping = self._may_stay = False
        # The events of a start, each with the seconds that it came after its beginning.
        self._progress: list[tuple[float, Event]] = []
        self._begun = 0.0
        self._news = asyncio.Event()
        # How long the program may take to start the server, if the config says so.
        self._time: Optional[float] = None
        # Whether the config was asked for, by whatever came first.
        self._has_asked = False
        self._attributes: dict[str, Any] = {}
        # What was typed in a form that was refused, until it is shown again.
        self._typed: Optional[dict[str, list[str]]] = None

    # The program.

    def _binary(self) -> Program:
        files = [self.config_file] if isinstance(self.config_file, str) else self.config_file
        arguments = [word for file in files if file for word in ("--config", file)]
        if self.docker_host:
            arguments += ["-H", self.docker_host]
        return Program(self.program, arguments)

    async def _ask(self, verb: str, request: dict[str, Any], seconds: Optional[float] = None, **options: Any) -> Event:
        """Asks the program about this user and server; raises `Failure` if that is the result."""
        user = {
            "name": self.user.name,
            "admin": bool(self.user.admin),
            "groups": sorted(group.name for group in self.user.groups),
            "attributes": self._attributes,
        }
        request = {"user": user, "server": {"name": self.name}, **request}
        asking = self._binary().ask(verb, request, log=self._warn_once, **options)
        result = await (asking if seconds is None else _in_time(asking, seconds))
        for left in result.get("unreachable") or []:
            place = left.get("node") or "the engine's own node"
            reason = f" ({left['reason']})" if left.get("reason") else ""
            words = "swarmgen: %s of %s leaves a %s on %s%s: %s"
            self.log.warning(words, verb, self._log_name, left.get("kind"), place, reason, left.get("command"))
        if result["event"] == "failed":
            failure = Failure(result)
            detail = failure.detail or failure.jupyterhub_message
            self.log.error("swarmgen: %s of %s: %s (%s)", verb, self._log_name, detail, failure.code)
            if failure.left:
                self.log.error("swarmgen: left behind: %s", ", ".join(failure.left))
            raise failure
        return result

    def _warn_once(self, words: str) -> None:
        """Logs what the operator should know, and what each start would say again."""
        if words not in self._warned:
            self._warned.add(words)
            self.log.warning("swarmgen: %s", words)

    async def _learn(self) -> Event:
        """Takes over what the config says of the hub's own business."""
        program = self._binary()
        told = self._settings.get(program.key) or await self._ask_for_settings(program)
        self._has_asked = True
        if told["event"] == "failed":
            raise Failure(told)
        self._settings[program.key] = told
        for warning in told.get("warnings") or []:
            self._warn_once(warning)
        for name in OVERRULED:
            if self._configured(name):
                self._warn_once(f"c.Spawner.{name} has no effect; the config of swarmgen says it")
        self.port = told["service_port"]
        for name in ("mem_limit", "mem_guarantee", "cpu_limit", "cpu_guarantee"):
            setattr(self, name, told.get(name))
        # Variables of the server hold it already, with what is a template filled in.
        self.notebook_dir = ""
        if told.get("http_timeout") is not None and not self._configured("http_timeout"):
            self.http_timeout = int(told["http_timeout"])
        if told.get("start_timeout") is not None and not self._configured("start_timeout"):
            # The hub gives up after the program, which knows what it waits for, and needs a moment to undo what it did.
            self._time = float(told["start_timeout"])
            self.start_timeout = int(self._time + GRACE)
        hub = told.get("jupyterhub_service_name")
        if hub and not self._configured("hub_connect_url") and "hub_connect_url" not in self.config.JupyterHub:
            api = urlsplit(self.hub.api_url)
            self.hub_connect_url = f"{api.scheme}://{hub}:{api.port or self.hub.port}"
        return told

    async def _ask_for_settings(self, program: Program) -> Event:
        """What the program says of the config; many who ask in one moment get one answer."""
        asked = self._learning.setdefault(asyncio.get_running_loop(), {})
        asking = asked.get(program.key)
        if asking is None:
            asking = asked[program.key] = asyncio.ensure_future(self._read_settings(program))
            asking.add_done_callback(lambda _: asked.pop(program.key, None))
        return await asyncio.shield(asking)

    async def _read_settings(self, program: Program) -> Event:
        told = await _in_time(program.ask("settings", {}), READING)
        if told["event"] == "failed":
            self.log.error("swarmgen: the config: %s", told.get("detail") or told.get("message"))
        return told

    async def _learn_before_the_first_look(self) -> None:
        """Takes over what the config says of a server that was there before the hub, which waits by it for that server.

        A server that runs does not need the config: a faulty one is no reason to take it for dead, nor one that takes long.
        """
        if not self._has_asked:
            with suppress(Failure, asyncio.TimeoutError):
                await asyncio.wait_for(self._learn(), POLL_TIMEOUT)

    def _configured(self, name: str) -> bool:
        """Tells whether jupyterhub_config.py sets a trait."""
        return any(name in self.config[kind.__name__] for kind in type(self).mro() if kind.__name__ in self.config)

    # The user's choice.

    async def run_auth_state_hook(self, auth_state: Any) -> None:
        """Runs the operator's hook, and keeps what templates may name of the user."""
        await super().run_auth_state_hook(auth_state)
        try:
            told = await self._learn()
            self._attributes = attributes.named(told.get("user_format_attributes") or [], auth_state, self.user)
        except Failure:
            self._nothing_started()
            raise
        except ValueError as error:
            self._nothing_started()
            self.log.error("swarmgen: %s", error)
            raise Failure(failed("config", "What the hub knows of you cannot be used.", str(error))) from None

    async def get_options_form(self) -> Any:
        """The form's inner HTML; empty if there is nothing to choose."""
        if self.options_form:
            return await super().get_options_form()
        typed, self._typed = self._typed, None
        again = {} if typed is None else {"typed": {"fields": typed}}
        form = await self._ask("form", {"last_options": self.user_options or {}, **again}, seconds=READING)
        return form.get("html") or ""

    async def _options_of_form(self, posted: dict[str, list[Any]]) -> dict[str, Any]:
        fields = {name: [value for value in values if isinstance(value, str)] for name, values in posted.items()}
        files = {
            # JupyterHub marks fields with files by the end of their names.
            name[: -len("_file")]: [{"name": value["filename"], "content": value["body"]} for value in values]
            for name, values in posted.items()
            if name.endswith("_file") and values and all(isinstance(value, dict) for value in values)
        }
        typed = {name: values for name, values in fields.items() if values}
        try:
            answer = await self._ask("form", {"form": {"fields": typed, "files": files}}, seconds=READING)
        except Failure:
            # The hub shows the form again: what was typed is to stand there.
            self._typed = typed
            raise
        return dict(answer["user_options"])

    # Starting.

    async def create_certs(self) -> Any:
        """Refuses: a task's address is not known before it runs, so no certificate can hold it."""
        self._nothing_started()
        advice = "switch internal_ssl off, and encrypt the servers' network instead: docker network create --opt encrypted"
        self.log.error("swarmgen: internal_ssl: %s", advice)
        raise Failure(failed("config", "This hub cannot start servers: internal_ssl does not work with swarmgen.", advice))

    def _nothing_started(self) -> None:
        """Spares the hub the questions that follow a failed start."""
        if self._state is None and self._starting is None:
            self._ended = 1

    async def start(self) -> str:
        """Starts the server, and gives its URL once it listens."""
        asked = asyncio.get_running_loop().time()
        if self._starting is not None:
            # One that was given up, and still undoes what it did.
            await asyncio.wait([self._starting])
        self._ended = None
        self._progress.clear()
        self._begun = asyncio.get_running_loop().time()
        self._starting = starting = asyncio.ensure_future(self._start(asked))
        starting.add_done_callback(self._is_over)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # JupyterHub 5 and 6 wait a second for what they give up, then stop the server: `stop` waits for the rest.
            starting.cancel()
            raise

    def _is_over(self, starting: asyncio.Future[str]) -> None:
        self._starting = None
        self._announce()
        if not starting.cancelled():
            # Nobody may be there to be told.
            starting.exception()

    async def _start(self, asked: float) -> str:
        # The program gives up first.
        own_time = self.start_timeout - min(GRACE, max(1.0, self.start_timeout / 10))
        deadline = asked + (own_time if self._time is None else self._time)
        own = self.api_token
        existing = "tell"
        answer = await self._start_once(own, existing, deadline)
        if answer["event"] == "exists":
            token = answer.get("api_token")
            fresh = not answer["changed"] or answer["on_changed"] == "keep"
            existing = "replace"
            if answer["running"] and fresh and self._is_good(token):
                try:
                    answer = await self._start_once(token, "keep", deadline)
                    # The hub throws away the token that it had made for this start.
                    self.api_token = token
                    existing = "keep"
                except Failure as failure:
                    # The end of that one is not the end of what takes its place.
                    self._ended = None
                    self.log.warning("swarmgen: %s is replaced: %s", self._log_name, failure.detail)
            if existing == "replace":
                answer = await self._start_once(own, existing, deadline)
        self._state = answer["state"]
        address = f"[{answer['address']}]" if ":" in answer["address"] else answer["address"]
        return f"http://{address}:{answer['port']}"

    async def _start_once(self, token: Any, existing: str, deadline: float) -> Event:
        # Also one that is to be replaced, until its removal has begun.
        self._keeping, self._may_stay = existing == "keep", True
        own, self.api_token = self.api_token, token
        try:
            variables = {name: str(value) for name, value in self.get_env().items() if name not in LIMITS and value is not None}
        finally:
            self.api_token = own
        request = {
            "hub": {"env": variables},
            "user_options": self.user_options or {},
            "existing": existing,
            "wait": "listening",
            "http_timeout": self.http_timeout,
            "timeout": max(1.0, deadline - asyncio.get_running_loop().time()),
            "cancel_on_eof": True,
        }
        return await self._ask("start", request, tell=self._hear)

    def _is_good(self, token: Any) -> bool:
        """Tells whether a running server's token is still this user's."""
        found = APIToken.find(self.user.db, token) if isinstance(token, str) and token else None
        return found is not None and found.user is self.user.orm_user

    def _hear(self, event: Event) -> None:
        if event["event"] == "progress":
            self._progress.append((asyncio.get_running_loop().time() - self._begun, event))
            self._announce()
            if event.get("stage") != "checking" and not self._keeping:
                self._may_stay = False
        elif event["event"] == "failed" and not event.get("left") and not (event.get("code") == "cancelled" and self._may_stay):
            # Nothing is there that could be asked for or stopped.
            self._ended = 1

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """The stages of the start so far, then each when it comes."""
        seen = 0
        while True:
            while seen < len(self._progress):
                after, event = self._progress[seen]
                seen += 1
                message = str(event.get("message") or "")
                minutes, seconds = divmod(int(after), 60)
                html = f"<small>{minutes}:{seconds:02}</small> {escape(message)}"
                yield {"progress": event.get("percent", 0), "message": message, "html_message": html}
            if seen and self._starting is None:
                return
            await self._news.wait()

    # Running.

    async def poll(self) -> Optional[int]:
        """None while the server runs, may come back or cannot be asked for; else its exit code, and nothing of it is left."""
        if self._starting is not None:
            return None
        if self._ended is not None:
            return self._ended
        if self._state is None and self.server is None:
            return 0
        known, begun = self._state is not None, self._begun
        await self._learn_before_the_first_look()
        answer = await self._status()
        if answer is None or self._starting is not None or self._begun != begun:
            # An answer may be about the server before.
            return None
        if self._ended is not None:
            return self._ended
        # A start that the hub's end interrupted, and that did not come to anything.
        interrupted = not known and not answer.get("address")
        if answer["running"] and not interrupted:
            await self._follow(answer)
            return None
        # Without a service there may be its uploads and volumes: somebody else removed it, or its start did not come further.
        removals = self._removals.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(POLLS))
        try:
            async with removals:
                # It may have been stopped or begun anew meanwhile.
                if self._begun == begun and self._ended is None:
                    await self._remove(now=False, patience=0)
        except Failure:
            # It is tried again with the next question: until then the hub has to remember it.
            return None
        if self._begun != begun:
            return None
        if self._ended is not None:
            return self._ended
        self.log.warning("swarmgen: %s has ended: %s", self._log_name, answer.get("reason") or "its start was interrupted")
        code = answer.get("exit_code")
        self._ended = code if isinstance(code, int) else 0
        return self._ended

    async def _status(self) -> Optional[Event]:
        """What the program says of the server; None if it does not know, or cannot be asked."""
        loop = asyncio.get_running_loop()
        polls = self._polls.setdefault(loop, asyncio.Semaphore(POLLS))
        away, key = self._away.setdefault(loop, {}), self._binary().key
        async with polls:
            if loop.time() < away.get(key, 0.0):
                return None
            try:
                request = {"state": self._state, "timeout": POLL_TIMEOUT}
                answer = await asyncio.wait_for(self._ask("poll", request), POLL_TIMEOUT * 2)
            except Failure as failure:
                reason = str(failure)
            except asyncio.TimeoutError:
                reason = "the program did not answer"
                away[key] = loop.time() + AWAY
            else:
                if answer["running"] != "unknown":
                    return answer
                reason = str(answer.get("reason"))
                away[key] = loop.time() + AWAY
        self.log.warning("swarmgen: %s is taken to run, as it could not be asked for: %s", self._log_name, reason)
        return None

    async def _follow(self, answer: Event) -> None:
        """Takes note of where the server is now; the swarm may have moved it."""
        if answer.get("state"):
            self._state = answer["state"]
            self.orm_spawner.state = self.get_state()
        address, port, server = answer.get("address"), answer.get("port"), self.server
        if not address or server is None or (server.ip, server.port) == (address, port):
            self.user.db.commit()
            return
        self.log.info("swarmgen: %s is at %s:%s now", self._log_name, address, port)
        server.ip, server.port = address, port
        self.user.db.commit()
        if self.ready:
            try:
                await self.user.settings["proxy"].add_user(self.user, self.name)
            except Exception:
                # The hub looks after its routes every few minutes.
                self.log.exception("swarmgen: the proxy could not be told of %s", self._log_name)

    # Stopping.

    async def stop(self, now: bool = False) -> None:
        """Removes the server, and all that goes with it."""
        starting = self._starting
        if starting is not None:
            # JupyterHub 4 and 5 give up a start without ending it.
            starting.cancel()
            await asyncio.wait([starting])
        if self._ended is None:
            await self._remove(now, self.stop_timeout)
            self._ended = 0

    async def _remove(self, now: bool, patience: float) -> None:
        loop = asyncio.get_running_loop()
        deadline, delay = loop.time() + patience, 1.0
        told: list[Event] = []
        while True:
            try:
                request = {"state": self._state, "now": now, "timeout": STOP_TIMEOUT}
                asking = self._ask("stop", request, tell=told.append, finishes=True)
                await asyncio.wait_for(asking, STOP_TIMEOUT + GRACE)
                return
            except asyncio.CancelledError:
                # The hub ends, and forgets the server with that.
                if not any(event["event"] == "stopped" for event in told):
                    words = "swarmgen: stop of %s was cut short: what is left goes with its next start, or `swarmgen destroy`"
                    self.log.warning(words, self._log_name)
                raise
            except asyncio.TimeoutError:
                self.log.error("swarmgen: stop of %s: the program does not answer", self._log_name)
                raise Failure(failed("timeout", "The server could not be stopped in time.")) from None
            except Failure as failure:
                if failure.code != "engine-away" or loop.time() + delay > deadline:
                    raise
                await asyncio.sleep(delay)
                delay = min(2 * delay, PATIENCE)

    # What the hub keeps.

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes back what the hub kept."""
        super().load_state(state)
        kept = state.get("swarmgen")
        self._state = kept if isinstance(kept, dict) else None

    def get_state(self) -> dict[str, Any]:
        """What the hub keeps over a restart; nothing in it is secret."""
        state: dict[str, Any] = super().get_state()
        if self._state is not None:
            state["swarmgen"] = self._state
        return state

    def clear_state(self) -> None:
        """Forgets a server that is gone."""
        super().clear_state()
        self._state = None
