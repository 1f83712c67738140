"""How far git's logs were read, kept in a file, and lines left where hooks leave theirs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tokenguard.attribution import logs, tables
from tokenguard.attribution.git import ask
from tokenguard.attribution.logs import Mark, last_line
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard_hooks import files

_NO_LOG = ("false", "no", "off", "0")
_NO_HEAD = b"ref: refs/heads/.invalid\n"
"""Where this is not in tables, `extensions.refStorage` names another folder."""


def put(file: Path, new: Path, name: bytes, since: Mapping[str, Mark]) -> None:
    """Keep how far the logs of working trees go, by their names; for whom, says `name`. Raises `TokenguardError`."""
    parts = [b"1", name]
    for tree, mark in since.items():
        parts += [os.fsencode(tree), b"%d" % mark.size, mark.line]
    with files.told(file):
        # Not flushed to the disk, as with the logs that it tells of: all of it may be old after a power cut.
        new.write_bytes(b"\0".join(parts))
        new.replace(file)


def read(file: Path) -> dict[str, Mark] | None:
    """What was kept; None where there is no such file. Never raises."""
    data = files.read(file)
    if data is None:
        return None
    parts = data.split(b"\0")[2:]
    found: dict[str, Mark] = {}
    for name, size, line in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        if size.isdigit():
            found[os.fsdecode(name)] = Mark(int(size), last_line(line))
    return found


def note(common_dir: Path, paths: Paths, lines: list[str]) -> None:
    """Leave lines where hooks leave theirs, but for those that are there. Raises `TokenguardError`."""
    folder = hook_paths.folder(paths, common_dir)
    spool = folder / hook_paths.SPOOL
    known = set((files.read(spool) or b"").decode("utf-8", "surrogateescape").splitlines())
    new = "".join(f"{line}\n" for line in lines if line not in known)
    with files.told(spool):
        folder.mkdir(parents=True, exist_ok=True)
        if new:
            with open(spool, "ab", buffering=0) as opened:
                opened.write(new.encode("utf-8", "surrogateescape"))


def keeps_log(common_dir: Path) -> bool:
    """Whether git keeps a log of HEAD in a repository that can be read, or will, once there is a commit."""
    if has_log(common_dir):
        return True
    elsewhere = files.read(common_dir / "HEAD") == _NO_HEAD and not tables.are_in(common_dir)
    told = ask(str(common_dir), "config", "--get", "core.logAllRefUpdates") or ""
    return not elsewhere and is_understood(common_dir) and told.strip().lower() not in _NO_LOG


def has_log(common_dir: Path) -> bool:
    """Whether there is a log of HEAD in a repository, and git tells what else is needed to make sense of it."""
    return logs.is_kept(common_dir) and is_understood(common_dir)


def is_understood(common_dir: Path) -> bool:
    """Whether the git that is found knows how references are kept in a repository: in tables since 2.45."""
    return not tables.are_in(common_dir) or ask(str(common_dir), "rev-parse", "--git-dir") is not None
