"""What repositories ask for beyond limits of their own, and whether the user agreed: once for each repository and text.

It is bound to the repository, so that a copy elsewhere is asked about anew, and to what was agreed to, so that nothing
changes by a pull.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tokenguard.config import whole
from tokenguard.config.paths import Paths, make_private
from tokenguard.config.teams import fingerprint_of
from tokenguard.errors import ConfigError
from tokenguard.records.teams import TeamPolicy


def file_of(paths: Paths) -> Path:
    """Where it is kept what the user agreed to."""
    return paths.state_dir / "trusted.json"


def standing(paths: Paths, common_dir: Path, policy: TeamPolicy) -> str:
    """How the user stands to what a repository asks for: `trusted`, `changed` or `unknown`. Raises `ConfigError`.

    `changed`: something else was agreed to than what it says now; `unknown`: nobody was asked. `common_dir` is the git
    folder that all working trees of the repository share.
    """
    agreed = _read(paths).get(_key(common_dir))
    if agreed is None:
        return "unknown"
    return "trusted" if agreed == fingerprint_of(policy) else "changed"


def trust(paths: Paths, common_dir: Path, policy: TeamPolicy) -> None:
    """The user agrees to what a repository asks for. Raises `ConfigError`."""
    _write(paths, _read(paths) | {_key(common_dir): fingerprint_of(policy)})


def untrust(paths: Paths, common_dir: Path) -> bool:
    """The user agrees to nothing of a repository any more; False if they never did. Raises `ConfigError`."""
    known = _read(paths)
    if known.pop(_key(common_dir), None) is None:
        return False
    _write(paths, known)
    return True


def _key(common_dir: Path) -> str:
    # A path need not be text; what is written must be.
    return str(common_dir.resolve()).encode("utf-8", "backslashreplace").decode("utf-8")


def _read(paths: Paths) -> dict[str, str]:
    """Repository -> fingerprint. A file that says nothing is not taken for one that trusts nothing."""
    file = file_of(paths)
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", "remove it, and trust again: tokenguard trust") from error


def _write(paths: Paths, known: dict[str, str]) -> None:
    make_private(paths.state_dir)
    text = msgspec.json.format(msgspec.json.encode(known, order="sorted")) + b"\n"
    whole.replace(file_of(paths), text, lasting=True)
