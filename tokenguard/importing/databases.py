"""Reading the SQLite files of agents that may be running: nothing of theirs is ever written or locked for long."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

_BUSY_S = 1.0
_ROW_MOST = 64 << 20
"""Bytes of the largest value that is read."""
_VERSION_AT, _LOGGED = 18, b"\2"
"""Where a database says that it is kept with a write-ahead log, and how."""


@contextmanager
def opened(path: str) -> Generator[sqlite3.Connection]:
    """A connection that cannot write. Raises sqlite3's errors."""
    uri = Path(path).absolute().as_uri()
    alone = "&immutable=1" if _is_alone(path) else ""
    with closing(sqlite3.connect(f"{uri}?mode=ro{alone}", uri=True, timeout=_BUSY_S, isolation_level=None)) as conn:
        conn.text_factory = _text
        conn.execute("PRAGMA query_only = ON")
        conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _ROW_MOST)
        yield conn


def _is_alone(path: str) -> bool:
    """Whether nobody writes to a database that is kept with a log: to read it as usual would make the log's files anew.

    Nobody does where it has no log, and where its folder cannot be written.
    """
    with open(path, "rb") as file:
        file.seek(_VERSION_AT)
        logged = file.read(1) == _LOGGED
    if os.path.exists(f"{path}-shm"):
        return False
    return (logged and not os.path.exists(f"{path}-wal")) or not os.access(os.path.dirname(path), os.W_OK)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
