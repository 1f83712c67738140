"""What `[hooks]` may say: of the user's file, and of a repository's, which can only make it stricter."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from tokenguard.config.sections import HookSettings, TeamHookSettings
from tokenguard.config.tables import convert, read_toml, shown
from tokenguard.errors import ConfigError
from tokenguard.policy.budgets import LEVELS, REPOSITORY_FILE
from tokenguard.policy.reactions import REACTIONS, Reaction, Reactions, tightened

TRAILERS = ("session", "assisted-by")
"""What can stand in a commit's message."""

_MILDEST = Reaction(commit="off", push="off", warn_at="hard", block_at="hard")


class RepositoryHooks(Struct, frozen=True, forbid_unknown_fields=True):
    """`[hooks]` of a repository: the least that hooks do there."""

    commit: str | None = None
    push: str | None = None
    warn_at: str | None = None
    block_at: str | None = None
    team: TeamHookSettings = TeamHookSettings()


def check_hooks(given: HookSettings, file: str) -> None:
    """Raises `ConfigError` for what cannot be meant."""
    _check(given, file)
    for trailer in given.trailers:
        if trailer not in TRAILERS:
            text = f'{file}: hooks.trailers "{shown(trailer)}" is not known'
            raise ConfigError(text, f"use of {', '.join(TRAILERS)}")


def parse_repository_hooks(table: object, file: Path) -> RepositoryHooks:
    """The table of a repository's file. Raises `ConfigError`."""
    given = convert(table, RepositoryHooks, f"{file}: hooks")
    _check(given, str(file))
    return given


def read_repository_hooks(worktree: Path) -> RepositoryHooks:
    """What the file of a repository says of hooks. Raises `ConfigError`."""
    file = worktree / REPOSITORY_FILE
    return parse_repository_hooks(read_toml(file, foreign=True).get("hooks", {}), file)


def reactions(mine: HookSettings, repository: RepositoryHooks | None = None) -> Reactions:
    """How hooks take budgets, by the user's settings and those of the repository."""
    own = _merged(Reaction(), mine)
    found = Reactions(own, _merged(own, mine.team))
    if repository is None:
        return found
    least = _merged(_MILDEST, repository)
    return Reactions(tightened(found.own, least), tightened(found.team, _merged(least, repository.team)))


def _merged(base: Reaction, given: HookSettings | RepositoryHooks | TeamHookSettings) -> Reaction:
    return Reaction(
        commit=given.commit or base.commit,
        push=given.push or base.push,
        warn_at=given.warn_at or base.warn_at,
        block_at=given.block_at or base.block_at,
    )


def _check(given: HookSettings | RepositoryHooks, file: str) -> None:
    accepted = {"commit": REACTIONS, "push": REACTIONS, "warn_at": LEVELS[1:], "block_at": LEVELS[1:]}
    for name, table in (("hooks", given), ("hooks.team", given.team)):
        for key, words in accepted.items():
            value: str | None = getattr(table, key)
            if value is not None and value not in words:
                raise ConfigError(f'{file}: {name}.{key} "{shown(value)}" is not known', f"use {', '.join(words)}")
