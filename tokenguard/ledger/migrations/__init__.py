"""The ledger's schema, as numbered steps: each is applied in one transaction, `user_version` counts them.

Rules that no column type can say:

- Instants are microseconds UTC, money is nanodollars. A charge belongs to the instant at which its call started.
- One row a call. `open` is the reservation; `settled` and `presumed` are charges; `refused` never cost anything.
- `confidence` is text whose smallest value is the worst (bound < estimated < exact), so that `min()` is that of a sum.
- The usage and cost of a settled call are the sums over its legs, where it has legs.
- Who is charged twice pays twice: a response is one row. What the proxy has `measured` stays; what an agent's log tells
  is a row of origin `logged` as long as there is no other of the same response, and an echo of that one otherwise.
- `cost_low` and `cost_high` bound a cost that is not exact; NULL where nothing is known but `cost_nanos`.
"""

from __future__ import annotations

import sqlite3

from tokenguard.errors import LedgerError
from tokenguard.ledger.migrations import calls, commits, constraints, logs, notional

OLDEST_SQLITE = (3, 37, 0)
"""STRICT tables came with it."""

STEPS = (*calls.STEPS, *logs.STEPS, *commits.STEPS, *constraints.STEPS, *notional.STEPS)


def version_of(conn: sqlite3.Connection) -> int:
    """How many of the steps the file has seen."""
    version: int = conn.execute("PRAGMA user_version").fetchone()[0]
    return version


def newest() -> int:
    """The version that this program writes."""
    return len(STEPS)


def refuse_newer(conn: sqlite3.Connection) -> None:
    """Raises `LedgerError` if a newer program wrote the file: its rows could mean something else."""
    if version_of(conn) > newest():
        raise LedgerError(
            f"the ledger was written by a newer tokenguard (schema {version_of(conn)}, this one knows {newest()})",
            "upgrade tokenguard, or point TOKENGUARD_HOME to another folder",
        )


def migrate(conn: sqlite3.Connection) -> None:
    """Bring the file to the newest version. The connection must be in autocommit mode (`isolation_level=None`).

    A step that fails leaves the file as it was before it. Raises `LedgerError` for a newer file, else sqlite3's errors.
    """
    refuse_newer(conn)
    done = version_of(conn)
    for number, step in enumerate(STEPS[done:], done + 1):
        conn.execute("BEGIN IMMEDIATE")
        try:
            step(conn)
            conn.execute(f"PRAGMA user_version = {number}")
            conn.execute("COMMIT")
        except BaseException:
            conn.rollback()
            raise
