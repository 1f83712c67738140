"""What people do with the processes of a session. The processes are real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import psutil
import pytest

from tests.support.house import House
from tests.support.waiting import until
from tokenguard.attribution import Place
from tokenguard.attribution.callers import Caller
from tokenguard.errors import UsageError
from tokenguard.guard import OpenSession, steering
from tokenguard.guard.registry import Live
from tokenguard.guard.steering import known
from tokenguard.platforms import processes
from tokenguard.upstream import Network

Start = Callable[..., subprocess.Popen[bytes]]

# As `run` does it: it starts the agent, says its number, and stops when the agent stops.
_RUN = """
import os, signal, subprocess, sys
agent = subprocess.Popen(["sleep", "600"])
print(agent.pid, flush=True)
os.waitpid(agent.pid, os.WUNTRACED)
os.kill(os.getpid(), signal.SIGSTOP)
sys.exit(agent.wait())
"""

# As one that reads from a terminal that it does not have: whenever it goes on, it stops.
_WITHOUT_TERMINAL = """
import os, signal
signal.signal(signal.SIGCONT, lambda *_: os.kill(os.getpid(), signal.SIGSTOP))
print("there", flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def started(*command: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
            child = subprocess.Popen(command or ["sleep", "600"], stdout=subprocess.PIPE, env=env)
            stack.enter_context(child)
            stack.callback(_kill, child)
            return child

        yield started


def _kill(child: subprocess.Popen[bytes]) -> None:
    try:
        family = [*psutil.Process(child.pid).children(recursive=True), psutil.Process(child.pid)]
    except psutil.Error:
        return
    for one in family:
        one.kill()


async def seen(house: House, session_id: str) -> list[dict[str, Any]]:
    told = await house.desk.session(session_id)
    assert told is not None
    found: list[dict[str, Any]] = told["processes"]
    return found


async def begin(house: House, pid: int) -> tuple[str, dict[str, Any]]:
    """A session whose agent is this process; its id, and the process as somebody sees it."""
    session = await house.session()
    house.desk.set_pid(session.id, pid)
    (agent, *_) = await seen(house, session.id)
    return session.id, agent


def live(house: House, session_id: str) -> Live:
    return house.guard.sessions.running[session_id]


async def test_a_session_is_told_with_its_budgets_and_processes(house: House, start: Start) -> None:
    session_id, agent = await begin(house, start().pid)
    told = await house.desk.session(session_id)
    assert told is not None
    assert (told["session"]["id"], told["session"]["state"]) == (session_id, "running")
    assert told["budgets"] == []
    assert (agent["name"], agent["depth"], agent["stopped"]) == ("sleep", 0, False)
    assert agent["memory_bytes"] > 0
    assert await house.desk.session("nobody") is None


async def test_an_agent_is_paused_goes_on_and_ends(house: House, start: Start) -> None:
    child = start()
    session_id, agent = await begin(house, child.pid)

    def state() -> object:
        return next(one["state"] for one in house.desk.status()["sessions"] if one["id"] == session_id)

    with house.desk.subscribe("session.steered") as events:
        assert await house.desk.steer(session_id, "pause", agent["pid"], agent["started_us"]) == 1
        event = await anext(events)
    assert {key: event.data[key] for key in ("id", "deed")} == {"id": session_id, "deed": "pause"}
    until(lambda: state() == "suspended")
    await house.desk.steer(session_id, "resume", agent["pid"], agent["started_us"])
    until(lambda: state() == "running")
    await house.desk.steer(session_id, "stop", agent["pid"], agent["started_us"])
    assert child.wait() == -signal.SIGTERM


async def test_run_goes_on_with_its_agent(house: House, start: Start) -> None:
    run = start(sys.executable, "-c", _RUN)
    assert run.stdout is not None
    agent_pid = int(run.stdout.readline())
    session_id, agent = await begin(house, agent_pid)
    live(house, session_id).run_pid = run.pid
    await house.desk.steer(session_id, "pause", agent["pid"], agent["started_us"])
    until(lambda: processes.is_stopped(run.pid))
    await house.desk.steer(session_id, "resume", agent["pid"], agent["started_us"])
    until(lambda: not processes.is_stopped(run.pid) and not processes.is_stopped(agent_pid))
    await house.desk.steer(session_id, "stop", agent["pid"], agent["started_us"])
    assert run.wait() == 256 - signal.SIGTERM


async def test_that_it_stops_again_is_said(house: House, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering, "SETTLES_S", 30.0)
    child = start(sys.executable, "-c", _WITHOUT_TERMINAL)
    assert child.stdout is not None and child.stdout.readline() == b"there\n"
    session_id, agent = await begin(house, child.pid)
    await house.desk.steer(session_id, "pause", agent["pid"], agent["started_us"])
    with pytest.raises(UsageError, match="it has stopped again.*type fg there"):
        await house.desk.steer(session_id, "resume", agent["pid"], agent["started_us"])


async def test_only_the_process_that_was_seen_is_meant(house: House, start: Start) -> None:
    session_id, agent = await begin(house, start().pid)
    other = start()
    for pid, started_us in ((other.pid, agent["started_us"]), (agent["pid"], agent["started_us"] - 1), (1, 0)):
        with pytest.raises(UsageError, match="claude is another process by now"):
            await house.desk.steer(session_id, "stop", pid, started_us)
    house.desk.set_pid(session_id, other.pid)
    with pytest.raises(UsageError, match="claude is another process by now"):
        await house.desk.steer(session_id, "stop", agent["pid"], agent["started_us"])
    assert other.poll() is None


async def test_a_number_that_another_process_has_got_is_nobody(house: House, start: Start) -> None:
    child = start()
    session_id, agent = await begin(house, child.pid)
    # The session's agent had this number, and began at another time.
    earlier = psutil.Process(child.pid)
    earlier._ident = (child.pid, 1.0)  # type: ignore[attr-defined]  # no number is given out again at will
    live(house, session_id).process = earlier
    assert await seen(house, session_id) == []
    with pytest.raises(UsageError, match="no process of claude is known"):
        await house.desk.steer(session_id, "stop", agent["pid"], agent["started_us"])
    assert child.poll() is None


async def test_an_agent_that_has_ended(house: House, start: Start) -> None:
    child = start()
    session_id, agent = await begin(house, child.pid)
    child.kill()
    child.wait()
    assert await seen(house, session_id) == []
    with pytest.raises(UsageError, match="no process of claude is known"):
        await house.desk.steer(session_id, "stop", agent["pid"], agent["started_us"])
    with pytest.raises(UsageError, match="no session nobody is running"):
        await house.desk.steer("nobody", "stop", agent["pid"], agent["started_us"])


async def test_which_process_is_an_agents_is_known_in_all_ways_in_which_its_number_is_told(
    house: House, start: Start
) -> None:
    pid = start().pid
    session, _ = await house.desk.open_session(OpenSession(agent="claude", cwd="/", pid=pid))
    assert live(house, session.id).process == psutil.Process(pid)
    started = psutil.Process(pid).create_time()
    for began, expected in ((started, psutil.Process(pid)), (started - 60, None)):
        caller = Caller("codex", pid, began, place=Place())
        assert house.guard.sessions.open_unwrapped(caller, f"at {began}", Network()).process == expected


async def test_after_a_crash_no_process_is_known_before_run_tells_it_again(house: House, start: Start) -> None:
    pid = start().pid
    session_id, _ = await begin(house, pid)
    token = house.token
    await house.reopen()
    assert house.guard.session_of(token) is not None
    assert await seen(house, session_id) == []
    again = OpenSession(agent="claude", cwd=str(house.repo), id=session_id, token=token, pid=pid)
    await house.desk.open_session(again)
    assert [one["pid"] for one in await seen(house, session_id)] == [pid]


def test_a_process_that_is_known() -> None:
    assert known(os.getpid()) == psutil.Process()
    assert known(None) is None and known(2**30) is None


async def test_what_an_agent_has_left_running_is_its_process_then(house: House, start: Start) -> None:
    session = await house.session()
    child = start(env={**os.environ, "TOKENGUARD_SESSION": session.id})
    await house.desk.end_session(session.id, 0)
    assert [one["pid"] for one in await seen(house, session.id)] == [child.pid]
