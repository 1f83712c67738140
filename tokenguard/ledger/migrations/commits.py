"""Commits and what they closed, and sums of few keys: steps 13 to 18."""

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
    conn.execute("ALTER TABLE rollup_keys ADD COLUMN bare INTEGER")


def _015_spells_and_models(conn: sqlite3.Connection) -> None:
    for statement in (
        "ALTER TABLE rollup_keys ADD COLUMN by_model INTEGER",
        # They are summed up anew: by half hours, by threads in an hour, and by models in an hour.
        "DELETE FROM rollups",
        "DELETE FROM rollup_keys",
    ):
        conn.execute(statement)


def _016_nameless(conn: sqlite3.Connection) -> None:
    # What a call that was measured may stand for already: the few of the logs whose response has no id.
    conn.execute("CREATE INDEX calls_nameless ON calls (started_us) WHERE log_key IS NOT NULL AND response_id IS NULL")


def _017_tasks_and_places(conn: sqlite3.Connection) -> None:
    for statement in (
        "ALTER TABLE rollup_keys ADD COLUMN by_task INTEGER",
        "ALTER TABLE rollup_keys ADD COLUMN by_place INTEGER",
        """
        CREATE TABLE rollup_due (
            source TEXT NOT NULL CHECK (source IN ('calls', 'hours')),
            since INTEGER NOT NULL,
            until INTEGER NOT NULL,
            next INTEGER NOT NULL
        ) STRICT
        """,
        # They are summed up anew by tasks and by places in an hour, from the sums that there are of hours.
        """
        INSERT INTO rollup_due (source, since, until, next)
        SELECT 'hours', since, (SELECT max(start) + 1 FROM rollups WHERE size = 1), since
        FROM (SELECT min(start) AS since FROM rollups WHERE size = 1) WHERE since IS NOT NULL
        """,
    ):
        conn.execute(statement)


def _018_phase(conn: sqlite3.Connection) -> None:
    conn.execute(
        """
        CREATE TABLE rollup_phase (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            phase_us INTEGER NOT NULL CHECK (phase_us > 0 AND phase_us < 3600000000),
            next INTEGER
        ) STRICT
        """
    )


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _013_commits,
    _014_bare_hours,
    _015_spells_and_models,
    _016_nameless,
    _017_tasks_and_places,
    _018_phase,
)
