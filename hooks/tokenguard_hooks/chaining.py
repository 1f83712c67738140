"""Hooks in a folder: ours where git finds it, the one that was there before beside it, and back again byte for byte."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError, UsageError
from tokenguard_hooks import files, scripts, sleeping

_ALL = (*scripts.EVENTS, *scripts.SIGNING)

_MOVED = (".legacy", ".old")
"""What pre-commit and lefthook put behind the name of a hook that they find in their place."""

_GOES_BY_NAME = re.compile(rb"basename\W{1,9}\$\{?0|\$\{0##|basename\(\$(?:0|PROGRAM_NAME)|argv\[0\]|overcommit")


class Hook(Struct, frozen=True):
    """What is in the place of a hook."""

    event: str
    file: Path
    state: str
    """`none`; `ours`; `changed`: ours once, until somebody has edited it; `other`."""
    chained: bool
    """Whether another hook is there for ours to run."""
    moved: bool
    """Whether somebody has put ours out of the way."""
    runs: bool
    """Whether git would run what is there."""
    sleeps: bool = False
    """Whether ours is beside it, and git does not start it before the daemon runs."""


def look(folder: Path, event: str) -> Hook:
    """What is in the place of a hook. Never raises."""
    file = folder / event
    # We write no links: what one leads to may be ours, the link itself is not.
    data = None if file.is_symlink() else files.read(file)
    if not files.is_there(file):
        state = "none"
    elif scripts.is_stub(data):
        state = "ours"
    else:
        state = "changed" if scripts.looks_like_stub(data) else "other"
    sleeps = state != "ours" and sleeping.sleeps(file)
    return Hook(
        event=event,
        file=file,
        state=state,
        chained=files.is_there(_chained(file)) and (sleeps or not files.same(file, _chained(file))),
        moved=any(scripts.is_stub(files.read(aside)) for aside in _aside(file)),
        runs=os.access(file, os.X_OK),
        sleeps=sleeps,
    )


def put_in(folder: Path, events: Iterable[str], paths: Paths, *, logged: bool = True) -> bool:
    """Put our hooks into a folder, all of them or none; whether one was not there. Raises `TokenguardError`.

    `logged` is whether git keeps a log in which commits are to be found that no hook has noted.
    """
    wanted = tuple(events)
    for event in wanted:
        wake(folder, event)
        _check(look(folder, event), paths, logged=logged)
    changed = False
    done: list[str] = []
    try:
        for event in wanted:
            before = look(folder, event)
            if before.state != "ours":
                done.append(event)
            changed = _put_in(before, paths) or changed
    except TokenguardError:
        take_out(folder, done)
        raise
    return changed


def take_out(folder: Path, events: Iterable[str] = _ALL) -> bool:
    """Take our hooks out of a folder, and put back what was there before; whether there were any.

    What somebody else has put there since is left alone. Raises `TokenguardError`.
    """
    changed = False
    for event in events:
        file = folder / event
        chained = _chained(file)
        changed = sleeping.take_out(file) or changed
        for aside in _aside(file):
            if scripts.is_stub(files.read(aside)):
                # A hook that was ours to run is theirs to run then, as if we had never been there.
                _put_back(aside, chained)
                changed = True
        state = look(folder, event).state
        if state == "ours" or (state == "none" and files.is_there(chained)):
            _put_back(file, chained)
            changed = True
        elif files.is_there(chained) and files.same(file, chained):
            with files.told(chained):
                chained.unlink()
    return changed


def left_behind(folder: Path) -> list[Path]:
    """What of ours is still in a folder because somebody else has changed something there."""
    hooks = [look(folder, event) for event in _ALL]
    changed = [hook.file for hook in hooks if hook.state == "changed"]
    return changed + [_chained(hook.file) for hook in hooks if hook.chained]


def wake(folder: Path, event: str) -> bool:
    """See `sleeping.wake`."""
    return sleeping.wake(folder, event, lambda file: _in_the_way(file) is None)


def will_wake(hook: Hook) -> bool:
    """Whether one that sleeps can be woken as it stands."""
    return hook.sleeps and (hook.state == "none" or _is_kept(hook.file) or _in_the_way(hook.file) is None)


def _is_kept(file: Path) -> bool:
    return files.same(file, _chained(file))


def _check(hook: Hook, paths: Paths, *, logged: bool) -> None:
    """Raises `UsageError` where our hook cannot be put in."""
    chained = _chained(hook.file)
    if hook.state == "changed":
        raise UsageError(
            f"{hook.file} was written by tokenguard and has been changed since",
            "take out what was added, or remove the file",
        )
    if hook.state != "other":
        return
    if hook.file.is_dir():
        raise UsageError(f"{hook.file} is a folder", "see what it is, and move it away")
    if hook.chained and not hook.moved and not hook.sleeps:
        raise UsageError(
            f"{chained} is there, and somebody has put another hook in the place of tokenguard's since",
            f"keep one of the two under the name {hook.event}",
        )
    if (reason := _in_the_way(hook.file)) is not None:
        flag, run = (shlex.quote(str(hook_paths.hooks(paths) / name)) for name in (hook_paths.AWAKE, "run"))
        line = (f"[ ! -e {flag} ] || " if logged else "") + f'{run} {hook.event} "$@" || exit'
        raise UsageError(f"{hook.file} {reason}", f"put this line into it: {line}")


def _in_the_way(file: Path) -> str | None:
    """Why a hook of somebody else's cannot run after ours; None if it can."""
    if file.is_dir():
        return "is a folder"
    if _GOES_BY_NAME.search(files.read(file) or b""):
        return "goes by its own name, which it would lose"
    if file.is_symlink() and os.path.basename(os.readlink(file)) in _ALL:
        return "is a link to another hook, which would be in another place"
    return None


def _put_in(hook: Hook, paths: Paths) -> bool:
    if hook.moved:
        take_out(hook.file.parent, [hook.event])
    if hook.state == "other" and not files.is_there(_chained(hook.file)):
        files.give_second_name(hook.file, _chained(hook.file))
    return files.put(hook.file, scripts.stub(hook.event, paths), 0o755)


def _put_back(file: Path, chained: Path) -> None:
    with files.told(file):
        if files.is_there(chained):
            chained.replace(file)
        else:
            file.unlink()


def _chained(file: Path) -> Path:
    return file.with_name(file.name + scripts.CHAINED)


def _aside(file: Path) -> list[Path]:
    return [file.with_name(file.name + end) for end in _MOVED]
