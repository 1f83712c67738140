"""The hooks of all repositories that are known put to sleep when the daemon ends, and woken when it is there again.

Folders may be read-only, gone, or on a network that does not answer: nobody waits for them, and what cannot be reached
stays as it is.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread

from tokenguard.attribution import locate
from tokenguard.attribution.layout import is_repository
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard_hooks import resting
from tokenguard_hooks.gits import Gits

log = logging.getLogger(__name__)

_THREADS = 8
"""So many folders that do not answer do not keep others waiting."""


class Rounds:
    """Goes round all repositories in which hooks of a state folder are, or have noted something. Never raises."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._told: dict[Path, str] = {}

    def put_to_sleep(self, seconds: float) -> None:
        """Put their hooks to sleep; this takes no longer than so many seconds."""
        until_s = time.monotonic() + seconds
        ready: list[Path] = []

        def make_ready(common_dir: Path) -> None:
            if resting.make_ready(common_dir, self._paths):
                ready.append(common_dir)

        self._each(make_ready, seconds / 2)
        gits = Gits()
        for common_dir in tuple(ready):
            if time.monotonic() < until_s:
                self._try(lambda found: resting.let_sleep(found, self._paths, gits), common_dir)

    def wake(self, seconds: float) -> None:
        """Wake those that sleep; after so many seconds, what has not answered goes on by itself."""
        self._each(lambda common_dir: resting.wake(common_dir, self._paths), seconds)

    def wake_in(self, folder: Path) -> None:
        """Wake those of the repository to which a folder belongs: it may have been moved while they slept."""
        common_dir = folder if is_repository(str(folder)) else Path(locate(folder).common_dir or folder)
        self._try(lambda found: resting.wake(found, self._paths), common_dir)

    def asleep(self, seconds: float) -> list[Path]:
        """The repositories in which they sleep, as far as those answer within so many seconds."""
        found: list[Path] = []

        def look(common_dir: Path) -> None:
            if resting.is_asleep(common_dir, self._paths) and resting.has_sleepers(common_dir, self._paths):
                found.append(common_dir)

        self._each(look, seconds)
        return sorted(found)

    def _each(self, work: Callable[[Path], object], seconds: float) -> None:
        until_s = time.monotonic() + seconds
        waiting: SimpleQueue[Path] = SimpleQueue()
        for common_dir in self._known():
            waiting.put(common_dir)
        over = Event()

        def go_on() -> None:
            with suppress(Empty):
                while not over.is_set():
                    self._try(work, waiting.get_nowait())

        threads = [Thread(target=go_on, daemon=True) for _ in range(min(_THREADS, waiting.qsize()))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        over.set()

    def _try(self, work: Callable[[Path], object], common_dir: Path) -> None:
        try:
            if is_repository(str(common_dir)):
                work(common_dir)
        except (OSError, ValueError, TokenguardError) as error:
            if self._told.get(common_dir) != str(error):
                log.warning("hooks in %s stay as they are: %s", common_dir, error)
            self._told[common_dir] = str(error)

    def _known(self) -> Iterator[Path]:
        """All that may be repositories: folders on the way to others are among them."""
        for folder, _, _ in os.walk(hook_paths.repositories(self._paths)):
            yield hook_paths.common_dir(self._paths, Path(folder))
