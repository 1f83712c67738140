"""What git hooks have noted, taken into the ledger: commits and what became of them, and who went on all the same."""

from __future__ import annotations

import asyncio
import getpass
import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from tokenguard.attribution import layout, logged, notes, spool
from tokenguard.attribution.closing import closings, foldings, head_logs
from tokenguard.attribution.commits import brings, described
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard.ledger import Decision, Ledger, places, queries
from tokenguard.ledger.commits import Deed, Squash, squashing
from tokenguard.records import Closing, Rewrite
from tokenguard.reports.notes import notes as notes_of
from tokenguard.reports.notes import written

log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

_ASIDE = ".taken"
"""At the end of the name of a file that was taken, until all of it is in the ledger."""


class Commits:
    """Takes the notes of repositories' hooks."""

    def __init__(
        self,
        ledger: Ledger,
        paths: Paths,
        now_us: Callable[[], int],
        wants_notes: Callable[[], bool],
        pushing: Callable[[str], None] = lambda repo: None,
        *,
        grace_s: float = 1.0,
    ) -> None:
        """`wants_notes`: whether what a commit cost is put to it as a git note.

        `pushing` is told of a repository from which something is about to be pushed.
        `grace_s`: how long a hook may take, on a busy machine, between opening its file and writing to it.
        """
        self._grace_s = grace_s
        self._ledger = ledger
        self._paths = paths
        self._now_us = now_us
        self._wants_notes = wants_notes
        self._pushing = pushing
        self._one_at_a_time = asyncio.Lock()

    async def take(self, folder: Path) -> None:
        """Take all that hooks have noted in the folder of a repository; see `config.hook_paths`.

        Nothing is lost of what is written meanwhile, nor if this fails or ends halfway: it is there the next time.
        Taking what was taken already changes nothing. Never raises.
        """
        file = folder / hook_paths.SPOOL
        async with self._one_at_a_time:
            try:
                while await self._take(hook_paths.common_dir(self._paths, folder), file):
                    pass
            except (OSError, ValueError, sqlite3.Error, TokenguardError) as error:
                log.error("what git hooks have noted in %s was not taken: %s", folder, error)

    async def _take(self, common_dir: Path, file: Path) -> bool:
        """Take the file that is there; whether there was one."""
        aside = file.with_name(f"{file.name}{_ASIDE}")
        more = await asyncio.to_thread(spool.take, file, aside)
        noted = await asyncio.to_thread(more)
        if noted is None:
            return False
        made: list[str] = []
        while noted is not None:
            noted = await asyncio.to_thread(logged.named, common_dir, noted)
            if noted.unknown:
                log.warning("%d lines that git hooks have left in %s mean nothing", noted.unknown, file.parent)
            deeds = await asyncio.to_thread(self._deeds, common_dir, noted)
            if any(isinstance(line, spool.Pushed) for line in noted.lines):
                self._pushing((await asyncio.to_thread(self._trees, common_dir))[0].repo)
            await self._ledger.note(deeds)
            made = _standing(deeds)
            await asyncio.sleep(self._grace_s - (self._now_us() - noted.written_us) / 1_000_000)
            noted = await asyncio.to_thread(more)
        if made and self._wants_notes():
            await asyncio.to_thread(self._note, str(common_dir), made)
        return True

    def _deeds(self, common_dir: Path, noted: spool.Noted) -> list[Deed]:
        """What these lines mean to the ledger. Blocks while git is asked."""
        known = self._trees(common_dir)
        trees = [one for one in known if _can_be_kept(one)]
        logs = head_logs(common_dir, noted)
        closed = {one.hash: one for one in closings(common_dir, trees, noted, logs)}
        remade = foldings(common_dir, noted, logs)
        paths = {one.name: one.path or one.repo for one in trees}
        waiting = self._ask(squashing)
        repo, who = trees[0].repo if trees else None, getpass.getuser()
        found: list[Deed] = []
        for number, line in enumerate(noted.lines):
            match line:
                case spool.Made(hash=hash) if hash in closed:
                    if not closed[hash].repeats and not _is_of(waiting.pop(paths[line.tree], ()), hash, common_dir):
                        found.append(Squash(paths[line.tree], ()))
                    found += [closed[hash], *remade.get(hash, ())]
                case spool.Rewritten():
                    found.append(Rewrite(line.kind, line.old, line.new))
                case spool.Squashing() if line.tree in paths:
                    waiting[paths[line.tree]] = line.hashes
                    found.append(Squash(paths[line.tree], line.hashes))
                case spool.Overridden():
                    # In their order, and the same each time they are read: so they are written once.
                    at_us = noted.written_us - len(noted.lines) + number
                    reason = line.reason or None
                    found.append(Decision(at_us, "override", who, budget=line.event, key=repo, reason=reason))
                case _:
                    pass
        return found

    def _trees(self, common_dir: Path) -> list[layout.WorkingTree]:
        """Blocks while the ledger is asked."""
        return layout.working_trees(str(common_dir), lambda: self._ask(places.trees))

    def _note(self, common_dir: str, hashes: Sequence[str]) -> None:
        """Put what commits cost to them. Blocks while git is asked, and the ledger."""
        try:
            with closing(queries.connect_readonly(self._paths.ledger)) as conn:
                found = described(common_dir, hashes) or {}
                told = {
                    hash: written(note)
                    for commit in found.values()
                    for hash, note in notes_of(conn, common_dir, [commit], self._now_us()).items()
                }
            notes.write(common_dir, told, self._now_us())
        except TokenguardError as error:
            log.error("no notes were written in %s: %s", common_dir, error)

    def _ask(self, question: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        """The answer of the ledger, in whatever thread this is."""
        with closing(queries.connect_readonly(self._paths.ledger)) as conn:
            return question(conn)


def _can_be_kept(tree: layout.WorkingTree) -> bool:
    """Whether its names are text: calls in other folders are known without them."""
    try:
        return bool(f"{tree.repo}{tree.path}".encode())
    except UnicodeEncodeError:
        return False


def _is_of(squashed: Sequence[str], hash: str, common_dir: Path) -> bool:
    """Whether a commit is made of these, and not of something else after they had been given up."""
    return not squashed or any(brings(str(common_dir), hash, one) for one in squashed)


def _standing(deeds: Sequence[Deed]) -> list[str]:
    """The commits that were made, but for those that others have taken the place of at once."""
    made = [
        deed.hash if isinstance(deed, Closing) else deed.new for deed in deeds if isinstance(deed, Closing | Rewrite)
    ]
    gone = {deed.old for deed in deeds if isinstance(deed, Rewrite)}
    return [hash for hash in dict.fromkeys(made) if hash not in gone]
