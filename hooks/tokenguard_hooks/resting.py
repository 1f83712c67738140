"""While the daemon does not run, hooks have nothing to say, so git need not start them: they sleep.

A mark in the repository says that they do, for which state folder, and how far git's own logs went then. What was done
meanwhile is read from those when hooks are woken, and left where hooks would have noted it. Only a repository's own
hooks sleep, and where git keeps such logs: what serves others as well, or would be lost, stays awake.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tokenguard.attribution.git import ask
from tokenguard.attribution.logs import Mark
from tokenguard.attribution.missed import marks, missed
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard_hooks import chaining, files, included, lulls, marking, scripts
from tokenguard_hooks.locking import alone

if TYPE_CHECKING:
    from tokenguard_hooks.gits import Gits

log = logging.getLogger(__name__)

MARK = "tokenguard-asleep"
"""In the common git folder of a repository whose hooks sleep. Where the daemon has died, hooks themselves put it there
(`rest.sh`): what is said of either holds for both."""

_NEW = f"{MARK}.new"

_SECONDS = 0.5
"""How long is waited for others that change the same hooks."""

_NEWER = "let tokenguard find git 2.45 or newer on its PATH"

_WHILE, _FRESH_S = 0.1, 0.001
"""For how long it is looked whether a git has ended that was there, and for how long what was seen holds: the few names
of a repository change within that, and with 200 of them there is no time to look at all processes for each."""

_UNDER_WAY = ("index.lock", "rebase-merge", "rebase-apply", "sequencer")
"""What git has in the folder of a working tree while it makes commits there."""


class UnreadError(TokenguardError):
    """Hooks woke, and what was done while they slept is not noted yet."""


def put_to_sleep(common_dir: Path, paths: Paths, gits: Gits | None = None) -> bool:
    """Have git start no hook of ours in a repository; whether they sleep. Raises `TokenguardError`.

    Where a git is about that may start one, they stay awake.
    """
    return make_ready(common_dir, paths) and let_sleep(common_dir, paths, gits or _gits())


def make_ready(common_dir: Path, paths: Paths) -> bool:
    """Mark a repository as one whose hooks sleep, if they can, and do all that takes time or hurts nobody."""
    with alone(common_dir, _SECONDS):
        since = marks(common_dir)
        if not may_sleep(common_dir, paths):
            return False
        if not is_asleep(common_dir, paths):
            _put_mark(common_dir, paths, since)
        if included.is_awake(common_dir / "config", paths):
            included.put_to_sleep(common_dir / "config")  # git reads its configuration once
        return True


def may_sleep(common_dir: Path, paths: Paths) -> bool:
    """Whether hooks of this state folder are awake in a repository, are its own, and nothing is lost without them.

    Blocks while git is asked of one without a log, or with tables; never raises.
    """
    chained = any(files.read(common_dir / "hooks" / event) == scripts.stub(event, paths) for event in scripts.TO_SLEEP)
    free = _owner(common_dir) in (None, b"", _name(paths))
    awake = chained or included.is_awake(common_dir / "config", paths)
    return free and awake and _loses_nothing(common_dir)


def _loses_nothing(common_dir: Path) -> bool:
    """Whether git keeps a log, or will where a bare repository has commits of its own some day."""
    if marking.has_log(common_dir):
        return True
    told = ask(str(common_dir), "config", "--type=bool", "--get", "core.bare") or ""
    return told.strip() == "true" and marking.keeps_log(common_dir)


def let_sleep(common_dir: Path, paths: Paths, gits: Gits) -> bool:
    """Do the rest in a repository that was made ready; whether hooks sleep there.

    Not from several threads at once: they would hold each other up between the last look for a git and the new names.
    """
    with alone(common_dir, _SECONDS):
        configured = included.is_asleep(common_dir / "config", paths)
        slept = is_asleep(common_dir, paths) and _put_folder_to_sleep(common_dir, paths, gits)
        if not configured and not slept and not has_sleepers(common_dir, paths):
            forget(common_dir)
        return configured or slept


def _put_folder_to_sleep(common_dir: Path, paths: Paths, gits: Gits) -> bool:
    hooks = common_dir / "hooks"
    if _is_under_way(common_dir) or not hooks.resolve().is_relative_to(common_dir):
        return False
    # Last of all: whoever has written to a log before it was marked, or has found a hook, is still there.
    return lulls.put_to_sleep(hooks, paths, lambda: gits.is_near(common_dir), _WHILE, _FRESH_S)


def _gits() -> Gits:
    from tokenguard_hooks.gits import Gits  # heavy, and needed by nobody who only asks how it stands

    return Gits()


def wake(common_dir: Path, paths: Paths, seconds: float = _SECONDS) -> bool:
    """Have git start hooks again that were put to sleep for this state folder; whether there were any.

    What was done meanwhile is noted as they would have. Where a git is about that may still do something of which hooks
    will not be told, the mark stays until this is done again. Blocks while git is asked, and for so many seconds while
    others change them. Raises `TokenguardError`.
    """
    if not is_asleep(common_dir, paths):
        return False
    with alone(common_dir, seconds):
        return wake_alone(common_dir, paths)


def wake_alone(common_dir: Path, paths: Paths) -> bool:
    """The same for those who see to it that nobody else does."""
    if not is_asleep(common_dir, paths):
        return False
    understood = marking.is_understood(common_dir)
    since, now = marking.read(common_dir / MARK) or {}, marks(common_dir)
    if understood:
        marking.note(common_dir, paths, missed(common_dir, since))
    included.wake(common_dir / "config")
    with suppress(OSError):
        (hook_paths.folder(paths, common_dir) / hook_paths.SLEEPLESS).unlink()
    left = [event for event in reversed(scripts.TO_SLEEP) if not chaining.wake(common_dir / "hooks", event)]
    if left:
        log.warning("another hook is in the place of %s in %s: tokenguard hooks install", ", ".join(left), common_dir)
    # A git that has read its configuration before has found no hook in it, and notes nothing as long as it runs.
    unaware = included.is_awake(common_dir / "config", paths) and _gits().is_near(common_dir)
    if not understood:
        # What became of commits would be lost: the mark stays until git can be asked.
        raise UnreadError("they woke, but git is too old to tell what was committed while they slept", _NEWER)
    # A commit that was made while this was done may have been noted by nobody, or by both.
    marking.note(common_dir, paths, missed(common_dir, now))
    if unaware:
        _put_mark(common_dir, paths, now)
    else:
        forget(common_dir)
    return True


def is_asleep(common_dir: Path, paths: Paths) -> bool:
    """Whether a mark says that hooks sleep here for this state folder. Costs next to nothing, never raises."""
    owner = _owner(common_dir)
    # After a power cut, there may be nothing in the mark.
    return owner == _name(paths) or (owner == b"" and has_sleepers(common_dir, paths))


def forget(common_dir: Path) -> None:
    """Remove the mark, whoever has put it there."""
    for file in (common_dir / MARK, common_dir / _NEW):
        with files.told(file):
            file.unlink(missing_ok=True)


def _is_under_way(common_dir: Path) -> bool:
    """Whether git is in the midst of making commits."""
    trees = [common_dir, *common_dir.glob("worktrees/*")]
    return any(os.path.lexists(f"{tree}/{name}") for tree in trees for name in _UNDER_WAY)


def _put_mark(common_dir: Path, paths: Paths, since: dict[str, Mark]) -> None:
    file = common_dir / MARK
    marking.put(file, file.with_name(_NEW), _name(paths), since)


def _owner(common_dir: Path) -> bytes | None:
    """The state folder for which hooks sleep; None if they do not, nothing if that is not to be read."""
    mark = files.read(common_dir / MARK)
    if mark is None:
        return None
    parts = mark.split(b"\0")
    return parts[1] if len(parts) > 1 and parts[0] == b"1" else b""


def has_sleepers(common_dir: Path, paths: Paths) -> bool:
    """Whether hooks of this state folder are asleep in a repository."""
    hooks = {
        common_dir / "hooks" / f"{event}{scripts.ASLEEP}": scripts.stub(event, paths) for event in scripts.TO_SLEEP
    }
    chained = any(files.read(file) == stub for file, stub in hooks.items())
    return chained or included.is_asleep(common_dir / "config", paths)


def _name(paths: Paths) -> bytes:
    return os.fsencode(paths.state_dir)
