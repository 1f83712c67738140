"""The files of runs: whether another prompt may begin, and the status line. Agents' hooks read them, in sh."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.config.zones import local_zone
from tokenguard.guard.slots import resets_at
from tokenguard.policy import statusline, wording
from tokenguard.policy.budgets import Standing
from tokenguard.policy.windows import window_at
from tokenguard.status_files.files import Text
from tokenguard.status_files.keeping import Wanted

_SPEED_US = 60_000_000
"""How old the speed that a status line names may get."""


class Runs(Protocol):
    """The guard's desk."""

    def status(self) -> dict[str, Any]:
        """Totals, sessions, budgets and holds, as `tokenguard status --json` shows them."""
        ...

    async def written(self) -> None:
        """Wait until the totals have in them what was charged so far, but no longer than a moment."""
        ...

    def refused_prompts(self) -> Mapping[str, tuple[Standing, int] | None]:
        """For each run, what refuses whatever it asks for, and until when (0: until something changes)."""
        ...


class SessionBoard:
    """Two small files for each run; nothing where none runs."""

    def __init__(self, paths: Paths, runs: Runs, now_us: Callable[[], int]) -> None:
        """`now_us` is the guard's clock."""
        self._paths = paths
        self._runs = runs
        self._now_us = now_us
        self._head = f"tokenguard 1 {os.getpid()}\n"
        self._begun = False

    async def wanted(self) -> Wanted:
        """See `Board.wanted`."""
        if not self._begun:
            self._begun = True
            # What a daemon that was killed has left is nobody's any more, or is written anew.
            await asyncio.to_thread(shutil.rmtree, hook_paths.sessions(self._paths), ignore_errors=True)
        refused = self._runs.refused_prompts()
        if not refused:
            return Wanted()
        await self._runs.written()
        now_us = self._now_us()
        now = datetime.fromtimestamp(now_us / 1_000_000, local_zone())
        status = self._runs.status()
        files: dict[Any, Text] = {}
        until_us: float = window_at("day", now_us, local_zone()).end_us or math.inf
        if status["totals"]["hour"]["cost_nanos"]:
            until_us = min(until_us, now_us + _SPEED_US)
        for session_id, one in refused.items():
            try:
                folder = hook_paths.session_folder(self._paths, session_id)
            except ValueError:
                continue
            files[folder / hook_paths.VERDICT] = self._text(_verdict(one, now_us))
            files[folder / hook_paths.LINE] = self._text(statusline.line({}, status, session_id, now))
            if one is not None and one[1]:
                until_us = min(until_us, one[1])
        return Wanted(files, until_us)

    def _text(self, line: str) -> Text:
        return Text(f"{self._head}{line}\n", makes_folder=True)


def _verdict(refused: tuple[Standing, int] | None, now_us: int) -> str:
    """`EXPIRES ok|block MESSAGE`; what expires does so by the second, rather a second late than early."""
    if refused is None:
        return "0 ok"
    standing, until_us = refused
    return f"{-(-until_us // 1_000_000)} block {wording.refusal(standing, None, now_us, resets_at(standing))}"
