"""Every channel is told in its own time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.notify.events import event
from tokenguard.config.sections import NotifySettings
from tokenguard.config.settings import Config
from tokenguard.guard.hub import Hub
from tokenguard.notify import Channel, Notice, Notifier, configured
from tokenguard.notify.notifier import WAITING
from tokenguard.records import Event
from tokenguard.upstream import Upstreams


class Desk:
    """Where events come from."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.asked: list[tuple[str, ...]] = []
        self.heard = asyncio.Event()

    def subscribe(self, *types: str) -> AbstractContextManager[AsyncIterator[Event]]:
        self.asked.append(types)
        self.heard.set()
        return self.hub.subscribe(*types)


class Ear:
    """A channel that notes what it is told, once it is let."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Notice] = asyncio.Queue()
        self.open = asyncio.Event()
        self.open.set()
        self.failing = False

    async def tell(self, told: Notice) -> None:
        await self.open.wait()
        if self.failing:
            self.failing = False
            raise ZeroDivisionError
        self.heard.put_nowait(told)

    async def next(self) -> str:
        async with asyncio.timeout(10):
            return str((await self.heard.get()).data["id"])


@asynccontextmanager
async def running(*channels: Channel) -> AsyncGenerator[Hub]:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(Notifier(channels, "soft").run(desk))
        await desk.heard.wait()
        yield desk.hub
        task.cancel()


async def test_all_are_told_in_order() -> None:
    one, other = Ear(), Ear()
    async with running(one, other) as hub:
        for number in range(3):
            hub.tell(event("hold.asked", id=f"h{number}"))
        hub.tell(Event("call.settled", 1, {}))
        hub.tell(event("budget.level", level="info"))
        hub.tell(event("hold.answered", id="last"))
        for ear in (one, other):
            assert [await ear.next() for _ in range(4)] == ["h0", "h1", "h2", "last"]


async def test_a_channel_that_hangs_holds_up_nobody_and_keeps_the_newest() -> None:
    stuck, ear = Ear(), Ear()
    stuck.open.clear()
    async with running(stuck, ear) as hub:
        for number in range(3 * WAITING):
            hub.tell(event("hold.asked", id=str(number)))
            assert await ear.next() == str(number)
        stuck.open.set()
        late = [await stuck.next() for _ in range(1 + WAITING)]
    assert late == ["0", *map(str, range(2 * WAITING, 3 * WAITING))]


async def test_a_fault_is_logged_and_the_next_one_told(caplog: pytest.LogCaptureFixture) -> None:
    ear = Ear()
    ear.failing = True
    async with running(ear) as hub:
        hub.tell(event("hold.asked", id="lost"))
        hub.tell(Event("hold.asked", 1, {}))
        hub.tell(event("hold.asked", id="told"))
        assert await ear.next() == "told"
    assert "Ear failed" in caplog.text
    assert "hold.asked cannot be told" in caplog.text


async def test_who_tells_nobody_does_not_listen() -> None:
    desk = Desk()
    await Notifier([], "soft").run(desk)
    assert desk.asked == []


async def test_what_is_configured(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    settings = NotifySettings(desktop=True, webhook="http://127.0.0.1:1/", webhook_secret_file=str(secret))
    upstreams = Upstreams()
    for wanted, found in ((settings, ["Desktop", "Webhook"]), (NotifySettings(bell=True), [])):
        notifier = configured(Config(notify=wanted), upstreams)
        # Telling them all would show notices on this machine.
        assert [type(lane._channel).__name__ for lane in notifier._lanes] == found  # pyright: ignore[reportPrivateUsage]
    await upstreams.close()
