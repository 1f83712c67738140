"""Commits and what they closed, and sums of whole hours: steps 13 and 14."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from tokenguard.ledger.migrations.audit import append_only


def _013_commits(conn: sqlite3.Connection) -> None:
    kinds = ("approve", "deny", "expire", "release", "override")
    for statement in (
        """
        CREATE TABLE closings (
            id INTEGER PRIMARY KEY,
            hash TEXT NOT NULL UNIQUE,
            repo TEXT NOT NULL,
            worktree TEXT NOT NULL,
            branch TEXT,
            since_us INTEGER NOT NULL,
            until_us INTEGER NOT NULL,
            repeats INTEGER NOT NULL,
            twin TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX closings_repo ON closings (repo)",
        """
        CREATE TABLE rewrites (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('amend', 'rebase', 'squash')),
            old TEXT NOT NULL,
            new TEXT NOT NULL,
            UNIQUE (old, new)
        ) STRICT
        """,
        """
        CREATE TABLE squashes (
            worktree TEXT NOT NULL,
            hash TEXT NOT NULL,
            PRIMARY KEY (worktree, hash)
        ) STRICT, WITHOUT ROWID
        """,
        # A check cannot be changed in place.
        "ALTER TABLE decisions RENAME TO decisions_before",
        f"""
        CREATE TABLE decisions (
            id INTEGER PRIMARY KEY,
            at_us INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ({", ".join(map(repr, kinds))})),
            call_id INTEGER,
            budget TEXT,
            key TEXT,
            amount INTEGER,
            unit TEXT,
            reason TEXT,
            who TEXT NOT NULL
        ) STRICT
        """,
        "INSERT INTO decisions SELECT * FROM decisions_before",
        "DROP TABLE decisions_before",
        "CREATE INDEX decisions_at ON decisions (at_us)",
        *append_only("decisions"),
    ):
        conn.execute(statement)


def _014_bare_hours(conn: sqlite3.Connection) -> None:
    keys = ("billing", "origin", "confidence")
    names, same = ", ".join(keys), " AND ".join(f"b.{key} IS k.{key}" for key in keys)
    sums = "calls, cost_nanos, unpriced, estimated, bound, below, above, input, cache_read, cache_write_5m, "
    sums += "cache_write_1h, output, reasoning, presumed, saved"
    for statement in (
        "ALTER TABLE rollup_keys ADD COLUMN bare INTEGER",
        f"""
        INSERT INTO rollup_keys ({names}, agent, provider, model, request_class, role)
        SELECT DISTINCT {names}, '', '', '', '', 'whole' FROM rollup_keys
        """,
        f"""
        UPDATE rollup_keys AS k SET bare = b.id FROM rollup_keys AS b WHERE k.agent <> '' AND b.agent = '' AND {same}
        """,
        f"""
        INSERT INTO rollups (size, start, key, {sums})
        SELECT -2, r.start, k.bare, {", ".join(f"sum(r.{name})" for name in sums.split(", "))}
        FROM rollups AS r CROSS JOIN rollup_keys AS k ON k.id = r.key
        WHERE r.size = 1 AND k.role <> 'part' GROUP BY r.start, k.bare
        """,
    ):
        conn.execute(statement)


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _013_commits,
    _014_bare_hours,
)
