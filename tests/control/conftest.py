from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.waiting import until
from tokenguard import prices
from tokenguard.client import Daemon
from tokenguard.client.exchange import Exchange
from tokenguard.control import Control
from tokenguard.errors import ConfigError, UsageError
from tokenguard.guard import AskForMore, OpenSession
from tokenguard.guard.hub import Hub
from tokenguard.importing.importer import Progress, Tell
from tokenguard.prices import decode
from tokenguard.records import Budget, Event, Session


class FakeGuard:
    """Takes down what it is asked."""

    def __init__(self) -> None:
        self.grants = self
        self.hub = Hub()
        self.opened: list[OpenSession] = []
        self.done: list[tuple[object, ...]] = []
        self.failure: Exception | None = None
        self.sessions: dict[str, dict[str, Any]] = {}

    def status(self) -> dict[str, Any]:
        if self.failure:
            raise self.failure
        return {"totals": {}, "sessions": [], "budgets": [], "holds": []}

    async def open_session(self, asked: OpenSession) -> tuple[Session, str]:
        self.opened.append(asked)
        return Session(id="xk", agent=asked.agent, started_us=1), "t0ken"

    async def session(self, session_id: str) -> dict[str, Any] | None:
        return self.sessions.get(session_id)

    async def steer(self, session_id: str, deed: str, pid: int, started_us: int) -> int:
        self.done.append(("steer", session_id, deed, pid, started_us))
        return 3

    def set_pid(self, session_id: str, pid: int) -> None:
        self.done.append(("pid", session_id, pid))

    def turn_ended(self, session_id: str) -> None:
        self.done.append(("turn-ended", session_id))

    async def end_session(self, session_id: str, exit_code: int | None) -> dict[str, Any]:
        if session_id != "xk":
            raise UsageError(f"no session {session_id} is running", "see tokenguard status")
        self.done.append(("end", session_id, exit_code))
        return {"id": session_id, "cost_nanos": 5}

    def subscribe(self, *types: str) -> AbstractContextManager[AsyncIterator[Event]]:
        return self.hub.subscribe(*types)

    async def answer_hold(self, hold_id: str, *, answer: str, amount: str | None, reason: str | None) -> dict[str, Any]:
        if hold_id != "7f2c":
            raise UsageError(f"no call {hold_id} waits", "see tokenguard status")
        self.done.append(("hold", hold_id, answer, amount, reason))
        return {"id": hold_id, "answer": answer}

    async def ask_for_more(self, asked: AskForMore) -> dict[str, Any]:
        self.done.append(("ask", asked))
        return {"id": "7f2c", "answer": "waiting"}

    def official(self, rate_limits: bytes) -> None:
        self.done.append(("official", rate_limits))

    async def release_landing(self, name: str, reason: str) -> dict[str, Any]:
        self.done.append(("land", name, reason))
        return {"name": name, "landing": 2}

    async def raise_budget(self, name: str, amount: str, reason: str, ttl: str | None) -> dict[str, Any]:
        self.done.append(("raise", name, amount, reason, ttl))
        return {"name": name, "limit": 7}


class FakeTeams:
    """Takes down what teams are asked."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []
        self.failure: Exception | None = None

    def view(self) -> dict[str, Any]:
        return {"teams": [{"name": "web"}]}

    async def sync(self, name: str | None) -> None:
        self._do("sync", name)

    async def lease(self, name: str | None, amount: str) -> None:
        self._do("lease", name, amount)

    async def change(self, name: str | None, budget: str, amount: str, reason: str) -> None:
        self._do("change", name, budget, amount, reason)

    async def leave(self, name: str) -> None:
        self._do("leave", name)

    def reload(self) -> None:
        self._do("reload")

    def _do(self, *asked: object) -> None:
        if self.failure is not None:
            raise self.failure
        self.done.append(asked)


class FakeSettings:
    """Takes down what is changed."""

    def __init__(self) -> None:
        self.catalogue = decode((files(prices) / "catalogue.json").read_bytes())
        self.reloaded = 0
        self.sound = True
        self.budgets: list[tuple[Budget, bool]] = []
        self.changed: list[tuple[object, ...]] = []

    def set_budget(self, table: dict[str, Any], *, new: bool) -> None:
        self.changed.append(("set", table, new))

    def remove_budget(self, name: str) -> None:
        self.changed.append(("remove", name))

    def reload(self) -> None:
        if not self.sound:
            raise ConfigError('config.toml: unknown key "prot"', "accepted are port")
        self.reloaded += 1


class FakeLife:
    """Of a daemon that only takes down that it shall end."""

    def __init__(self) -> None:
        self.uptime_s = 12.34
        self.stopping = False
        self.idle = True
        self.touched = 0
        self.stopped: list[bool] = []

    def touch(self) -> None:
        self.touched += 1

    def stop(self, *, now: bool) -> None:
        self.stopped.append(now)


class FakeHost:
    """A daemon that only takes down what it is told."""

    def __init__(self) -> None:
        self.port = 4747
        self.closed: list[str] = []
        self.teams = FakeTeams()
        self.settings = FakeSettings()
        self.life = FakeLife()
        self.metrics = ("up 1\n", "text/plain; version=0.0.4")
        self.logs: dict[str, Any] = {"state": "following", "rows": 3}

    def intercepted(self, session_id: str) -> dict[str, Any]:
        self.closed.append(session_id)
        return {"proxied": 3, "untrusting": ["api.example.com"]}

    async def import_logs(
        self, env: Mapping[str, str], home: Path, agents: tuple[str, ...] | None, full: bool, tell: Tell
    ) -> Progress:
        raise NotImplementedError  # this double is not asked to import


class Api:
    """A control API that is served, and the client's door to it."""

    def __init__(self, control: Control, guard: FakeGuard, host: FakeHost, socket: Path) -> None:
        self.control = control
        self.guard = guard
        self.host = host
        self.daemon = Daemon(socket, {"version": "0", "pid": 0, "port": 0, "stopping": False})

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        return await asyncio.to_thread(self.daemon.get, path, query)

    async def post(self, path: str, body: object = None) -> dict[str, Any]:
        return await asyncio.to_thread(self.daemon.post, path, body)

    async def raw(self, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
        """Status and JSON of an answer, errors too."""

        def ask() -> tuple[int, dict[str, Any]]:
            exchange = Exchange(self.daemon.socket, method, path, body)
            answer = json.loads(exchange.body())
            exchange.close()
            return exchange.status, answer

        return await asyncio.to_thread(ask)

    async def happens(self, what: Callable[[], bool]) -> None:
        """Wait for it."""
        await asyncio.to_thread(until, what)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    guard, host = FakeGuard(), FakeHost()
    control = Control(guard, host, tmp_path / "ledger.db")
    runner = web.AppRunner(control.app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    with tempfile.TemporaryDirectory() as short:
        socket = Path(short) / "s"
        await web.UnixSite(runner, str(socket)).start()
        yield Api(control, guard, host, socket)
        control.close()
        await runner.cleanup()
