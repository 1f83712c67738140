"""The repository that a command is about, and what it says of a team."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct

from tokenguard import attribution
from tokenguard.attribution.git import ask
from tokenguard.config import trust
from tokenguard.config.paths import Paths
from tokenguard.config.teams import read_team_policy
from tokenguard.errors import ConfigError, UsageError
from tokenguard.policy.budgets import REPOSITORY_FILE
from tokenguard.policy.naming import printable
from tokenguard.records.teams import TeamPolicy

_LONGEST = 200


class Here(Struct, frozen=True):
    """A repository."""

    repo: str
    """As calls name it."""
    worktree: Path
    common_dir: Path
    policy: TeamPolicy | None
    """What it says of a team."""

    @property
    def file(self) -> Path:
        """Where it says so."""
        return self.worktree / REPOSITORY_FILE

    def standing(self, paths: Paths) -> str:
        """See `trust.standing`; `nothing` where there is nothing to trust."""
        return "nothing" if self.policy is None else trust.standing(paths, self.common_dir, self.policy)


def find_here(folder: Path | None = None) -> Here:
    """The repository of a folder, or else the current one. Raises `UsageError` outside one, and `ConfigError`."""
    place = attribution.locate(folder or Path())
    if place.repo is None or place.worktree is None or place.common_dir is None:
        where = "the current folder" if folder is None else printable(str(folder), _LONGEST)
        raise UsageError(f"{where} is not in a repository", "change to one that you have cloned")
    worktree = Path(place.worktree)
    return Here(place.repo, worktree, Path(place.common_dir), read_team_policy(worktree))


def with_team(here: Here) -> TeamPolicy:
    """What it says of its team. Raises `UsageError` if it says nothing."""
    if here.policy is None:
        raise UsageError(f"{here.file} names no team", "tokenguard team init begins one")
    return here.policy


def address(here: Here, policy: TeamPolicy) -> str:
    """Where a team meets, for people to read: what a remote's name stands for, without what may be secret in it."""
    return policy.database if policy.backend != "git" else without_login(url_of(here, policy) or policy.remote)


def url_of(here: Here, policy: TeamPolicy) -> str | None:
    """The URL of a team's remote, which can hold a password; None if the clone has no such remote."""
    if ":" in policy.remote:
        return policy.remote
    return (ask(str(here.worktree), "remote", "get-url", "--", policy.remote) or "").strip() or None


def without_login(url: str) -> str:
    """A URL without user and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return printable(url, _LONGEST)
    if parts.scheme and "@" in parts.netloc:
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return printable(url, _LONGEST)


def concern(paths: Paths) -> tuple[str, str] | None:
    """What keeps the team of the current repository from taking effect, and what to do; None if nothing does.

    Never raises: it is told beside something else.
    """
    try:
        here = find_here()
        standing = here.standing(paths)
    except UsageError:
        return None  # in no repository
    except ConfigError as error:
        return error.message, error.hint
    if standing == "unknown":
        return f"[team] of {printable(str(here.file), _LONGEST)} has no effect: nobody agreed to it", "tokenguard trust"
    if standing == "changed":
        return f"[team] of {printable(str(here.file), _LONGEST)} was changed since you agreed to it", "tokenguard trust"
    return None
