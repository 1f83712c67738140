"""Hooks that serve all repositories sleep while the daemon does not run, and wake when it does.

They stand in a file beside the user's configuration, which git reads where it is there. No repository has a mark of its
own then. What was done in one is read from its logs when hooks wake, from where those were read before; in one that
was never seen, from when hooks could sleep first: had they been awake in between, they would have noted it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard_hooks import configuring, files, included
from tokenguard_hooks.locking import alone

_SECONDS = 0.5
"""How long is waited for others that put them to sleep or wake them."""


class Reach(Struct, frozen=True):
    """How hooks reach all repositories."""

    since_us: int
    """When they could sleep first."""
    config: Path
    """The user's configuration."""


def put(paths: Paths, config: Path) -> None:
    """Let hooks beside a configuration sleep from now on. Raises `TokenguardError`."""
    known = _told(paths)
    since_us = time.time_ns() // 1000 if known is None else known.since_us
    # A hook reads the line in the middle, and knows only names of one line.
    text = f"1 {since_us}\n{configuring.beside(config)}\n{config}\n"
    files.put(_file(paths), text.encode("utf-8", "surrogateescape"), 0o600)


def forget(paths: Paths) -> None:
    """Forget that, and how far logs were read. Raises `TokenguardError`."""
    root = hook_paths.repositories(paths)
    for file in (_file(paths), sleepless(paths), *root.rglob(hook_paths.READ)):
        with files.told(file):
            file.unlink(missing_ok=True)


def look(paths: Paths) -> Reach | None:
    """How hooks of this state folder reach all repositories, if they do so by a file that can be away. Never raises."""
    found = _told(paths)
    return found if found is not None and _is_there(found, paths) else None


def may_sleep(paths: Paths) -> bool:
    """Whether they are awake, and could sleep. Never raises."""
    found = _told(paths)
    return found is not None and included.is_awake(found.config, paths) and not sleepless(paths).exists()


def is_asleep(paths: Paths) -> bool:
    """Whether git starts them in no repository. Never raises."""
    found = _told(paths)
    return found is not None and included.is_asleep(found.config, paths)


def state(paths: Paths) -> tuple[int, int] | None:
    """What is another one once they have slept; None while they do. Never raises."""
    found = _told(paths)
    try:
        told = None if found is None else configuring.beside(found.config).stat()
    except OSError:
        return None
    return None if told is None else (told.st_ino, told.st_ctime_ns)


def put_to_sleep(paths: Paths, before: Callable[[], None] = lambda: None) -> bool:
    """Have git start them in no repository; whether they sleep. Raises `TokenguardError`.

    `before` is called while they are awake and nobody else can put them to sleep.
    """
    if _told(paths) is None:
        return False
    with alone(hook_paths.hooks(paths), _SECONDS):
        found = _told(paths)
        if found is None or not included.is_awake(found.config, paths):
            return is_asleep(paths)
        before()
        if not may_sleep(paths):
            return False
        included.put_to_sleep(found.config)  # git reads its configuration once
        return True


def wake(paths: Paths, unless: Callable[[], bool] = lambda: False) -> bool:
    """Have git start them again; whether they were asleep. Raises `TokenguardError`.

    `unless` is asked once nobody else can put them to sleep: then they sleep on.
    """
    if not is_asleep(paths):
        return False
    with alone(hook_paths.hooks(paths), _SECONDS):
        found = _told(paths)
        if found is None or not is_asleep(paths) or unless():
            return False
        included.wake(found.config)
        return True


def keep_awake(paths: Paths, needed: bool) -> None:
    """Whether they have to stay awake, also when the daemon is killed. Raises `TokenguardError`."""
    with files.told(sleepless(paths)):
        if needed:
            sleepless(paths).touch()
        else:
            sleepless(paths).unlink(missing_ok=True)


def sleepless(paths: Paths) -> Path:
    """What is there while they have to stay awake."""
    return hook_paths.hooks(paths) / hook_paths.SLEEPLESS


def _is_there(found: Reach, paths: Paths) -> bool:
    return included.is_awake(found.config, paths) or included.is_asleep(found.config, paths)


def _told(paths: Paths) -> Reach | None:
    parts = (files.read(_file(paths)) or b"").decode("utf-8", "surrogateescape").split("\n")
    head = parts[0].split(" ")
    if len(parts) != 4 or len(head) != 2 or head[0] != "1" or not head[1].isdigit():
        return None
    return Reach(int(head[1]), Path(parts[2]))


def _file(paths: Paths) -> Path:
    return hook_paths.hooks(paths) / hook_paths.EVERYWHERE
