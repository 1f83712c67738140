"""Reading the SQLite files of agents that may be running: nothing of theirs is ever written or locked for long."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_BUSY_S = 1.0
_ROW_MOST = 64 << 20
"""Bytes of the largest value that is read."""


@contextmanager
def opened(path: str) -> Generator[sqlite3.Connection]:
    """A connection that cannot write. Raises sqlite3's errors."""
    uri = Path(path).absolute().as_uri()
    # Without its companion a log cannot be read where the folder cannot be written; there nobody writes it either.
    alone = "" if os.access(os.path.dirname(path), os.W_OK) or os.path.exists(f"{path}-shm") else "&immutable=1"
    conn = sqlite3.connect(f"{uri}?mode=ro{alone}", uri=True, timeout=_BUSY_S, isolation_level=None)
    try:
        conn.execute("PRAGMA query_only = ON")
        conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _ROW_MOST)
        yield conn
    finally:
        conn.close()
