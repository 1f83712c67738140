"""References and their logs where git keeps them in tables (`extensions.refStorage = reftable`): a stack of these.

They are read as such, for git itself tells less: `git log -g` tells nothing of a HEAD without a commit, passes over
commits that are gone, and tells the log of the branch where that of HEAD is empty. And to start it for every call
would cost milliseconds.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from heapq import merge
from itertools import groupby
from pathlib import Path
from struct import error as StructError
from typing import NamedTuple, TypeVar

from tokenguard.attribution.reftable import GONE, LINK, LOGS, REFERENCES, Line, Record, Table, line

_Found = TypeVar("_Found")

RENAMED = re.compile(rb"Branch: (?:renamed|copied) refs/heads/(\S+) to refs/heads/\S+")
"""What the log of a branch says of its name before."""
_MAY_BE_RENAMED = b"Branch: "

_LAST = (1 << 64) - 1
_BRANCHES = b"refs/heads/"
_TRIES = 10
"""Git puts tables together, and removes those, while they are looked for; but not all the time."""


class Entry(NamedTuple):
    """A line of a log, and where it stands."""

    number: int
    """Which change in this stack it was, of whatever reference: later ones have greater numbers."""
    line: Line

    @property
    def text(self) -> bytes:
        """As it stands where the log is a file."""
        old, new, name, mail, at_s, zone, how = self.line
        told = b"%b %b %b <%b> %d %b" % (old.encode(), new.encode(), name, mail, at_s, zone.encode())
        return told + (b"\t" + how if how else b"") + b"\n"


def are_in(git_dir: str | Path) -> bool:
    """Whether the references of a working tree with this git folder are in tables. Never raises."""
    return os.path.isfile(os.path.join(git_dir, "reftable", "tables.list"))


def log(git_dir: str | Path, name: str, most: int | None = None) -> list[Entry] | None:
    """The lines of a reference's log, the newest first, or so many of them; None if it keeps none. Raises `OSError`."""
    begin = os.fsencode(name) + b"\0"

    def read(tables: list[Table]) -> list[Entry] | None:
        found: list[Entry] | None = None
        for record in _merged(tables, LOGS, begin):
            if not record.key.startswith(begin) or (found and len(found) == most):
                break
            found = found or []
            told = line(record.value, tables[0].id_bytes)
            # What names no commit at all only says that there is a log.
            if told.old.strip("0") or told.new.strip("0"):
                found.append(Entry(_LAST - int.from_bytes(record.key[-8:], "big"), told))
        return found

    return _read(git_dir, read)


def branches_of(git_dir: str | Path, lines: Mapping[Line, str | None]) -> dict[Line, str]:
    """The branches in whose logs these lines stand, as those were called then, as far as there are some.

    Of several, it is the one that is likely, where one is given: the same commit may be made on two within a second.
    One that was removed may be among them, until git puts tables together. It is looked into new tables first: a line
    of today is found as soon where there are many references. Where a branch gets another name, its log stands in one
    table as a whole. Raises `OSError`.
    """
    ids = {bytes.fromhex(one.old + one.new) for one in lines}

    def read(tables: list[Table]) -> dict[Line, str]:
        found: dict[Line, str] = {}
        for table in reversed(tables):
            if len(found) == len(lines) and all(lines[one] in (None, name) for one, name in found.items()):
                break
            key = name = b""
            for record in table.records(LOGS, 0, _BRANCHES):
                if not record.key.startswith(_BRANCHES):
                    break
                if record.key[:-8] != key:
                    key, name = record.key[:-8], record.key[len(_BRANCHES) : -9]
                wanted = record.value[: 2 * table.id_bytes] in ids
                if wanted or _MAY_BE_RENAMED in record.value:
                    told = line(record.value, table.id_bytes)
                    if earlier := RENAMED.fullmatch(told.how):
                        name = earlier[1]
                    if wanted and told in lines and (told not in found or os.fsdecode(name) == lines[told]):
                        found[told] = os.fsdecode(name)
        return found

    return _read(git_dir, read) if lines else {}


def target(git_dir: str | Path, name: str) -> str | None:
    """The reference that one such as HEAD stands for; None if it stands for none. Raises `OSError`."""
    wanted = os.fsencode(name)

    def read(tables: list[Table]) -> str | None:
        record = next(_merged(tables, REFERENCES, wanted), None)
        links = record is not None and record.key == wanted and record.kind == LINK
        return os.fsdecode(record.value) if record and links else None

    return _read(git_dir, read)


def names(git_dir: str | Path) -> set[str]:
    """The names of all references. Raises `OSError`."""
    return _read(git_dir, lambda tables: {os.fsdecode(record.key) for record in _merged(tables, REFERENCES)})


def _merged(tables: list[Table], section: bytes, begin: bytes = b"") -> Iterator[Record]:
    """The records that stand, by their keys, from one on: of one key, the newest is what stands."""
    lines = [table.records(section, age, begin) for age, table in enumerate(reversed(tables))]
    for _, same in groupby(merge(*lines, key=lambda one: one[:2]), key=lambda one: one.key):
        if (record := next(same)).kind != GONE:
            yield record


def _read(git_dir: str | Path, work: Callable[[list[Table]], _Found]) -> _Found:
    folder = os.path.join(git_dir, "reftable")
    for last in (False,) * (_TRIES - 1) + (True,):
        try:
            with open(f"{folder}/tables.list", encoding="ascii") as listed, ExitStack() as opened:
                files = [opened.enter_context(open(f"{folder}/{name}", "rb")) for name in listed.read().split()]
                return work([Table(file) for file in files])
        except FileNotFoundError:
            if last:
                raise
        except (ValueError, LookupError, StructError, zlib.error) as error:
            raise OSError(f"{folder} is not what is known of tables: {error}") from error
    raise AssertionError
