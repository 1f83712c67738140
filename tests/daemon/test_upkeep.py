"""Sessions that nobody ended."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.house import Clock, House, answer, request
from tokenguard.attribution import Place
from tokenguard.attribution.callers import Caller
from tokenguard.daemon.upkeep import Upkeep
from tokenguard.guard import OpenSession
from tokenguard.guard.unwrapped import IDLE_US
from tokenguard.upstream import Network

MINUTE_US = 60_000_000


class Watch:
    """A house with its upkeep, whose `run`s are connected as the test says."""

    def __init__(self, folder: Path, *, began_us: int) -> None:
        clock = Clock()
        clock.now_us = began_us
        self.house = House(folder, clock)
        self.connected: set[str] = set()
        self.renew()

    def renew(self) -> None:
        """As a daemon that has just started."""
        self.upkeep = Upkeep(self.house.ledger, self.house.guard, self.house.desk, self.connected.__contains__)

    async def open(self, pid: int | None = None) -> str:
        asked = OpenSession(agent="claude", cwd=str(self.house.repo), pid=pid)
        session, self.token = await self.house.desk.open_session(asked)
        return session.id

    async def sweep(self) -> set[str]:
        """What runs after a sweep."""
        await self.upkeep.sweep()
        return {session.id for session in self.upkeep.running()}


@pytest.fixture
async def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    """Sessions begin now, as the processes of the test do."""
    monkeypatch.setenv("TZ", "UTC")
    made = Watch(tmp_path, began_us=time.time_ns() // 1000)
    yield made
    await made.house.ledger.close()


@pytest.fixture
def agent() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process


def gone(agent: subprocess.Popen[bytes]) -> None:
    agent.kill()
    agent.wait()


async def test_an_agent_that_runs_keeps_its_session(watch: Watch, agent: subprocess.Popen[bytes]) -> None:
    session = await watch.open(agent.pid)
    watch.house.clock.now_us += 100 * MINUTE_US
    assert await watch.sweep() == {session}
    assert watch.house.guard.session_of(watch.token) is not None


async def test_one_that_is_gone_does_not(watch: Watch, agent: subprocess.Popen[bytes]) -> None:
    session = await watch.open(agent.pid)
    assert await watch.sweep() == {session}
    gone(agent)
    with watch.house.desk.subscribe() as events:
        assert await watch.sweep() == set()
        told = await anext(aiter(events))
    assert (told.type, told.data["id"]) == ("session.ended", session)
    assert watch.house.guard.session_of(watch.token) is None


async def test_a_run_that_is_there_ends_it_itself(watch: Watch, agent: subprocess.Popen[bytes]) -> None:
    session = await watch.open(agent.pid)
    watch.connected.add(session)
    gone(agent)
    assert await watch.sweep() == {session}
    watch.connected.clear()
    assert await watch.sweep() == set()


async def test_a_run_that_never_started_an_agent_has_a_minute(watch: Watch) -> None:
    session = await watch.open()
    assert await watch.sweep() == {session}
    watch.house.clock.now_us += MINUTE_US
    assert await watch.sweep() == set()


async def test_another_process_with_its_number_is_not_the_agent(
    watch: Watch, agent: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await watch.open(agent.pid)
    assert await watch.sweep() == {session}

    def never(self: object, other: object) -> bool:
        return False

    # psutil tells processes of the same number apart by when they started.
    monkeypatch.setattr("psutil.Process.__eq__", never)
    assert await watch.sweep() == set()


async def test_nor_one_that_started_long_after_the_session(tmp_path: Path, agent: subprocess.Popen[bytes]) -> None:
    watch = Watch(tmp_path, began_us=time.time_ns() // 1000 - 100 * MINUTE_US)
    await watch.open(agent.pid)
    assert await watch.sweep() == set()
    await watch.house.ledger.close()


async def test_sessions_of_a_daemon_that_died(watch: Watch, agent: subprocess.Popen[bytes]) -> None:
    alive = await watch.open(os.getpid())
    dead = await watch.open(agent.pid)
    gone(agent)
    await watch.house.reopen()
    watch.renew()

    assert {session.id for session in watch.upkeep.running()} == {alive, dead}
    assert await watch.sweep() == {alive}


async def test_calls_without_a_session_are_no_session(watch: Watch) -> None:
    assert await watch.house.call(None)
    assert await watch.sweep() == set()


UNWRAPPED = Place("/home/u/web", "/home/u/web", None)


def client(pid: int | None = None, started: float = 0.0) -> Caller:
    return Caller("claude" if pid else "curl", pid, started, place=UNWRAPPED)


async def test_an_agent_without_a_run_has_its_session_while_it_lives(
    watch: Watch, agent: subprocess.Popen[bytes]
) -> None:
    session = watch.house.guard.sessions.open_unwrapped(client(agent.pid), None, Network()).session
    assert await watch.house.call(session)
    assert await watch.sweep() == {session.id}
    assert watch.upkeep.needed
    gone(agent)
    with watch.house.desk.subscribe("session.ended") as events:
        assert await watch.sweep() == set()
        assert (await anext(aiter(events))).data["id"] == session.id


@pytest.mark.parametrize("lives", [True, False], ids=["agent", "program"])
async def test_and_only_while_it_makes_calls(watch: Watch, lives: bool) -> None:
    caller = client(os.getpid() if lives else None)
    session = watch.house.guard.sessions.open_unwrapped(caller, None, Network()).session
    watch.house.clock.now_us += IDLE_US - 1
    assert await watch.house.call(session)
    watch.house.clock.now_us += IDLE_US - 1
    assert await watch.sweep() == {session.id}
    call = watch.house.begin(session)
    await watch.house.guard.admit(call, request())
    watch.house.clock.now_us += IDLE_US
    assert await watch.sweep() == {session.id}, "a call is in flight"
    watch.house.guard.settle(call, answer(), status=200, outcome="ok")
    watch.house.clock.now_us += IDLE_US
    assert await watch.sweep() == set()


async def test_one_that_an_earlier_daemon_had_waits_as_long(watch: Watch) -> None:
    session = watch.house.guard.sessions.open_unwrapped(client(os.getpid()), None, Network()).session
    assert await watch.house.call(session)
    await watch.house.reopen()
    watch.renew()
    watch.house.clock.now_us += IDLE_US - 1
    assert await watch.sweep() == {session.id}
    watch.house.clock.now_us += 1
    assert await watch.sweep() == set()


async def test_the_daemon_need_not_be_there_for_programs_that_are_no_agents(watch: Watch) -> None:
    session = watch.house.guard.sessions.open_unwrapped(client(), None, Network()).session
    assert await watch.house.call(session)
    assert await watch.sweep() == {session.id}
    assert not watch.upkeep.needed


@pytest.fixture
def hub() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """(id of a session, a process that was started in it)."""
    env = {**os.environ, "TOKENGUARD_SESSION": "hubbub"}
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=env) as process:
        yield "hubbub", process


async def test_what_an_agent_left_keeps_its_session(
    watch: Watch, agent: subprocess.Popen[bytes], hub: tuple[str, subprocess.Popen[bytes]]
) -> None:
    session, left = hub
    asked = OpenSession(agent="claude", cwd=str(watch.house.repo), pid=agent.pid, id=session, token="secret")
    await watch.house.desk.open_session(asked)
    gone(agent)
    assert await watch.sweep() == {session}
    assert watch.house.guard.session_of("secret") is not None
    assert await watch.house.call(watch.house.guard.session_of("secret"))
    watch.house.clock.now_us += IDLE_US - 1
    assert watch.upkeep.needed
    watch.house.clock.now_us += 1
    assert not watch.upkeep.needed
    await watch.house.reopen()
    watch.renew()
    assert await watch.sweep() == {session}
    gone(left)
    assert await watch.sweep() == set()
    assert watch.house.guard.session_of("secret") is None
