"""The hooks of all repositories that are known put to sleep when the daemon ends, and woken when it is there again.

Folders may be read-only, gone, or on a network that does not answer: nobody waits for them, and what cannot be reached
stays as it is.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread

from tokenguard.attribution import locate
from tokenguard.attribution.layout import is_repository
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard_hooks import flagging, hook_folders, reaching, resting, sharing
from tokenguard_hooks.catching_up import CatchingUp
from tokenguard_hooks.gits import Gits

log = logging.getLogger(__name__)

_SECONDS = 30.0
"""How long is waited for all of them where something else was to be done for one."""

_AHEAD_S = 2.0
"""How long hooks of all repositories sleep on at most while is read what was committed meanwhile."""

_THREADS = 8
"""So many folders that do not answer do not keep others waiting."""


class Rounds:
    """Goes round all repositories in which hooks of a state folder are, or have noted something. Never raises."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._told: dict[Path, str] = {}
        self._catching_up = CatchingUp(paths)
        self._state: object = None
        self._worked_in: frozenset[Path] = frozenset()
        self._over = Event()
        """Set once they are put to sleep: whoever is about to wake them comes too late."""

    def put_to_sleep(self, seconds: float) -> None:
        """Put their hooks to sleep; this takes no longer than so many seconds."""
        until_s = time.monotonic() + seconds
        self._over.set()
        self._try(lambda root: flagging.put_to_sleep(self._paths), self._root)
        since_us = self._since_us()
        if since_us is not None:
            self._keep_awake_if_needed()
            self._try(lambda root: reaching.put_to_sleep(self._paths, lambda: self._settle(seconds / 4)), self._root)
        ready: list[Path] = []

        def make_ready(common_dir: Path) -> None:
            if resting.make_ready(common_dir, self._paths):
                ready.append(common_dir)

        self._each(make_ready, seconds / 2)
        gits = Gits()
        for common_dir in tuple(ready):
            if time.monotonic() < until_s:
                self._try(lambda found: resting.let_sleep(found, self._paths, gits), common_dir)
        if since_us is not None and time.monotonic() < until_s:
            self._try(
                lambda root: sharing.put_to_sleep(self._paths, gits, lambda: self._settle(seconds / 4)), self._root
            )

    def wake(self, seconds: float, worked_in: Callable[[], Iterable[str]] = tuple) -> None:
        """Wake those that sleep; after so many seconds, what has not answered goes on by itself.

        `worked_in` tells where agents have worked: what was committed there while the hooks of all repositories slept
        is read, too.
        """
        until_s = time.monotonic() + seconds
        self._over.clear()
        self._try(lambda root: flagging.wake(self._paths), self._root)
        if flagging.since_us(self._paths) is not None:
            located = (locate(Path(folder)).common_dir for folder in worked_in())
            self._worked_in = frozenset(Path(one) for one in located if one is not None)
        self.wake_shared(until_s - time.monotonic())
        self._each(lambda common_dir: resting.wake(common_dir, self._paths), until_s - time.monotonic())
        self._each(self._follow, until_s - time.monotonic(), self._worked_in)

    def wake_shared(self, seconds: float) -> None:
        """Wake those that serve several repositories, and read what was committed while they slept."""
        if self._since_us() is not None:
            self._wake_everywhere(time.monotonic() + seconds)

    def wake_in(self, folder: Path) -> None:
        """Wake those of the repository to which a folder belongs: it may have been moved while they slept."""
        common_dir = folder if is_repository(str(folder)) else Path(locate(folder).common_dir or folder)
        if not self._over.is_set():
            self._try(lambda root: flagging.wake(self._paths), self._root)
        self._try(lambda found: resting.wake(found, self._paths), common_dir)
        if self._are_any_asleep():
            self._wake_everywhere(time.monotonic() + _SECONDS)
        else:
            self._try(self._read, common_dir)
        self._try(self._follow, common_dir)

    def asleep(self, seconds: float) -> list[Path]:
        """The repositories in which they sleep, as far as those answer within so many seconds."""
        found: list[Path] = []

        def look(common_dir: Path) -> None:
            if resting.is_asleep(common_dir, self._paths) and resting.has_sleepers(common_dir, self._paths):
                found.append(common_dir)

        self._each(look, seconds)
        return sorted(found)

    @property
    def _root(self) -> Path:
        """The folder to which the hooks of all repositories belong."""
        return hook_paths.hooks(self._paths)

    def _wake_everywhere(self, until_s: float) -> None:
        if self._are_any_asleep():
            # Before they note something: lines of commits are best in the order in which those were made.
            self._begin(None)
            self._each(self._read, min(_AHEAD_S, until_s - time.monotonic()), self._worked_in)
            if self._over.is_set():
                return
            self._try(lambda root: reaching.wake(self._paths, self._over.is_set), self._root)
            self._try(lambda root: sharing.wake(self._paths, self._over.is_set), self._root)
        if (state := self._state_now()) != self._state:
            self._begin(state)
        self._each(self._read, until_s - time.monotonic(), self._worked_in)
        self._keep_awake_if_needed()
        self._try(lambda root: hook_folders.try_again(self._paths), self._root)

    def _keep_awake_if_needed(self) -> None:
        self._try(lambda root: reaching.keep_awake(self._paths, not self._catching_up.complete), self._root)

    def _are_any_asleep(self) -> bool:
        return reaching.is_asleep(self._paths) or sharing.is_asleep(self._paths)

    def _since_us(self) -> int | None:
        """When hooks that serve several repositories could sleep first; None if there are none."""
        reach = reaching.look(self._paths)
        found = [one.since_us for one in hook_folders.look(self._paths)]
        return min([*found, reach.since_us] if reach else found, default=None)

    def _state_now(self) -> object:
        """What is another one once any of those have slept; None while they do."""
        told = sharing.state(self._paths)
        return None if told is None or reaching.is_asleep(self._paths) else (reaching.state(self._paths), told)

    def _begin(self, state: object) -> None:
        self._state = state
        self._catching_up.begin()

    def _read(self, common_dir: Path) -> None:
        if (since_us := self._since_us()) is not None:
            self._catching_up.read(common_dir, since_us)

    def _follow(self, common_dir: Path) -> None:
        if (since_us := flagging.since_us(self._paths)) is not None:
            self._catching_up.follow(common_dir, since_us)

    def _settle(self, seconds: float) -> None:
        """Take note that they have noted everything up to now, unless they have slept since it was read."""
        if self._state is not None and self._state == self._state_now():
            self._each(self._catching_up.settle, seconds, self._worked_in)

    def _each(self, work: Callable[[Path], object], seconds: float, more: Iterable[Path] = ()) -> None:
        until_s = time.monotonic() + seconds
        waiting: SimpleQueue[Path] = SimpleQueue()
        for common_dir in {*self._known(), *more}:
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
            if common_dir == self._root or is_repository(str(common_dir)):
                work(common_dir)
        except (OSError, ValueError, TokenguardError) as error:
            if self._told.get(common_dir) != str(error):
                stay = "" if isinstance(error, resting.UnreadError) else " stay as they are"
                log.warning("hooks in %s%s: %s", common_dir, stay, error)
            self._told[common_dir] = str(error)

    def _known(self) -> Iterator[Path]:
        """All that may be repositories: folders on the way to others are among them."""
        for folder, _, _ in os.walk(hook_paths.repositories(self._paths)):
            yield hook_paths.common_dir(self._paths, Path(folder))
