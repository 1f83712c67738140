"""Sums know what of them is on no bill, so that the narrow ones need not tell apart who pays: step 20.

Half as many rows are read for a report then, and each stands for a row of the report.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

_NUMBERS = {"nanos": "cost_nanos", "below": "below", "above": "above", "saved": "saved"}
_KEY = """repo, branch, agent, provider, model, task, request_class, billing, leg, role, worktree, origin, task_type,
    confidence"""
_MADE_ANEW = (-3, -6, -7, -8, -9, -10)
"""The sizes of the narrow sums that told who pays, and where it was read."""


_UNFINISHED = "EXISTS (SELECT 1 FROM rollup_due WHERE source = 'calls')"
"""Whether all sums were being made from the calls: that begins anew."""


def _020_notional(conn: sqlite3.Connection) -> None:
    told = ", ".join(f"notional_{name} = {number}" for name, number in _NUMBERS.items())
    for statement in (
        f"DELETE FROM rollups WHERE size IN ({', '.join(map(str, _MADE_ANEW))}) OR {_UNFINISHED}",
        f"DELETE FROM rollup_keys WHERE {_UNFINISHED}",
        *(f"ALTER TABLE rollups ADD COLUMN notional_{name} INTEGER NOT NULL DEFAULT 0" for name in _NUMBERS),
        f"""UPDATE rollups SET {told}
            WHERE key IN (SELECT id FROM rollup_keys WHERE billing IN ('subscription', 'local'))""",
        # A check cannot be changed in place: narrow keys need not say where it was read.
        """
        CREATE TABLE rollup_keys_anew (
            id INTEGER PRIMARY KEY,
            repo TEXT,
            branch TEXT,
            agent TEXT NOT NULL,
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            task TEXT,
            request_class TEXT NOT NULL,
            billing TEXT NOT NULL,
            leg TEXT,
            role TEXT NOT NULL CHECK (role = 'plain' OR role = 'whole' OR role = 'part'),
            worktree TEXT,
            origin TEXT NOT NULL CHECK (origin = 'measured' OR origin = 'logged' OR origin = ''),
            task_type TEXT,
            confidence TEXT,
            bare INTEGER,
            by_model INTEGER,
            by_agent INTEGER,
            by_task INTEGER,
            by_place INTEGER
        ) STRICT
        """,
        f"""
        INSERT INTO rollup_keys_anew (id, {_KEY}, bare) SELECT id, {_KEY}, bare FROM rollup_keys
        WHERE (request_class <> '' AND billing <> '') OR id IN (SELECT bare FROM rollup_keys)
        """,
        "DROP TABLE rollup_keys",
        "ALTER TABLE rollup_keys_anew RENAME TO rollup_keys",
        """
        CREATE INDEX rollup_keys_all ON rollup_keys
        (repo, branch, model, task, agent, provider, request_class, billing, leg, role, worktree, origin, task_type)
        """,
        # The narrow sums are made anew from those of hours.
        "DELETE FROM rollup_due",
        """
        INSERT INTO rollup_due (source, since, until, next)
        SELECT 'hours', since, (SELECT max(start) + 1 FROM rollups WHERE size = 1), since
        FROM (SELECT min(start) AS since FROM rollups WHERE size = 1) WHERE since IS NOT NULL
        """,
        "UPDATE rollup_phase SET next = -1",
    ):
        conn.execute(statement)


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (_020_notional,)
