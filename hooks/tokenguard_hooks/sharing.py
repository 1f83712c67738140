"""Hooks in a folder that several repositories may use (`core.hooksPath`) sleep while the daemon does not run, too.

No repository has a mark of its own then: as with those of all repositories (`reaching.py`), what was done in one is
read from its logs when hooks wake, from where those were read before; in one that was never seen, from when the hooks
of a folder could sleep first. Which repositories use a folder is nowhere to be found, so no git at all may be about
when names change. A folder that others can write to (`owning.py`) is left alone, and so is one in which git tracks a
hook, unless that is the one that was there before: then git finds what it tracks while ours sleeps.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard_hooks import chaining, hook_folders, lulls, owning, reaching, tracking
from tokenguard_hooks.locking import alone

if TYPE_CHECKING:
    from tokenguard_hooks.gits import Gits

_SECONDS = 0.5
"""How long is waited for others that put them to sleep or wake them."""

_WHILE = 0.3
"""For how long it is looked whether all gits have ended that were there."""


@contextmanager
def held(paths: Paths) -> Generator[None]:
    """Keep everybody from putting hooks in such folders to sleep while those are changed. Raises `TokenguardError`."""
    if hook_paths.hooks(paths).is_dir():
        with alone(hook_paths.hooks(paths), _SECONDS):
            yield
    else:
        yield


def is_asleep(paths: Paths) -> bool:
    """Whether git does not start some of them. Never raises."""
    return any(hook_folders.sleepers(one.path, paths) for one in hook_folders.told(paths))


def may_sleep(paths: Paths) -> bool:
    """Whether some are awake, and could sleep. Blocks while git is asked, never raises."""
    return bool(_ready(paths))


def sleeps_in(folder: Path, paths: Paths) -> bool:
    """Whether git does not start some of those in a folder. Never raises."""
    return bool(hook_folders.sleepers(folder, paths))


def state(paths: Paths) -> tuple[tuple[str, int, int], ...] | None:
    """What is another one once some have slept; None while some do. Never raises."""
    if is_asleep(paths):
        return None
    found: list[tuple[str, int, int]] = []
    for file in (file for one in hook_folders.told(paths) for file in hook_folders.awake(one.path, paths)):
        with suppress(OSError):
            told = file.stat()
            found.append((str(file), told.st_ino, told.st_ctime_ns))
    return tuple(found)


def put_to_sleep(paths: Paths, gits: Gits | None = None, before: Callable[[], None] = lambda: None) -> bool:
    """Have git start none of them; whether some sleep. Blocks while git is asked. Raises `TokenguardError`.

    `before` is called while they are awake and nobody else can put them to sleep. They stay awake where a git is about.
    """
    if not hook_folders.told(paths):
        return False
    with alone(hook_paths.hooks(paths), _SECONDS):
        if any(hook_folders.awake(one.path, paths) for one in hook_folders.told(paths)):
            before()
        for folder in _ready(paths):
            gits = gits or _gits()
            with alone(folder, _SECONDS):
                lulls.put_to_sleep(folder, paths, gits.are_about, _WHILE)
        return is_asleep(paths)


def wake(paths: Paths, unless: Callable[[], bool] = lambda: False) -> bool:
    """Have git start them again; whether some were asleep. Blocks while git is asked.

    `unless` is asked once nobody else can put them to sleep: then they sleep on. Raises `TokenguardError`, also where
    some have to.
    """
    if not is_asleep(paths):
        return False
    left: list[Path] = []
    with alone(hook_paths.hooks(paths), _SECONDS):
        if unless():
            return False
        for folder in (one.path for one in hook_folders.told(paths) if hook_folders.sleepers(one.path, paths)):
            movable = tracking.movable(folder, paths)
            with alone(folder, _SECONDS):
                for file in reversed(hook_folders.sleepers(folder, paths)):
                    if file.name not in movable or not chaining.wake(folder, file.name):
                        left.append(file)
    if left:
        raise TokenguardError(
            f"{left[0]} sleeps, though the daemon runs: another hook is in its place, or git tracks that",
            "tokenguard hooks install",
        )
    return True


def _ready(paths: Paths) -> list[Path]:
    """The folders in which some are awake, and could sleep."""
    if reaching.sleepless(paths).exists():
        return []
    return [one.path for one in hook_folders.told(paths) if _may_sleep(one.path, paths)]


def _may_sleep(folder: Path, paths: Paths) -> bool:
    """Whether some in a folder are awake, and all of those could sleep."""
    awake = {file.name for file in hook_folders.awake(folder, paths)}
    return bool(awake) and owning.is_own(folder) and awake <= tracking.movable(folder, paths)


def _gits() -> Gits:
    from tokenguard_hooks.gits import Gits  # heavy, and needed by nobody who only asks how it stands

    return Gits()
