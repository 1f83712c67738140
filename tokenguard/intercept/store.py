"""The authorities of this installation: in the state folder, for their owner only, until they expire.

A run gets one that has half of its life before it, so a run may take two weeks. It names it as the user of its proxy's
URL: a daemon that was started anew knows by that whom the agent trusts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tokenguard.config.paths import make_private
from tokenguard.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from tokenguard.intercept.authority import Authority

FOLDER = "intercept"
_ID = re.compile(r"[0-9a-f]{16}")


def obtain(state_dir: Path, names: tuple[str, ...], now: datetime) -> Authority:
    """An authority for these names that lives long enough for a run; those that have expired go.

    Raises `UsageError` where the extra is not installed, and `ConfigError` where files cannot be read or made.
    """
    need()
    from tokenguard.intercept import authority

    folder = state_dir / FOLDER
    make_private(state_dir)
    make_private(folder)
    for kept in _kept(folder):
        if kept.expires <= now:
            file_of(state_dir, kept.id).unlink(missing_ok=True)
        elif kept.names == names and kept.expires - now >= authority.LIFETIME / 2:
            return kept
    made = authority.make(names, now)
    file = file_of(state_dir, made.id)
    try:
        with open(file, "xb", opener=_private) as out:
            out.write(made.secret_pem)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}", "make room there") from error
    return made


def load(state_dir: Path, identity: str) -> Authority | None:
    """An authority by its id; None if there is none. Raises `ConfigError` if others may read its key."""
    from tokenguard.intercept import authority

    if _ID.fullmatch(identity) is None:
        return None
    file = file_of(state_dir, identity)
    try:
        check(file)
        return authority.read(identity, file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be read", "remove it; the next run --intercept makes another") from error


def all_of(state_dir: Path) -> list[Path]:
    """The files that hold keys of authorities."""
    with suppress(OSError):
        return sorted(file for file in (state_dir / FOLDER).iterdir() if file.suffix == ".pem")
    return []


def check(file: Path) -> None:
    """Raises `ConfigError` if anybody but us may read a key, `FileNotFoundError` if it is not there."""
    found = file.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigError(f"others may read the key in {file}", "remove it; the next run --intercept makes another")


def need() -> None:
    """Raises `UsageError` where the package is missing that makes certificates."""
    from importlib.util import find_spec

    if find_spec("cryptography") is None:
        remedy = "install tokenguard[intercept], or: pipx inject tokenguard cryptography"
        raise UsageError("--intercept needs a package that is not installed", remedy)


def file_of(state_dir: Path, identity: str) -> Path:
    """Where an authority is kept."""
    return state_dir / FOLDER / f"{identity}.pem"


def _kept(folder: Path) -> Iterator[Authority]:
    for file in all_of(folder.parent):
        with suppress(ConfigError):
            if (found := load(folder.parent, file.stem)) is not None:
                yield found


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
