"""The ledger as commands read it: directly, whether a daemon runs or not."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager

from tokenguard.config.paths import Paths
from tokenguard.ledger import queries
from tokenguard.ledger.migrations import migrate


@contextmanager
def open_ledger(paths: Paths) -> Generator[sqlite3.Connection]:
    """A connection for queries; to an empty ledger where none was begun. Raises `LedgerError`."""
    if paths.ledger.exists():
        with closing(queries.connect_readonly(paths.ledger)) as conn:
            yield queries.give_room(conn)
    else:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
            migrate(empty)
            yield empty
