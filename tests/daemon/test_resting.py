"""Hooks are awake for as long as the daemon runs; whatever they do, it neither waits nor fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Signal

import pytest

from tests.support.house import Clock, House
from tokenguard.daemon import resting
from tokenguard.daemon.resting import Resting
from tokenguard.records import Event

LONG = 60.0
NOWHERE = Path("/nowhere/ledger.db")


class Hooks:
    """Hooks that take note of what is asked of them."""

    def __init__(self) -> None:
        self.deeds: asyncio.Queue[str] = asyncio.Queue()
        self.loop = asyncio.get_running_loop()
        self.answers = Signal()
        self.answers.set()

    def _note(self, deed: str) -> None:
        self.loop.call_soon_threadsafe(self.deeds.put_nowait, deed)
        self.answers.wait(LONG)

    def put_to_sleep(self, seconds: float) -> None:
        self._note("sleep")

    def wake(self, seconds: float, worked_in: Callable[[], Iterable[str]]) -> None:
        self.worked_in = worked_in
        self._note("wake")

    def wake_in(self, folder: Path) -> None:
        self._note(f"wake in {folder}")

    async def next(self) -> str:
        async with asyncio.timeout(LONG):
            return await self.deeds.get()


class Desk:
    """Where events come from."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()

    @contextmanager
    def subscribe(self, *types: str) -> Generator[AsyncIterator[Event]]:
        assert types == ("session.started",)

        async def told() -> AsyncIterator[Event]:
            while True:
                yield await self.events.get()

        yield told()

    def started(self, repo: str | None) -> None:
        self.events.put_nowait(Event("session.started", 1, {"id": "s1", "repo": repo}))


async def ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def test_they_wake_at_once_again_and_where_a_session_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resting, "AGAIN_S", 0)
    hooks, desk = Hooks(), Desk()
    task = asyncio.ensure_future(Resting(hooks, NOWHERE).run(desk))
    assert [await hooks.next(), await hooks.next()] == ["wake", "wake"]
    desk.started(None)
    desk.started("/src/web")
    while (deed := await hooks.next()) == "wake":
        pass
    assert deed == "wake in /src/web"
    await ended(task)


async def test_they_sleep_in_the_end() -> None:
    hooks = Hooks()
    await Resting(hooks, NOWHERE).end()
    assert await hooks.next() == "sleep"


async def test_folders_that_do_not_answer_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resting, "ENDING_S", 0.01)
    hooks, desk = Hooks(), Desk()
    hooks.answers.clear()
    task = asyncio.ensure_future(Resting(hooks, NOWHERE).run(desk))
    assert await hooks.next() == "wake"
    await ended(task)
    await Resting(hooks, NOWHERE).end()
    assert await hooks.next() == "sleep"
    hooks.answers.set()


async def test_what_goes_wrong_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Hooks):
        def put_to_sleep(self, seconds: float) -> None:
            raise RuntimeError("no")

    await Resting(Broken(), NOWHERE).end()
    assert "hooks could not be woken or put to sleep" in caplog.text


async def test_those_of_a_repository_that_has_noted_something() -> None:
    hooks = Hooks()
    await Resting(hooks, NOWHERE).noted(Path("/src/web/.git"))
    assert await hooks.next() == "wake in /src/web/.git"


async def test_they_are_told_where_agents_have_worked(tmp_path: Path) -> None:
    house = House(tmp_path, Clock())
    await house.session()
    await house.desk.written()
    hooks, desk = Hooks(), Desk()
    task = asyncio.ensure_future(Resting(hooks, tmp_path / "ledger.db").run(desk))
    assert await hooks.next() == "wake"
    assert list(hooks.worked_in()) == [str(house.repo)]
    await ended(task)
    await house.ledger.close()
