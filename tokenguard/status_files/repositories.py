"""The files of repositories: what their hooks say now."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from tokenguard.config import hook_paths
from tokenguard.guard.places import Held, Look, Places
from tokenguard.policy import hooking
from tokenguard.policy.hooking import ANY, Line
from tokenguard.status_files.files import Text
from tokenguard.status_files.keeping import Wanted
from tokenguard.status_files.survey import Repository, Rules


class RepositoryBoard:
    """One small file for each repository with hooks, two with references in tables; nothing where there is none."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.known: tuple[Repository, ...] = ()
        """Those that have hooks; set by whoever looks."""

    async def wanted(self) -> Wanted:
        """See `Board.wanted`."""
        if not self.known:
            return Wanted()
        if any(tree.rules.own for repository in self.known for tree in repository.trees):
            await self._places.written()
        look = self._places.look()
        now_us, pid = self._places.now(), os.getpid()
        files: dict[Path, Text] = {}
        until_us = math.inf
        for repository in self.known:
            found = lines(repository, look, now_us)
            ends_s = min((line.expires_s for line in found if line.expires_s), default=0)
            text = Text(hooking.status(pid, found), hooking.gist(found), until_s=ends_s)
            files[repository.folder / hook_paths.STATUS] = text
            if repository.logged:
                names = "".join(f"{name}\n" for name in repository.logged)
                files[repository.folder / hook_paths.LOGGED] = Text(f"{hooking.FORMAT} {pid}\n{names}")
            until_us = min(until_us, ends_s * 1_000_000 or math.inf)
            await asyncio.sleep(0)  # a sum may have to be read from the ledger; calls do not wait for all of them
        limits_us = self._places.until_us
        return Wanted(files, min(until_us, limits_us if limits_us > now_us else math.inf))


def lines(repository: Repository, look: Look, now_us: int) -> list[Line]:
    """What hooks say in a repository: in working trees by rules of their own first, and then everywhere.

    On branches for which there is nothing else to say than for others there is no line.
    """
    main, *others = repository.trees
    found: list[Line] = []
    for tree in others:
        if tree.rules != main.rules and hooking.is_plain(tree.name):
            found += _lines(tree.name, tree.rules, repository.branches, look, now_us)
    return found + _lines(ANY, main.rules, repository.branches, look, now_us)


def _lines(worktree: str, rules: Rules, branches: Iterable[str], look: Look, now_us: int) -> list[Line]:
    def said(branch: str, held: list[Held]) -> tuple[Line, ...]:
        return hooking.lines(worktree, branch, held, rules.reactions, now_us)

    anywhere = look.anywhere(rules.repo, rules.own)
    elsewhere = said(ANY, anywhere)
    found: list[Line] = []
    for branch in dict.fromkeys((*branches, *look.branches(rules.repo))):
        if (besides := look.on(rules.repo, branch, rules.own)) and hooking.is_plain(branch):
            here = said(branch, anywhere + besides)
            if [replace(line, branch=ANY) for line in here] != list(elsewhere):
                found += here
    return [*found, *elsewhere]
