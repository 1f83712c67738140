"""Hooks in a folder put to sleep, so that git starts nothing there, and woken again.

    awake                                              asleep
    NAME ours                                          NAME.tg-asleep ours
    NAME ours, NAME.tg-chained the one before          NAME the one before, .tg-chained the same, .tg-asleep ours

Every step is one name that takes another file, so that the hook that was there before is there at each instant, and
whoever ends in between leaves something that both ways go on from. The one before keeps its second name while ours
sleeps: a hook of ours that git has just started looks for it there. What NAME is while ours sleeps is what counts.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tokenguard_hooks import files, scripts

_TURNING = ".tg-turning"
"""Ends the second name of a hook on its way into the place of another."""


def sleeps(file: Path) -> bool:
    """Whether a hook of ours sleeps in this place. Never raises."""
    return scripts.is_stub(files.read(file.with_name(file.name + scripts.ASLEEP)))


def put_to_sleep(folder: Path, event: str, stub: bytes, still: Callable[[], bool] = lambda: True) -> bool:
    """Have git not start a hook that holds exactly this; whether it sleeps. Raises `TokenguardError`.

    One that none stands behind is asked for a last time whether it is `still` to be taken away.
    Where the file system knows no second names, one with a hook to run after it stays awake.
    """
    file = folder / event
    if files.read(file) != stub or file.is_symlink():
        return False
    asleep, chained = _places(file)
    with files.told(file):
        if files.same(file, asleep):  # somebody was interrupted
            asleep.unlink()
        if not files.is_there(chained):
            if not still():
                return False
            os.rename(file, asleep)
            return True
        if scripts.is_stub(files.read(chained)):
            return False
        _forget(asleep)
        try:
            os.link(file, asleep)
            _take_place(chained, file)
        except OSError:
            _forget(asleep)
            return False
    return True


def wake(folder: Path, event: str, may_move: Callable[[Path], bool]) -> bool:
    """Have git start a hook of ours again that sleeps; whether none is left that does.

    A hook that somebody has put there meanwhile runs after it, if it may be moved: else all stays as it is.
    Raises `TokenguardError`.
    """
    file = folder / event
    asleep, chained = _places(file)
    if not sleeps(file):
        return True
    with files.told(file):
        _clean_up(file)
        if scripts.is_stub(None if file.is_symlink() else files.read(file)):
            asleep.unlink()
            return True
        if not files.is_there(file):
            _forget(chained)  # what was there before was removed meanwhile
            files.give_second_name(asleep, file)
            _forget(asleep)
            return True
        if not files.same(file, chained):
            if not may_move(file):
                return False
            _give_way(file, chained)
        asleep.replace(file)
    return True


def take_out(file: Path) -> bool:
    """Remove a hook of ours that sleeps in this place; whether there was one. Raises `TokenguardError`."""
    asleep, chained = _places(file)
    if not sleeps(file):
        return False
    with files.told(file):
        _clean_up(file)
        if file.is_symlink() or not scripts.is_stub(files.read(file)):
            _forget(chained)
        asleep.unlink()
    return True


def _places(file: Path) -> tuple[Path, Path]:
    """Where ours is while it sleeps, and the one that was there before."""
    return file.with_name(file.name + scripts.ASLEEP), file.with_name(file.name + scripts.CHAINED)


def _clean_up(file: Path) -> None:
    for one in (file, _places(file)[1]):
        _forget(one.with_name(one.name + _TURNING))


def _give_way(file: Path, chained: Path) -> None:
    """Let a hook run after ours in place of the one that did so before."""
    if files.is_there(chained):
        _take_place(file, chained)
    else:
        files.give_second_name(file, chained)


def _take_place(file: Path, other: Path) -> None:
    """Let a file be there under another name as well, in place of what has it. Raises `OSError`."""
    turning = other.with_name(other.name + _TURNING)
    _forget(turning)
    os.link(file, turning, follow_symlinks=False)
    turning.replace(other)


def _forget(file: Path) -> None:
    with suppress(FileNotFoundError):
        file.unlink()
