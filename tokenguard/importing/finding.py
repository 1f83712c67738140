"""Finding the files of a source: globs, without following a link in circles."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from stat import S_ISDIR, S_ISREG

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.agents.logs.shape import Database, Lines, Source

Unreadable = Callable[[str, str], None]
"""Takes note of a path that cannot be looked into, and why."""


class Candidate(Struct, frozen=True):
    """A file of a source."""

    path: str
    device: int
    inode: int
    size: int
    modified_ns: int


def candidates(source: Source, unreadable: Unreadable, below: Iterable[str] | None = None) -> list[Candidate]:
    """The files of a source, the one first that was changed least recently unless their names tell their order.

    Only those that are named in `below`, or are in or below a folder that is, where that is given.
    """

    def note(path: str, why: str) -> None:
        unreadable(path.encode("utf-8", "replace").decode(), why)

    root = os.path.realpath(source.root)
    found: dict[tuple[int, int], Candidate] = {}
    for start in _starts(source, root, below):
        for path, stat in _files(start, note):
            if any(wanted.fullmatch(path, len(root) + 1) for wanted in map(_pattern, source.patterns)):
                if not _is_text(path):
                    note(path, "name")
                    continue
                one = Candidate(path, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
                if isinstance(source, Database):
                    one = _with_log(one)
                # One file by several names is one file.
                known = found.setdefault((one.device, one.inode), one)
                if one.path < known.path:
                    found[(one.device, one.inode)] = one
    if isinstance(source, Lines) and source.by_name:
        return sorted(found.values(), key=lambda one: (os.path.basename(one.path), one.path))
    return sorted(found.values(), key=lambda one: (one.modified_ns, one.path))


def _is_text(path: str) -> bool:
    """Whether a path can be written down: names of files may be any bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _with_log(database: Candidate) -> Candidate:
    """A database, and when it last changed with its write-ahead log."""
    try:
        stat = os.stat(f"{database.path}-wal")
    except OSError:
        return database
    latest_ns = max(database.modified_ns, stat.st_mtime_ns)
    return replace(database, size=database.size + stat.st_size, modified_ns=latest_ns)


def _starts(source: Source, root: str, below: Iterable[str] | None) -> list[str]:
    if below is None:
        return sorted({os.path.join(root, _plain_part(pattern)) for pattern in source.patterns})
    given = str(source.root)
    starts: set[str] = set()
    for path in below:
        # The root may be a link, and whoever names a path may have followed it or not.
        inside = next((path[len(top) :] for top in (root, given) if path == top or path.startswith(f"{top}/")), None)
        if inside is not None:
            starts.add(root + inside)
        elif root.startswith(f"{path}/") or given.startswith(f"{path}/"):
            starts.add(root)
    return sorted(starts)


def _plain_part(pattern: str) -> str:
    """The folders at the beginning of a pattern that are plain names."""
    parts = pattern.split("/")
    plain = next((at for at, part in enumerate(parts) if _WILD.search(part)), len(parts))
    return "/".join(parts[:plain])


_WILD = re.compile(r"[*?\[]")


@lru_cache(256)
def _pattern(glob: str) -> re.Pattern[str]:
    """`*` within a name, `**/` for any number of folders."""
    parts = re.split(r"(\*\*/|\*)", glob)
    words = {"**/": "(?:[^/]+/)*", "*": "[^/]*"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts), re.DOTALL)


def _files(start: str, unreadable: Unreadable) -> Iterator[tuple[str, os.stat_result]]:
    """The regular files at a path: the path itself, or all below it."""
    visited: set[tuple[int, int]] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        try:
            stat = os.stat(path)
            if S_ISREG(stat.st_mode):
                yield path, stat
            if not S_ISDIR(stat.st_mode):
                continue
            if (stat.st_dev, stat.st_ino) in visited:
                unreadable(path, "symlink-loop")
                continue
            visited.add((stat.st_dev, stat.st_ino))
            with os.scandir(path) as entries:
                names = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                unreadable(path, "symlink-loop" if error.errno == errno.ELOOP else why(error))
            continue
        for entry in reversed(names):
            try:
                if entry.is_symlink() and _leads_above(entry.path, start):
                    unreadable(entry.path, "symlink-loop")
                elif entry.is_symlink() or entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry.path, entry.stat(follow_symlinks=False)
            except OSError as error:
                if error.errno != errno.ENOENT:
                    unreadable(entry.path, why(error))


def _leads_above(link: str, start: str) -> bool:
    """Whether a link leads to the folder that is searched or to one that it is in: all of a disk, perhaps."""
    return f"{start}/".startswith(f"{os.path.realpath(link).rstrip('/')}/")


def why(error: OSError) -> str:
    """What is wrong with a file, in a word."""
    return errno.errorcode.get(error.errno or 0, "error").lower()
