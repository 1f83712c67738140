"""The runs that commits can name: in a repository's folder, beside what its hooks say."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from tokenguard.config import hook_paths
from tokenguard.guard.registry import UNWRAPPED, Live
from tokenguard.policy import hooking
from tokenguard.policy.hooking import ANY, FORMAT
from tokenguard.status_files.files import Text
from tokenguard.status_files.keeping import Wanted
from tokenguard.status_files.survey import Repository

_NOT_NAMED = "-"
_ODD = re.compile(r"[^!-~]")
_LONGEST = 100


class TrailerBoard:
    """One file for each repository in which agents run; nothing unless `[hooks] trailers` asks for it."""

    def __init__(
        self,
        wanted: Callable[[], tuple[str, ...]],
        running: Callable[[], Iterable[Live]],
        model_of: Callable[[str], Awaitable[str | None]],
    ) -> None:
        """`wanted` is the setting, `model_of` gives the model that a session, by its id, uses most."""
        self._wanted = wanted
        self._running = running
        self._model_of = model_of
        self.known: tuple[Repository, ...] = ()
        """Those that have hooks; set by whoever looks."""

    async def wanted(self) -> Wanted:
        """See `Board.wanted`."""
        asked = self._wanted()
        if not asked or not self.known:
            return Wanted()
        # The run that called last is named where several share a working tree.
        runs = sorted(
            (one for one in self._running() if one.totals.calls and one.session.id != UNWRAPPED),
            key=lambda one: -one.last_us,
        )
        files: dict[Path, Text] = {}
        for repository in self.known:
            names = {tree.path: tree.name for tree in repository.trees if tree.path is not None}
            here = {names[path]: one for one in reversed(runs) if (path := one.session.worktree) in names}
            lines = [
                f"{name} {ANY} {await self._named(one, asked)}\n"
                for name, one in here.items()
                if hooking.is_plain(name)
            ]
            if lines:
                text = f"{FORMAT} {os.getpid()}\n{''.join(sorted(lines))}"
                files[repository.folder / hook_paths.TRAILERS] = Text(text)
        return Wanted(files)

    async def _named(self, live: Live, asked: tuple[str, ...]) -> str:
        """`SESSION AGENT:MODEL`, and `-` for what is not to be named. Models are called as somebody's request says."""
        session, agent = live.session, _NOT_NAMED
        if "assisted-by" in asked:
            model = await self._model_of(session.id)
            agent = _plain(f"{session.agent}:{model}" if model else session.agent)
        return f"{_plain(session.id) if 'session' in asked else _NOT_NAMED} {agent}"


def _plain(text: str) -> str:
    return _ODD.sub("", text)[:_LONGEST] or _NOT_NAMED
