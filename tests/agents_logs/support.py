"""Logs as the modules are given them, without a file system: what `tokenguard.importing` does, in a few lines."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tokenguard.agents.logs.shape import Database, Document, File, Lines, Logs, Places, Sighting, Snapshot
from tokenguard.records import Usage

HOME = Path("/home/ada")


class Odd:
    """What a module found odd, in order."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, kind: str, detail: str) -> None:
        self.seen.append((kind, detail))


def line(value: object) -> bytes:
    """A line of JSON as JavaScript writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def file(path: str, beside: Mapping[str, bytes] | None = None) -> File:
    """A file, and what others beside it hold."""
    found = dict(beside or {})
    return File(path, 0, lambda name: found.get(name, b""), lambda label: b"")


def places(**env: str) -> Places:
    """A home folder, and variables."""
    return Places(env, HOME)


def lines_of(logs: Logs, **env: str) -> Lines:
    """Its one source of lines."""
    (source,) = (one for one in logs.sources(places(**env)) if isinstance(one, Lines))
    return source


def document_of(logs: Logs, **env: str) -> Document:
    """Its one source of documents."""
    (source,) = (one for one in logs.sources(places(**env)) if isinstance(one, Document))
    return source


def database_of(logs: Logs, **env: str) -> Database:
    """Its one source of databases."""
    (source,) = (one for one in logs.sources(places(**env)) if isinstance(one, Database))
    return source


def follow(source: Lines, at: File, lines: Iterable[bytes], odd: Odd | None = None, restart: bool = True) -> list[Any]:
    """What lines show; the follower is saved and made anew between any two of them."""
    odd = odd or Odd()
    found: list[Sighting | Snapshot] = []
    follower, offset = source.follow(at, b"", odd), 0
    for one in lines:
        if any(marker in one for marker in source.markers):
            found += follower.take(one, offset)
        offset += len(one) + 1
        if restart:
            follower = source.follow(at, follower.save(), odd)
    return found


def query(source: Database, at: File, conn: sqlite3.Connection, state: bytes = b"", odd: Odd | None = None) -> Any:
    """(what a database shows that is new, the state after that)."""
    found, after = source.read(at, conn, state, odd or Odd())
    return list(found), after


def merged(found: Iterable[Any]) -> dict[str, Usage]:
    """Tokens by key, as the ledger merges copies: of each bucket the largest."""
    rows: dict[str, Usage] = {}
    for one in found:
        assert isinstance(one, Sighting)
        old = rows.get(one.key, Usage())
        rows[one.key] = Usage(*(max(getattr(old, name), getattr(one.usage, name)) for name in Usage.__struct_fields__))
    return rows
