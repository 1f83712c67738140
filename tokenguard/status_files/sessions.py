"""The files of runs: whether another prompt may begin, and the status line. Agents' hooks read them, in sh.

Beside them the line of today, for the bars and prompts of other programs, where somebody has set one up.
"""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.config.zones import local_zone
from tokenguard.guard.slots import resets_at
from tokenguard.policy import bars, statusline, wording
from tokenguard.policy.budgets import Standing
from tokenguard.policy.windows import window_at
from tokenguard.status_files.files import Text
from tokenguard.status_files.keeping import Wanted

_SPEED_US = 60_000_000
"""How old the speed that a status line names may get."""

_SHARE = 20
"""For how many times as long as it took to ask for it a status is good enough."""


class Runs(Protocol):
    """The guard's desk."""

    def status(self) -> dict[str, Any]:
        """Totals, sessions, budgets and holds, as `tokenguard status --json` shows them."""
        ...

    async def written(self) -> None:
        """Wait until the totals have in them what was charged so far, but no longer than a moment."""
        ...

    def runs(self) -> list[str]:
        """The sessions of `run` whose agent still runs."""
        ...

    def refused_prompt(self, session_id: str) -> tuple[Standing, int] | None:
        """What refuses whatever a session asks for, and until when (0: until something changes); None if nothing."""
        ...


class SessionBoard:
    """Two small files for each run, and that of the line of today; nothing where none runs, and no line is set up."""

    def __init__(
        self, paths: Paths, runs: Runs, now_us: Callable[[], int], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """`now_us` is the guard's clock."""
        self._paths = paths
        self._bars = hook_paths.bars(paths)
        self._runs = runs
        self._now_us = now_us
        self._clock = clock
        self._head = f"tokenguard 1 {os.getpid()}\n"
        self._begun = False
        self._status: dict[str, Any] = {}
        self._fresh_until = -math.inf

    async def wanted(self) -> Wanted:
        """See `Board.wanted`."""
        if not self._begun:
            self._begun = True
            # What a daemon that was killed has left is nobody's any more, or is written anew.
            await asyncio.to_thread(shutil.rmtree, hook_paths.sessions(self._paths), ignore_errors=True)
        runs, has_bar = self._runs.runs(), self._bars.is_dir()
        if not runs and not has_bar:
            return Wanted()
        await self._runs.written()
        status, until_us = self._known()
        files: dict[Path, Text] = {}
        if has_bar:
            files[self._bars / hook_paths.NOW] = Text(f"{self._head}{_bar(status, self._now_us())}")
        for session_id in runs:
            try:
                folder = hook_paths.session_folder(self._paths, session_id)
            except ValueError:
                continue
            now_us = self._now_us()
            now = _local(now_us)
            refused = self._runs.refused_prompt(session_id)
            files[folder / hook_paths.VERDICT] = self._text(_verdict(refused, now_us))
            files[folder / hook_paths.LINE] = self._text(statusline.line({}, status, session_id, now))
            if refused is not None and refused[1]:
                until_us = min(until_us, refused[1])
            await asyncio.sleep(0)  # calls do not wait for all of them
        return Wanted(files, until_us)

    def _known(self) -> tuple[dict[str, Any], float]:
        """The status, and when it has to be looked at again. Asked for often, it takes a twentieth of the time."""
        began, now_us = self._clock(), self._now_us()
        if began < self._fresh_until:
            return self._status, now_us + (self._fresh_until - began) * 1_000_000
        self._status = self._runs.status()
        ended = self._clock()
        self._fresh_until = ended + _SHARE * (ended - began)
        until_us: float = window_at("day", now_us, local_zone()).end_us or math.inf
        spends = self._status["totals"]["hour"]["cost_nanos"]
        return self._status, min(until_us, now_us + _SPEED_US) if spends else until_us

    def _text(self, line: str) -> Text:
        return Text(f"{self._head}{line}\n", makes_folder=True)


def _local(now_us: int) -> datetime:
    return datetime.fromtimestamp(now_us / 1_000_000, local_zone())


def _bar(status: Mapping[str, Any], now_us: int) -> str:
    """The line of today as text, in the styles of tmux and of neovim; its level, and the calls that wait."""
    found = bars.bar(status, _local(now_us))
    lines = (bars.plain(found), bars.tmux(found), bars.nvim(found), " ".join((found.level, *found.waiting)))
    return "".join(f"{line}\n" for line in lines)


def _verdict(refused: tuple[Standing, int] | None, now_us: int) -> str:
    """`EXPIRES ok|block MESSAGE`; what expires does so by the second, rather a second late than early."""
    if refused is None:
        return "0 ok"
    standing, until_us = refused
    return f"{-(-until_us // 1_000_000)} block {wording.refusal(standing, None, now_us, resets_at(standing))}"
