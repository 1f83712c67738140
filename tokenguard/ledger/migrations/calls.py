"""Calls, budgets and what people decided: steps 1 to 6."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from tokenguard.ledger.migrations.audit import append_only


def _001_first(conn: sqlite3.Connection) -> None:
    for statement in (
        """
        CREATE TABLE sessions (
            id TEXT PRIMARY KEY,
            token_hash BLOB UNIQUE,
            agent TEXT NOT NULL,
            started_us INTEGER NOT NULL,
            repo TEXT,
            worktree TEXT,
            branch TEXT,
            task TEXT,
            labels TEXT NOT NULL,
            pid INTEGER,
            budget TEXT,
            upstreams TEXT NOT NULL,
            ended_us INTEGER,
            exit_code INTEGER
        ) STRICT
        """,
        "CREATE INDEX sessions_started ON sessions (started_us)",
        "CREATE INDEX sessions_running ON sessions (started_us) WHERE ended_us IS NULL",
        """
        CREATE TABLE calls (
            id INTEGER PRIMARY KEY,
            session TEXT NOT NULL,
            agent TEXT NOT NULL,
            provider TEXT NOT NULL,
            dialect TEXT NOT NULL,
            model TEXT NOT NULL,
            started_us INTEGER NOT NULL,
            stream INTEGER NOT NULL,
            repo TEXT,
            branch TEXT,
            task TEXT,
            request_class TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'refused', 'presumed')),
            reserved_nanos INTEGER NOT NULL DEFAULT 0 CHECK (reserved_nanos >= 0),
            reserved_tokens INTEGER NOT NULL DEFAULT 0 CHECK (reserved_tokens >= 0),
            ended_us INTEGER,
            status INTEGER,
            outcome TEXT,
            cost_nanos INTEGER CHECK (cost_nanos >= 0),
            confidence TEXT CHECK (confidence IN ('exact', 'estimated', 'bound')),
            input INTEGER NOT NULL DEFAULT 0,
            cache_read INTEGER NOT NULL DEFAULT 0,
            cache_write_5m INTEGER NOT NULL DEFAULT 0,
            cache_write_1h INTEGER NOT NULL DEFAULT 0,
            output INTEGER NOT NULL DEFAULT 0,
            reasoning INTEGER NOT NULL DEFAULT 0,
            served TEXT,
            response_id TEXT,
            marks TEXT,
            budget TEXT,
            reason TEXT
        ) STRICT
        """,
        "CREATE INDEX calls_started ON calls (started_us)",
        "CREATE INDEX calls_session ON calls (session, started_us)",
        "CREATE INDEX calls_open ON calls (id) WHERE state = 'open'",
        """
        CREATE TABLE legs (
            call_id INTEGER NOT NULL REFERENCES calls (id),
            idx INTEGER NOT NULL,
            model TEXT NOT NULL,
            kind TEXT NOT NULL,
            cost_nanos INTEGER,
            billed INTEGER NOT NULL,
            input INTEGER NOT NULL,
            cache_read INTEGER NOT NULL,
            cache_write_5m INTEGER NOT NULL,
            cache_write_1h INTEGER NOT NULL,
            output INTEGER NOT NULL,
            reasoning INTEGER NOT NULL,
            tier TEXT,
            speed TEXT,
            geo TEXT,
            fees TEXT,
            PRIMARY KEY (call_id, idx)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE raises (
            id INTEGER PRIMARY KEY,
            budget TEXT NOT NULL,
            key TEXT NOT NULL,
            amount INTEGER NOT NULL,
            unit TEXT NOT NULL,
            reason TEXT NOT NULL,
            who TEXT NOT NULL,
            created_us INTEGER NOT NULL,
            expires_us INTEGER
        ) STRICT
        """,
        *append_only("raises"),
    ):
        conn.execute(statement)


def _002_intervals(conn: sqlite3.Connection) -> None:
    for bound in ("cost_low", "cost_high"):
        conn.execute(f"ALTER TABLE calls ADD COLUMN {bound} INTEGER CHECK ({bound} >= 0)")
    # What a crash left open may have cost nothing at all.
    conn.execute("UPDATE calls SET cost_low = 0, cost_high = cost_nanos WHERE state = 'presumed'")


def _003_experience(conn: sqlite3.Connection) -> None:
    trends = ("first", "later", "output")
    columns = ", ".join(f"{trend}_{part} REAL NOT NULL" for trend in trends for part in ("count", "mean", "squares"))
    conn.execute(
        f"""
        CREATE TABLE experience (
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            has_tools INTEGER NOT NULL,
            {columns},
            PRIMARY KEY (provider, model, has_tools)
        ) STRICT, WITHOUT ROWID
        """
    )


def _004_billing(conn: sqlite3.Connection) -> None:
    conn.execute("ALTER TABLE calls ADD COLUMN billing TEXT NOT NULL DEFAULT 'metered'")
    conn.execute("ALTER TABLE calls ADD COLUMN requested TEXT")


def _005_decisions(conn: sqlite3.Connection) -> None:
    for statement in (
        """
        CREATE TABLE decisions (
            id INTEGER PRIMARY KEY,
            at_us INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('approve', 'deny', 'expire', 'release')),
            call_id INTEGER,
            budget TEXT,
            key TEXT,
            amount INTEGER,
            unit TEXT,
            reason TEXT,
            who TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX decisions_at ON decisions (at_us)",
        *append_only("decisions"),
        """
        CREATE TABLE levels (
            budget TEXT NOT NULL,
            key TEXT NOT NULL,
            window_start_us INTEGER NOT NULL,
            level TEXT NOT NULL,
            until_us INTEGER,
            PRIMARY KEY (budget, key, window_start_us, level)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX levels_until ON levels (until_us) WHERE until_us IS NOT NULL",
    ):
        conn.execute(statement)


def _006_official_windows(conn: sqlite3.Connection) -> None:
    conn.execute(
        """
        CREATE TABLE official_windows (
            provider TEXT NOT NULL,
            name TEXT NOT NULL,
            used_percent REAL NOT NULL,
            resets_us INTEGER,
            minutes INTEGER,
            seen_us INTEGER NOT NULL,
            PRIMARY KEY (provider, name)
        ) STRICT, WITHOUT ROWID
        """
    )


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _001_first,
    _002_intervals,
    _003_experience,
    _004_billing,
    _005_decisions,
    _006_official_windows,
)
