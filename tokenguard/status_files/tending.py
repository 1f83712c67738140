"""What hooks read is kept, and what they note is taken, for as long as the daemon runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.guard.places import Places
from tokenguard.platforms.mounts import SINGLE_FOLDERS
from tokenguard.status_files.keeping import Board, Keeper, Source
from tokenguard.status_files.repositories import RepositoryBoard
from tokenguard.status_files.survey import Repository, Survey
from tokenguard.status_files.trailers import TrailerBoard
from tokenguard.watcher import Wanted, Watcher
from tokenguard.watcher.observing import Heard, Observation

log = logging.getLogger(__name__)

SETTLES_S = 1.0
"""After something new was heard of: when it is there in full."""

Take = Callable[[Path], Awaitable[None]]
"""Takes what hooks have noted in the folder of a repository."""


class StatusFiles:
    """The files that hooks and status lines read, and the notes of hooks."""

    def __init__(
        self,
        paths: Paths,
        places: Places,
        config: Callable[[], Config],
        take: Take,
        trailers: TrailerBoard,
        *boards: Board,
    ) -> None:
        """`config` gives the settings in force; `boards` are kept beside those of repositories."""
        self._paths = paths
        self._config = config
        self._take = take
        self._survey = Survey(paths)
        self._said, self._trailers = RepositoryBoard(places), trailers
        self._keeper = Keeper((self._said, trailers, *boards), places.now)
        self._known: dict[Path, Repository] = {}
        self._stale = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def run(self, source: Source) -> None:
        """Keep files until cancelled; then they are gone."""
        root = hook_paths.repositories(self._paths)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keeper.run(source))
                tasks.create_task(self._look_again())
                watcher = Watcher(lambda: [Wanted(root, deep=True)], self._heard, observation=_observation)
                tasks.create_task(watcher.run())
        except Exception:
            log.exception("hooks and status lines are told nothing any more")

    def changed(self) -> None:
        """Settings, working trees, branches, or what is spent may have changed, and no event has told."""
        self._stale.set()

    async def _look_again(self) -> None:
        while True:
            await self._stale.wait()
            self._stale.clear()
            try:
                await self._take_all(await self._look())
            except Exception:
                log.exception("repositories with hooks could not be looked at")

    async def _heard(self, changed: frozenset[Path]) -> None:
        """Something has been written or made below the folder of repositories: also by the daemon itself."""
        noted = {path.parent for path in changed if path.name == hook_paths.SPOOL}
        if not all(_is_file_of_ours(path.name) for path in changed):
            noted |= await self._look()
            # Folders that are made one in the other can outrun whoever begins to watch them.
            asyncio.get_running_loop().call_later(SETTLES_S, self.changed)
        elif noted:
            await self._learn(noted)
        await self._take_all(noted)

    async def _take_all(self, noted: Iterable[Path]) -> None:
        for folder in sorted(noted):
            await self._take(folder)

    async def _look(self) -> set[Path]:
        """Look at everything again; the folders in which something is noted."""
        gone = await asyncio.to_thread(lambda: [file for file in self._keeper.written if not file.exists()])
        self._keeper.forget(gone)
        folders = await asyncio.to_thread(lambda: list(self._survey.folders()))
        await self._learn(folders, all_of_them=True)
        return set(await asyncio.to_thread(lambda: [one for one in folders if _has_notes(one)]))

    async def _learn(self, folders: Iterable[Path], *, all_of_them: bool = False) -> None:
        """Look at the repositories of these folders, and at what their hooks have to say now."""
        async with self._one_at_a_time:
            config = self._config()
            found = await asyncio.to_thread(lambda: {one: self._survey.repository(one, config) for one in folders})
            kept = {} if all_of_them else {folder: one for folder, one in self._known.items() if folder not in found}
            self._known = kept | {folder: one for folder, one in found.items() if one is not None}
            self._said.known = self._trailers.known = tuple(self._known.values())
        self._keeper.changed()


def _observation(heard: Heard) -> Observation:
    """The state folder is always there, and what else happens around it is nothing to wake up for."""
    return Observation(heard, above=1 if SINGLE_FOLDERS else 0)


def _is_file_of_ours(name: str) -> bool:
    """Whether it is a file that hooks or the daemon write, and no folder that may be a repository's."""
    ours = (hook_paths.SPOOL, hook_paths.STATUS, hook_paths.TRAILERS, hook_paths.LOGGED)
    return name.startswith((*ours, ".tokenguard-"))


def _has_notes(folder: Path) -> bool:
    return any(folder.glob(f"{hook_paths.SPOOL}*"))
