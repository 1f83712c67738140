"""The teams that this machine is in: written by `tokenguard team join`, read by the daemon."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from tokenguard.config.paths import Paths, make_private
from tokenguard.errors import ConfigError
from tokenguard.records.teams import TeamPolicy

FOLDER = "teams"
_FILE = "memberships.json"


class Membership(Struct, frozen=True):
    """A team, and as whom this machine takes part."""

    policy: TeamPolicy
    """As it was when it was trusted last."""
    member: str
    machine: str
    repositories: dict[str, int]
    """As calls name them (`attribution.place.Place.repo`) -> since when their spending counts, in microseconds."""
    clone: str = ""
    """The one of them through whose remotes the team is reached."""
    login: str = ""
    """Of a database: see `team.shape.Place`."""

    @property
    def name(self) -> str:
        """Unique on this machine: one repository's own limits in a database are leased apart from another's."""
        return f"{self.policy.name}@{self.policy.repository}" if self.policy.repository else self.policy.name


def folder(paths: Paths, name: str) -> Path:
    """Where what a team has to remember is kept."""
    return paths.state_dir / FOLDER / name


def read_memberships(paths: Paths) -> tuple[Membership, ...]:
    """All of them. Raises `ConfigError` if the file was damaged: then nobody knows what may be spent."""
    file = paths.state_dir / FOLDER / _FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=tuple[Membership, ...])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", "remove it, and join your teams again") from error


def save_memberships(paths: Paths, memberships: Iterable[Membership]) -> None:
    """Write them in place of those before. Raises `ConfigError` if they cannot be written."""
    make_private(paths.state_dir / FOLDER)
    file = paths.state_dir / FOLDER / _FILE
    new = file.with_suffix(".new")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(tuple(memberships))))
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}", "make its folder writable") from error
