"""Git hooks sleep while no daemon runs: they are woken when it begins, and put to sleep when it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractContextManager, closing, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Protocol

from tokenguard.ledger import places, queries
from tokenguard.records import Event

log = logging.getLogger(__name__)

AGAIN_S = 60.0
"""How often it is tried again with what could not be reached."""

WAKING_S, ENDING_S = 30.0, 1.0
"""How long is waited for folders that do not answer."""


class Hooks(Protocol):
    """Whoever knows where hooks are. All of it blocks, and none raises."""

    def put_to_sleep(self, seconds: float) -> None:
        """Put the hooks of all repositories to sleep, within so many seconds."""
        ...

    def wake(self, seconds: float, worked_in: Callable[[], Iterable[str]]) -> None:
        """Wake those that sleep, and wait for so many seconds at most; `worked_in` tells where agents have worked."""
        ...

    def wake_in(self, folder: Path) -> None:
        """Wake those of the repository of a folder."""
        ...


class Source(Protocol):
    """Where events come from: the guard's desk."""

    def subscribe(self, *types: str) -> AbstractContextManager[AsyncIterator[Event]]:
        """The events of these types from now on."""
        ...


class Resting:
    """Keeps hooks awake for as long as the daemon runs."""

    def __init__(self, hooks: Hooks, ledger: Path) -> None:
        """`ledger` is its file."""
        self._hooks = hooks
        self._ledger = ledger

    async def run(self, source: Source) -> None:
        """Wake all that sleep, and from time to time those that could not be reached, until cancelled."""
        with source.subscribe("session.started") as events:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._wake())
                async for event in events:
                    # One that was moved while its hooks slept is not where it is known.
                    if isinstance(repo := event.data.get("repo"), str):
                        await _in_thread(partial(self._hooks.wake_in, Path(repo)))

    async def noted(self, common_dir: Path) -> None:
        """Wake those of a repository in which a hook has noted something, once that is taken.

        After that it has put them to sleep if it takes the daemon for dead: in a container, from which that cannot be
        seen, or in the moment in which it begins.
        """
        await _in_thread(partial(self._hooks.wake_in, common_dir))

    async def end(self) -> None:
        """Put them to sleep. What does not answer in time stays awake, and is silent."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDING_S * 1.5):
                await _in_thread(lambda: self._hooks.put_to_sleep(ENDING_S))

    async def _wake(self) -> None:
        while True:
            await _in_thread(lambda: self._hooks.wake(WAKING_S, self._worked_in))
            await asyncio.sleep(AGAIN_S)

    def _worked_in(self) -> list[str]:
        """Blocks while the ledger is asked."""
        with closing(queries.connect_readonly(self._ledger)) as conn:
            return list(places.trees(conn))


async def _in_thread(work: Callable[[], None]) -> None:
    """Wait for something in a thread for which the end of the process does not wait."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def finish() -> None:
        if not done.done():
            done.set_result(None)

    def go() -> None:
        try:
            work()
        except Exception:
            log.exception("hooks could not be woken or put to sleep")
        with suppress(RuntimeError):  # the loop is over
            loop.call_soon_threadsafe(finish)

    Thread(target=go, daemon=True).start()
    await done
