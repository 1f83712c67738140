"""The log of a HEAD, or of another reference, wherever git keeps it: in a file, or in tables with the references."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from tokenguard.attribution import tables
from tokenguard.attribution.reftable import Line
from tokenguard.errors import TokenguardError

_ENOUGH = 512
"""Bytes at the end of a line by which it is known again."""


class Mark(Struct, frozen=True):
    """How far the log of a HEAD was read."""

    size: int = 0
    """Of the file; in tables, the number of a change that came no earlier."""
    line: bytes = b""
    """What `last_line` told then: git writes a log anew when it forgets what is old."""


def content(git_dir: Path, name: str = "HEAD") -> bytes:
    """What the log of HEAD holds, or of another reference; nothing where there is none. Never raises."""
    try:
        if tables.are_in(git_dir):
            return b"".join(entry.text for entry in reversed(tables.log(git_dir, name) or []))
        return (git_dir / "logs" / name).read_bytes()
    except (OSError, ValueError):
        return b""


def is_kept(git_dir: Path) -> bool:
    """Whether there is a log of HEAD, and what is in it can be told. Never raises."""
    try:
        return mark(git_dir) is not None
    except TokenguardError:
        return False


def mark(git_dir: Path) -> Mark | None:
    """How far the log of HEAD goes; None if there is none. Raises `TokenguardError`."""
    if tables.are_in(git_dir):
        last = _entries(git_dir, 1)
        return None if last is None else Mark(last[0].number, _known_by(last[0])) if last else Mark()
    try:
        with open(git_dir / "logs" / "HEAD", "rb") as log:
            size = log.seek(0, os.SEEK_END)
            begin = log.seek(max(0, size - _ENOUGH - 1))
            return Mark(size, last_line(log.read(size - begin)))
    except (OSError, ValueError):
        return None


def since(git_dir: Path, mark: Mark) -> tuple[bytes, int]:
    """What the log of HEAD holds, as in a file, and how many bytes of that were read before. Raises `TokenguardError`.

    Where the last line that was read is gone, none were.
    """
    if not tables.are_in(git_dir):
        log = content(git_dir)
        return log, _read_before(log, mark)
    entries = _entries(git_dir) or []
    places = (at for at, one in enumerate(entries) if one.number <= mark.size and _known_by(one) == mark.line)
    begun = next(places, len(entries))
    texts = [entry.text for entry in reversed(entries)]
    return b"".join(texts), sum(map(len, texts[: len(entries) - begun]))


def numbered(git_dir: Path) -> list[tables.Entry]:
    """The lines of the log of HEAD, the oldest first, where that is in tables. Raises `TokenguardError`."""
    return list(reversed(_entries(git_dir) or [])) if tables.are_in(git_dir) else []


def branches_of(common_dir: Path, lines: Mapping[Line, str | None]) -> dict[Line, str]:
    """The branches in whose logs these lines stand, as those were called then, where they are in tables.

    Of several, it is the one that is likely, where one is given. Raises `TokenguardError`.
    """
    try:
        return tables.branches_of(common_dir, lines) if tables.are_in(common_dir) else {}
    except OSError as error:
        raise TokenguardError(f"git's logs are not read: {error}", "see what git reflog --all says there") from error


def last_line(log: bytes) -> bytes:
    """By what the last line of a log is known again."""
    return log.removesuffix(b"\n").rpartition(b"\n")[2][-_ENOUGH:]


def _read_before(log: bytes, mark: Mark) -> int:
    end = mark.size if len(log) >= mark.size else len(log)
    while end and last_line(log[max(0, end - _ENOUGH - 1) : end]) != mark.line:
        end = log.rfind(b"\n", 0, end - 1) + 1
    return end


def _known_by(entry: tables.Entry) -> bytes:
    """By what it is known again: what `git rev-list -g` can be made to tell of it in a hook."""
    line = entry.line
    return last_line(b"%b HEAD@{%d %b} %b" % (line.new.encode(), line.at_s, line.zone.encode(), line.how))


def _entries(git_dir: Path, most: int | None = None) -> list[tables.Entry] | None:
    try:
        return tables.log(git_dir, "HEAD", most)
    except OSError as error:
        raise TokenguardError(f"git's log of HEAD is not read: {error}", "see what git reflog says there") from error
