"""A session outlives the daemon that opened it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.launch.support import SUMMARY, FakeDaemon
from tests.support.waiting import until
from tokenguard import client
from tokenguard.client import Daemon
from tokenguard.config.paths import Paths, find_paths
from tokenguard.errors import DaemonError
from tokenguard.launch.session import Session

ASKED = {"agent": "claude", "cwd": "/", "upstreams": (("anthropic", "https://gateway.corp"),)}


class Daemons:
    """The daemons of a home, one after the other; a start fails as often as it is told to."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.ran = [FakeDaemon(home)]
        self.failures = 0
        self.attempts = 0
        self.masks: list[set[int]] = []
        """Signals held back in the thread that started one."""

    def ensure(self, paths: Paths, env: Mapping[str, str], say: object) -> Daemon:
        found = client.find(paths)
        if found is None:
            self.attempts += 1
            self.masks.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
            if self.failures:
                self.failures -= 1
                raise DaemonError("it does not start")
            self.ran.append(FakeDaemon(self._home))
            found = client.find(paths)
        assert found is not None
        return found

    def wait_for_start(self, count: int) -> None:
        """Wait until a daemon was started so often."""
        until(lambda: len(self.ran) > count)

    @property
    def last(self) -> FakeDaemon:
        return self.ran[-1]


@pytest.fixture
def daemons(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemons]:
    found = Daemons(home)
    monkeypatch.setattr(client, "ensure", found.ensure)
    yield found
    for daemon in found.ran:
        daemon.close()


@pytest.fixture
def session(home: Path, daemons: Daemons) -> Session:
    return Session(find_paths({"TOKENGUARD_HOME": str(home)}), {}, lambda _: None)


def test_the_token_is_known_before_the_daemon_knows_it(session: Session, daemons: Daemons) -> None:
    base, token = session.base_url.rsplit("/", 1)
    assert base == "http://127.0.0.1:4747/s"
    session.open(ASKED)
    told = daemons.last.wait_for("sessions").body
    assert told == {"token": token, "agent": "claude", "cwd": "/", "upstreams": [["anthropic", "https://gateway.corp"]]}
    assert len(token) >= 32


def test_every_token_is_another(session: Session, home: Path) -> None:
    other = Session(find_paths({"TOKENGUARD_HOME": str(home)}), {}, lambda _: None)
    assert other.base_url != session.base_url


def test_the_agents_process_is_told(session: Session, daemons: Daemons) -> None:
    session.open(ASKED)
    session.started(1234)
    assert daemons.last.wait_for("pid").path == "/v1/sessions/bcdfg/pid"
    assert daemons.last.all("pid")[0].body == {"pid": 1234}
    session.end(0)


def test_calls_that_wait_are_told_of(home: Path, daemons: Daemons) -> None:
    waits = threading.Semaphore(0)
    session = Session(find_paths({"TOKENGUARD_HOME": str(home)}), {}, lambda _: None, waits.release)
    daemons.last.events = [
        {"type": kind, "at_us": 1, "data": {"id": "7f2c", "session": "bcdfg"}}
        for kind in ("hold.asked", "hold.answered", "hold.asked")
    ]
    session.open(ASKED)
    session.started(1234)
    assert waits.acquire(timeout=20) and waits.acquire(timeout=20)
    session.end(0)
    assert not waits.acquire(blocking=False)


def test_a_daemon_that_dies_is_brought_back_with_its_session(session: Session, daemons: Daemons) -> None:
    session.open(ASKED)
    session.started(1234)
    for starts in range(1, 4):
        daemons.last.wait_for("watch")
        daemons.last.close()
        daemons.wait_for_start(starts)
        told = daemons.last.wait_for("sessions").body
        assert (told["id"], told["pid"], told["agent"]) == ("bcdfg", 1234, "claude")
        assert session.base_url.endswith(told["token"])
    assert session.end(0) == SUMMARY


def test_it_is_tried_until_the_daemon_starts(session: Session, daemons: Daemons) -> None:
    session.open(ASKED)
    session.started(1234)
    daemons.last.wait_for("watch")
    daemons.failures = 2
    daemons.last.close()
    daemons.wait_for_start(1)
    daemons.last.wait_for("watch")
    assert daemons.attempts == 3
    session.end(0)


def test_a_daemon_does_not_inherit_held_back_signals(session: Session, daemons: Daemons) -> None:
    """`run` holds signals back while the agent runs; a daemon that inherited that could not be told to end."""
    session.open(ASKED)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    try:
        session.started(1234)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    daemons.last.wait_for("watch")
    daemons.last.close()
    until(lambda: bool(daemons.masks))
    assert daemons.masks == [set()]
    session.end(0)


def test_an_ended_session_is_not_brought_back(session: Session, daemons: Daemons) -> None:
    session.open(ASKED)
    session.started(1234)
    daemons.last.wait_for("watch")
    session.end(0)
    daemons.last.close()
    for thread in threading.enumerate():
        if thread.name == "supervisor":
            thread.join()
    assert daemons.attempts == 0


def test_the_end_finds_another_daemon(session: Session, daemons: Daemons) -> None:
    session.open(ASKED)
    daemons.last.close()
    assert session.end(7) == SUMMARY
    assert [asked.path for asked in daemons.last.asked if asked.method == "POST"] == [
        "/v1/sessions",
        "/v1/sessions/bcdfg/end",
    ]
    assert daemons.last.all("end")[0].body == {"exit_code": 7}


def test_an_end_that_nobody_takes_is_an_error(session: Session, daemons: Daemons) -> None:
    session.open(ASKED)
    daemons.last.close()
    daemons.failures = 1
    with pytest.raises(DaemonError, match="does not start"):
        session.end(0)
