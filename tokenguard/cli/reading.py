"""The ledger as commands read it: directly, whether a daemon runs or not."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tokenguard.config.paths import Paths
from tokenguard.ledger import queries
from tokenguard.ledger.migrations import migrate


def open_ledger(paths: Paths) -> closing[sqlite3.Connection]:
    """A connection for queries; to an empty ledger where none was begun. Raises `LedgerError`."""
    if paths.ledger.exists():
        return closing(queries.give_room(queries.connect_readonly(paths.ledger)))
    empty = sqlite3.connect(":memory:", isolation_level=None)
    migrate(empty)
    return closing(empty)
