"""Repositories with hooks, and what those would read."""

from __future__ import annotations

import subprocess
from pathlib import Path

from msgspec.structs import replace

from tests.support.house import House
from tokenguard.config import hook_paths
from tokenguard.config.budgets import parse_budgets
from tokenguard.config.paths import Paths
from tokenguard.config.sections import HookSettings
from tokenguard.config.settings import Config
from tokenguard.guard.places import Places
from tokenguard.records import Budget
from tokenguard.status_files import RepositoryBoard
from tokenguard.status_files.survey import Repository, Survey

DOLLAR = 50_000
"""Tokens of output that cost one dollar."""


def budget(**table: object) -> Budget:
    (made,) = parse_budgets([{"name": "day", "limit": "$10", "window": "day", "at_limit": "warn", **table}], Path("c"))
    return made


class Hooked:
    """A house whose repository has hooks."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.paths = Paths(house.folder, house.folder)
        self.hooks = HookSettings(push="block")
        self.survey = Survey(self.paths)
        self.board = RepositoryBoard(Places(house.guard.counting, lambda: house.guard.config.budgets, house.guard.now))
        self.git("commit", "-q", "--allow-empty", "-m", "first")
        self.folder = self.install(house.repo / ".git")

    def git(self, *args: str, where: Path | None = None) -> str:
        ours = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "protocol.file.allow=always"]
        run = subprocess.run(
            ["git", *ours, *args], cwd=where or self.house.repo, check=True, capture_output=True, text=True
        )
        return run.stdout.rstrip("\n")

    def install(self, common_dir: Path) -> Path:
        """What is left of an installation here: a folder."""
        folder = hook_paths.folder(self.paths, common_dir)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def config(self) -> Config:
        return replace(self.house.guard.config, hooks=self.hooks)

    def repository(self, folder: Path | None = None) -> Repository:
        found = self.survey.repository(folder or self.folder, self.config)
        assert found is not None
        return found

    async def file(self, folder: Path | None = None) -> str:
        """The file as it would be written now."""
        repository = self.repository(folder)
        self.board.known = (repository,)
        (text,) = (await self.board.wanted()).files.values()
        return text.text

    async def lines(self, folder: Path | None = None) -> list[list[str]]:
        """Its lines, in their fields, without the first one."""
        return [line.split(" ", 5) for line in (await self.file(folder)).splitlines()[1:]]

    async def says(self, at: str, *, tree: str = ".", branch: str = "main", now_us: int | None = None) -> str:
        """What a hook reads there at a commit or push: the verdict and, of a budget, the name; as git-hooks do."""
        now_s = (self.house.clock.now_us if now_us is None else now_us) / 1_000_000
        for worktree, name, expires, commit, push, *message in await self.lines():
            fits = worktree in (tree, "*") and name in (branch, "*")
            if fits and (expires == "0" or now_s < int(expires)):
                verdict = {"commit": commit, "push": push}[at]
                return f"{verdict} {message[0].split(' ')[0]}" if message and verdict != "ok" else verdict
        raise AssertionError("the last line fits everything")
