"""Visits the files of agents that have changed, has them read, and gives out batches for the ledger."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from tokenguard.agents.logs.shape import DROPPED, UNREADABLE, Document, File, Lines, Sighting, Snapshot
from tokenguard.importing import lines
from tokenguard.importing.databases import opened
from tokenguard.importing.entries import Entries, Gathering, is_believable
from tokenguard.importing.finding import why
from tokenguard.importing.surveying import Known, Survey, Visit
from tokenguard.ledger.values import LogFile, Logs, Oddity

BATCH = 400
"""Rows that are written at once: a few milliseconds, for which a call may have to wait."""

ALONE = 20 * BATCH
"""The same where nobody waits: each transaction writes most pages of the indexes again. Whoever comes then waits for
one of them, once: 0.12 to 0.22 s where they were measured, longer on a machine that is busy."""

_STRETCH = 40 << 10
"""Bytes for each row of a batch after which it is given out, even if nothing was found in them."""

_FILES = 200
"""Files whose visits are noted at once."""

_BESIDE_MOST = 1 << 20
_DOCUMENT_MOST = 64 << 20


class Batch(Struct, frozen=True):
    """A part of what was read."""

    logs: Logs
    read: int = 0
    """Bytes, since the batch before."""
    files: int = 0
    """Files that were visited to their end, since the batch before."""


def read(found: Survey, known: Known, entries: Entries, *, full: bool = False, at_once: int = BATCH) -> Iterator[Batch]:
    """Reads what a survey has found, up to so many rows at once.

    Never raises for what is in a file, or for one that cannot be read.
    """
    anew = tuple({odd.path for odd in found.oddities})
    yield Batch(Logs(oddities=found.oddities, anew=anew, surveyed=found.agents))
    yield from _Reading(known, entries, full, at_once).batches(found.visits)


class _Reading:
    def __init__(self, known: Known, entries: Entries, full: bool, at_once: int) -> None:
        self._known = known
        self._entries = entries
        self._at_once, self._stretch = at_once, at_once * _STRETCH
        self._labels: dict[tuple[str, str], bytes] = {}
        self._seen: set[tuple[str, str]] | None = set() if full else None
        self._found = Gathering()
        self._files: list[LogFile] = []
        self._oddities: list[Oddity] = []
        self._anew: list[str] = []
        self._read = 0

    def batches(self, visits: Iterable[Visit]) -> Iterator[Batch]:
        for visit in visits:
            odd: Counter[tuple[str, str]] = Counter()

            def note(kind: str, detail: str, odd: Counter[tuple[str, str]] = odd) -> None:
                odd[(kind, detail[:60])] += 1

            modified_us = visit.found.modified_ns // 1_000
            try:
                for found, size in self._visit(visit, note):
                    self._read += size
                    for one in found:
                        if not is_believable(one):
                            note(DROPPED, "beyond-reason")
                            continue
                        self._found.add(self._entries.dated(one, modified_us, note))
                        # A database or a document can show very much at once.
                        if len(self._found) >= self._at_once:
                            yield self._flush()
                    if self._read >= self._stretch:
                        yield self._flush()
            except (OSError, sqlite3.Error) as error:
                self._anew.append(visit.found.path)
                note(UNREADABLE, why(error) if isinstance(error, OSError) else error.sqlite_errorname.lower())
            except Exception as error:
                # Whatever a file has in it, the others are read; what the text of a foreign error says nobody knows.
                note(UNREADABLE, type(error).__name__)
                self._done(visit, 0, b"", b"", "")
            self._oddities += [Oddity(visit.found.path, visit.agent, *what, count) for what, count in odd.items()]
            if len(self._files) >= _FILES:
                yield self._flush()
        yield self._flush()

    def _flush(self) -> Batch:
        rows = [
            self._entries.row(sighting, cumulative=cumulative, anew=self._is_first(sighting))
            for sighting, cumulative in self._found.take()
        ]
        logs = Logs(tuple(rows), tuple(self._files), tuple(self._oddities), tuple(self._anew))
        batch = Batch(logs, self._read, len(self._files))
        self._files, self._oddities, self._anew, self._read = [], [], [], 0
        return batch

    def _is_first(self, sighting: Sighting) -> bool:
        """Whether what was known of it before everything was read again counts no more."""
        if self._seen is None or (sighting.agent, sighting.key) in self._seen:
            return False
        self._seen.add((sighting.agent, sighting.key))
        return True

    def _visit(
        self, visit: Visit, odd: Callable[[str, str], None]
    ) -> Iterator[tuple[Iterable[Sighting | Snapshot], int]]:
        source, path = visit.source, visit.found.path
        file = File(
            path,
            visit.found.modified_ns // 1_000,
            beside=lambda name: _beside(path, name),
            labelled=lambda label: self._labelled(visit.agent, label),
        )
        if isinstance(source, Lines):
            yield from self._follow(visit, source, file, odd)
        elif isinstance(source, Document):
            self._anew.append(path)
            if visit.found.size > _DOCUMENT_MOST:
                odd(UNREADABLE, "too-long")
            else:
                yield source.read(file, _content(path), odd), visit.found.size
            self._done(visit, 0, b"", b"", "")
        else:
            self._anew.append(path)
            with opened(path) as conn:
                state = visit.known.state if visit.known else b""
                found, state = source.read(file, conn, state, odd)
                yield found, visit.found.size
            self._done(visit, 0, b"", state, "")

    def _follow(
        self, visit: Visit, source: Lines, file: File, odd: Callable[[str, str], None]
    ) -> Iterator[tuple[Iterable[Sighting | Snapshot], int]]:
        known, found = visit.known, visit.found
        if known is None or not lines.resumes(found.path, known.done, known.head, found.size):
            known = None
            self._anew.append(found.path)
            if lines.is_binary(found.path, odd):
                self._done(visit, 0, b"", b"", "")
                return
        follower = source.follow(file, known.state if known else b"", odd)
        for shown, point, size in lines.follow(found.path, source, known.done if known else 0, follower, odd):
            yield shown, size
            if point is not None:
                self._done(visit, point.done, point.head, point.state, follower.label)

    def _done(self, visit: Visit, done: int, head: bytes, state: bytes, label: str) -> None:
        found = visit.found
        if label:
            self._labels[(visit.agent, label)] = state
        stat = (found.device, found.inode, found.size, found.modified_ns)
        self._files.append(LogFile(found.path, visit.agent, *stat, done, head, state, label))

    def _labelled(self, agent: str, label: str) -> bytes:
        return self._labels.get((agent, label)) or self._known.labelled(agent, label)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(_DOCUMENT_MOST)


def _beside(path: str, name: str) -> bytes:
    """The content of a small file near another one; empty if there is none."""
    try:
        with open(os.path.join(os.path.dirname(path), name), "rb") as file:
            return file.read(_BESIDE_MOST)
    except OSError:
        return b""
