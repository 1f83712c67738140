"""Notifications on the desktop, through the system's own program."""

from __future__ import annotations

import asyncio
import logging
from asyncio.subprocess import DEVNULL
from contextlib import suppress

from tokenguard import platforms
from tokenguard.notify.notices import Notice

log = logging.getLogger(__name__)

DEADLINE = 5.0
"""Seconds for which the program may take."""


class Desktop:
    """Shows notices. Where the system has no program for it, nothing happens: `tokenguard doctor` says so."""

    def __init__(self) -> None:
        self._failed = False

    async def tell(self, told: Notice) -> None:
        """Show it, unless it is one for programs."""
        command = None if told.quiet else platforms.notification(told.title, told.text, urgent=told.asks)
        if command is None:
            return
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
        except OSError:
            return
        try:
            async with asyncio.timeout(DEADLINE):
                code = await process.wait()
        except TimeoutError:
            code = None
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if code != 0 and not self._failed:
            self._failed = True
            outcome = "did not end" if code is None else f"failed with {code}"
            log.warning("%s %s: notifications may not be shown; this is said once", command[0], outcome)
