"""What goes on running once an agent has ended. The processes are real."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.house import House
from tests.support.waiting import until
from tokenguard.guard import OpenSession
from tokenguard.ledger import queries
from tokenguard.platforms import processes
from tokenguard.records import Event, Session

Start = Callable[[Session], subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program that waits, as whatever runs in a session is started."""
    with ExitStack() as stack:

        def started(session: Session) -> subprocess.Popen[bytes]:
            env = {**os.environ, "TOKENGUARD_SESSION": session.id}
            process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=env)
            stack.enter_context(process)
            return process

        yield started


def gone(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def shown(house: House) -> dict[str, tuple[str, int | None]]:
    return {one["id"]: (one["state"], one["pid"]) for one in house.desk.status()["sessions"]}


async def test_what_an_agent_leaves_running_holds_its_session_open(house: House, start: Start) -> None:
    session = await house.session(budget="0.05")
    hub = start(session)
    with house.desk.subscribe("session.left", "session.ended") as events:
        summary = await house.desk.end_session(session.id, 7)
        event: Event = await anext(events)
    assert (event.type, event.data["exit_code"]) == ("session.left", 7)
    (left,) = summary["left"]
    assert (left.pid, left.name, left.session) == (hub.pid, "cat", None)
    assert shown(house) == {session.id: ("ended", hub.pid)}
    assert house.guard.session_of(house.token) is not None
    assert [await house.call(session) for _ in range(3)] == [True, True, False]
    gone(hub)
    with house.desk.subscribe("session.left", "session.ended") as events:
        assert (await house.desk.end_session(session.id, None))["left"] == ()
        event = await anext(events)
    assert (event.type, event.data["exit_code"], event.data["calls"]) == ("session.ended", 7, 2)
    assert house.guard.session_of(house.token) is None
    (ended,) = queries.sessions(house.ledger.read(), [session.id])
    assert (ended.exit_code, ended.ended_us is None) == (7, False)


async def test_the_next_one_takes_over_where_the_first_has_gone(house: House, start: Start) -> None:
    session = await house.session()
    first, second = start(session), start(session)
    summary = await house.desk.end_session(session.id, 0)
    assert {left.pid for left in summary["left"]} == {first.pid, second.pid}
    gone(first)
    (one,) = house.desk.status()["sessions"]
    assert [left.pid for left in one["left"]] == [second.pid]
    assert [left.pid for left in (await house.desk.end_session(session.id, None))["left"]] == [second.pid]
    assert shown(house) == {session.id: ("ended", second.pid)}


async def test_what_is_about_to_end_is_nothing_that_is_left(house: House, start: Start) -> None:
    session = await house.session()
    process = start(session)
    assert process.stdin is not None
    process.stdin.close()
    assert (await house.desk.end_session(session.id, 0))["left"] == ()


async def test_a_run_within_it_is_known_as_such(house: House, start: Start) -> None:
    outer = await house.session()
    run = start(outer)
    asked = OpenSession(agent="codex", cwd=str(house.repo), parent=outer.id, run_pid=run.pid)
    inner, _ = await house.desk.open_session(asked)
    (left,) = (await house.desk.end_session(outer.id, 0))["left"]
    assert (left.pid, left.name, left.session) == (run.pid, "codex", inner.id)
    # As long as it runs, the session around it is there.
    assert shown(house)[outer.id] == ("ended", run.pid)


async def test_another_daemon_knows_what_is_left(house: House, start: Start) -> None:
    session = await house.session()
    hub = start(session)
    await house.desk.end_session(session.id, 0)
    await house.reopen()
    again = house.guard.session_of(house.token)
    assert again is not None and again.pid == hub.pid


async def test_a_session_whose_agent_is_suspended_says_so(house: House, start: Start) -> None:
    session = await house.session()
    agent = start(session)
    house.desk.set_pid(session.id, agent.pid)
    assert shown(house) == {session.id: ("running", agent.pid)}
    agent.send_signal(signal.SIGSTOP)
    until(lambda: processes.is_stopped(agent.pid))
    assert shown(house) == {session.id: ("suspended", agent.pid)}
    agent.send_signal(signal.SIGCONT)
    until(lambda: not processes.is_stopped(agent.pid))
    assert shown(house) == {session.id: ("running", agent.pid)}
