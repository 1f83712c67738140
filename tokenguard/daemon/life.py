"""How long the daemon lives: until it is asked to end, or nobody needs it, and until calls in flight have ended."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable

from tokenguard.daemon.reloading import Settings
from tokenguard.daemon.upkeep import Upkeep
from tokenguard.guard import Guard
from tokenguard.importing.importer import Importer

log = logging.getLogger(__name__)

GRACE = 600.0
"""Seconds for which calls in flight may go on once the daemon was asked to end."""

MINUTE = 60.0


class Life:
    """Of one daemon; to the control API, its `Life`. To be made in a running event loop."""

    def __init__(self, settings: Settings, guard: Guard, importer: Importer, upkeep: Upkeep) -> None:
        self._settings = settings
        self._guard = guard
        self._importer = importer
        self._upkeep = upkeep
        self._started = self._needed = time.monotonic()
        self._stop = asyncio.Event()
        self._in_a_hurry = False
        self._grace: asyncio.Timeout | None = None

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def idle(self) -> bool:
        """Whether there is neither a call nor a session, of this daemon or one before it, and nothing is imported."""
        return not self._guard.busy and not self._importer.busy and not self._upkeep.needed

    def touch(self) -> None:
        """Take note that somebody needs the daemon."""
        self._needed = time.monotonic()

    def heed_signals(self, reload: Callable[[], None]) -> None:
        """End by those that ask for it, at once by a second one; `reload` by a hang-up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: self.stop(now=self.stopping))
        loop.add_signal_handler(signal.SIGHUP, reload)

    def stop(self, *, now: bool) -> None:
        """Begin to end; `now` also breaks off the calls that were let go on."""
        log.info("asked to end%s", " at once" if now else "")
        self._in_a_hurry |= now
        self._stop.set()
        if now and self._grace is not None:
            self._grace.reschedule(asyncio.get_running_loop().time())

    async def keep_up(self, each_minute: Callable[[], Awaitable[None]]) -> None:
        """The daemon's only timer: once a minute, and when it may be time to end for want of work."""
        next_tick = time.monotonic() + MINUTE
        while True:
            pause = MINUTE
            if self._settings.config.daemon.idle_exit:
                pause = min(MINUTE, max(1.0, self._settings.config.daemon.idle_exit - self._unneeded_s))
            await asyncio.sleep(pause)
            try:
                await self._upkeep.sweep()
                if time.monotonic() >= next_tick:
                    next_tick = time.monotonic() + MINUTE
                    await each_minute()
            except Exception:
                log.exception("the upkeep failed")
            if not self.idle:
                self.touch()
            elif 0 < self._settings.config.daemon.idle_exit <= self._unneeded_s:
                self.stop(now=False)

    async def asked_to_end(self) -> None:
        """Returns when it is."""
        await self._stop.wait()

    async def let_calls_end(self, close: Callable[[float], Awaitable[None]]) -> None:
        """`close` the data path, which takes the seconds that calls in flight may go on."""
        try:
            async with asyncio.timeout(0 if self._in_a_hurry else GRACE) as self._grace:
                await close(GRACE)
        except TimeoutError:
            log.warning("breaking off the calls in flight")
            await close(0)
        finally:
            self._grace = None

    @property
    def _unneeded_s(self) -> float:
        """Seconds since the last call or session, or since the start."""
        latest_us = max(live.last_us for live in self._guard.sessions.running.all())
        return min(time.monotonic() - self._needed, (self._guard.now() - latest_us) / 1_000_000)
