"""An event loop whose time stands still while anything is done, and then jumps to what is due next.

Calls of minutes, patience of seconds and windows of months pass in milliseconds, in the same order every time. The
ledger is the real one with its own thread: while it writes, the time stands still, and what it has written is told
after a while that the run's seed draws.
"""

from __future__ import annotations

import asyncio
import inspect
import selectors
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, TypeVar

from tokenguard.ledger import Ledger

T = TypeVar("T")

COMMIT_S = 0.0004
"""What a commit takes on average."""
STALL_S = 0.08
"""What one in fifty takes."""


class _Selector(selectors.DefaultSelector):
    """Where a real loop would sleep, the time moves on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.outside = 0
        """Things that threads do for the loop."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if timeout is None or self.outside:
            return super().select(None if timeout is None else 1.0)
        found = super().select(0)
        if not found:
            self.now += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self.clockwork = _Selector()
        super().__init__(self.clockwork)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.clockwork.now

    def run_in_executor(  # type: ignore[override]  # typeshed types `args` one by one; here they are only handed on
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """The time stands still until the thread is done."""
        self.clockwork.outside += 1
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        future.add_done_callback(lambda _: self._back())
        return future

    async def shutdown_default_executor(self, *limit: float | None) -> None:
        """It stands still until all threads are done, too: from Python 3.12 on there is a limit to that."""
        self.clockwork.outside += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._back()

    def _back(self) -> None:
        self.clockwork.outside -= 1


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class SlowWriter:
    """Stands between a ledger and its writer: what is written is told in order, and late. All else is the writer's."""

    _OWN = ("_writer", "_rng", "_told_until")

    def __init__(self, writer: Any, rng: Random) -> None:
        self._writer = writer
        self._rng = rng
        self._told_until = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._writer, name)
        if not callable(found) or inspect.iscoroutinefunction(found):
            return found

        def call(*of: Any) -> Any:
            given = found(*of)
            return self._late(given) if asyncio.isfuture(given) else given

        return call

    def __setattr__(self, name: str, value: object) -> None:
        if name in self._OWN:
            super().__setattr__(name, value)
        else:
            setattr(self._writer, name, value)

    def _late(self, future: asyncio.Future[Any]) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        told: asyncio.Future[Any] = loop.create_future()
        loop.clockwork.outside += 1
        wait = self._rng.expovariate(1 / COMMIT_S) if self._rng.random() < 0.98 else self._rng.random() * STALL_S
        self._told_until = due = max(self._told_until, loop.time() + wait)

        def written(done: asyncio.Future[Any]) -> None:
            loop.clockwork.outside -= 1
            loop.call_at(due, _tell, done, told)

        future.add_done_callback(written)
        return told


class SlowLedger(Ledger):
    """The ledger, on a virtual loop; `rng` draws how long its commits take."""

    rng = Random(0)

    def __init__(self, *of: Any) -> None:
        given: list[Any] = [SlowWriter(one, self.rng) if hasattr(one, "submit") else one for one in of]
        super().__init__(*given)


def _tell(done: asyncio.Future[Any], told: asyncio.Future[Any]) -> None:
    if told.done():
        return
    if (error := done.exception()) is not None:
        told.set_exception(error)
    else:
        told.set_result(done.result())
