"""Which git processes are about: one that has found a hook must find it again when it starts it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from threading import Lock

import psutil

from tokenguard.attribution import locate

_QUIET = frozenset(
    (
        *("blame", "cat-file", "check-ignore", "config", "credential-cache--daemon", "daemon", "describe", "diff"),
        *("fetch", "for-each-ref", "fsmonitor--daemon", "grep", "log", "ls-files", "reflog", "rev-list", "rev-parse"),
        *("show", "status", "upload-pack"),
    )
)
"""Commands that start no hook of ours; some of them run for hours, others all the time."""
_VALUED = ("-C", "-c", "--attr-source", "--config-env", "--git-dir", "--namespace", "--super-prefix", "--work-tree")
"""Git's own options whose value may be the next word."""
_WITHOUT_HOOKS = "core.hooksPath=/dev/null"

_YOUNG_S = 0.25
"""For so long a process may still become another program."""

_ROUGHLY_S = 2.0
"""How well a system tells when a process began."""


_TRIES = 50
"""How often it is looked until no git has begun meanwhile."""


class Gits:
    """The git processes of this machine. May be asked from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: set[int] = set()
        self._git: dict[int, psutil.Process] = {}
        self._young: dict[int, tuple[psutil.Process, float]] = {}
        """Those that have just begun, and until when they count as such."""

    def is_near(self, common_dir: Path) -> bool:
        """Whether one of them may be about to start a hook of a repository.

        Costs some 10 ms the first time, and then a fraction of one: only what is new is looked at. The last thing that
        it does is to see that none has begun since: whoever begins after that takes longer to come to a hook than
        its name takes to change.
        """
        return self._is_any(lambda process: _may_be_in(process, common_dir))

    def are_about(self) -> bool:
        """The same of a hook of whatever repository."""
        return self._is_any(may_start_one)

    def _is_any(self, counts: Callable[[psutil.Process], bool]) -> bool:
        with self._lock:
            pids = set(psutil.pids())
            for _ in range(_TRIES):
                self._look(pids)
                if any(counts(process) for process in self._git.values()):
                    return True
                pids = set(psutil.pids())
                if not self._has_begun_one(pids):
                    return False
        return True

    def _has_begun_one(self, pids: set[int]) -> bool:
        """Whether one has begun since it was looked, or something has become one."""
        begun = (process for pid in pids - self._known if (process := _process(pid)))
        become = (process for pid, (process, _) in self._young.items() if pid not in self._git)
        return any(_is_git(process) for process in (*begun, *become))

    def _look(self, pids: set[int]) -> None:
        now_s, first = time.monotonic(), not self._known
        new = [process for pid in pids - self._known if (process := _process(pid))]
        for process in (*(process for process, _ in self._young.values()), *new):
            if _is_git(process):
                self._git[process.pid] = process
        young = self._young | {one.pid: (one, now_s + _YOUNG_S) for one in new if not first or _is_recent(one)}
        self._young = {pid: (one, until_s) for pid, (one, until_s) in young.items() if pid in pids and now_s < until_s}
        self._git = {pid: one for pid, one in self._git.items() if pid in pids}
        self._known = pids


def _may_be_in(process: psutil.Process, common_dir: Path) -> bool:
    try:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE or _is_quiet(process.cmdline()):
                return False
            folders = list(_folders(process))
    except (OSError, psutil.Error):
        return False
    return any(locate(Path(folder)).common_dir == str(common_dir) for folder in folders)


def may_start_one(process: psutil.Process) -> bool:
    """Whether it is a git; other programs whose names begin like that run for hours, and start one for all they do."""
    try:
        name = process.name()
        if not (name == "git" or name.startswith("git-")) or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return not _is_quiet(process.cmdline())
    except psutil.NoSuchProcess:
        return False
    except (OSError, psutil.Error):
        return True


def _is_quiet(arguments: Sequence[str]) -> bool:
    """Whether a git with these arguments starts no hook of ours."""
    if not arguments:
        return False
    name = os.path.basename(arguments[0])
    if name.startswith("git-"):
        return name.removeprefix("git-") in _QUIET
    words = iter(arguments[1:])
    for word in words:
        if word in _VALUED:
            if next(words, "") == _WITHOUT_HOOKS:
                return True
        elif not word.startswith("-"):
            return word in _QUIET
    return False


def _folders(process: psutil.Process) -> Iterator[str]:
    """Where a git works: it takes a moment until it is there."""
    folder = process.cwd()
    yield folder
    arguments = process.cmdline()
    for option, value in pairwise((*arguments, "")):
        if option == "-C":
            folder = os.path.join(folder, value)
            yield folder
        elif option.startswith("--git-dir"):
            yield os.path.join(folder, option.partition("=")[2] or value)
    with suppress(psutil.Error):
        yield os.path.join(folder, process.environ().get("GIT_DIR", ""))


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _is_git(process: psutil.Process) -> bool:
    try:
        return process.name().startswith("git")
    except psutil.Error:
        return False


def _is_recent(process: psutil.Process) -> bool:
    try:
        return time.time() - process.create_time() < _ROUGHLY_S
    except psutil.Error:
        return False
