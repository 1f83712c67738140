"""Sums that are kept, and what agents' logs tell: steps 7 to 12."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from tokenguard.ledger.sums import BUCKETS


def _007_rollups(conn: sqlite3.Connection) -> None:
    for statement in (
        """
        CREATE TABLE rollup_keys (
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
            role TEXT NOT NULL CHECK (role IN ('plain', 'whole', 'part'))
        ) STRICT
        """,
        """
        CREATE INDEX rollup_keys_all
        ON rollup_keys (repo, branch, model, task, agent, provider, request_class, billing, leg, role)
        """,
        """
        CREATE TABLE rollups (
            size INTEGER NOT NULL,
            start INTEGER NOT NULL,
            key INTEGER NOT NULL REFERENCES rollup_keys (id),
            calls INTEGER NOT NULL,
            cost_nanos INTEGER NOT NULL,
            unpriced INTEGER NOT NULL,
            estimated INTEGER NOT NULL,
            bound INTEGER NOT NULL,
            below INTEGER NOT NULL,
            above INTEGER NOT NULL,
            input INTEGER NOT NULL,
            cache_read INTEGER NOT NULL,
            cache_write_5m INTEGER NOT NULL,
            cache_write_1h INTEGER NOT NULL,
            output INTEGER NOT NULL,
            reasoning INTEGER NOT NULL,
            presumed INTEGER NOT NULL,
            PRIMARY KEY (size, start, key)
        ) STRICT, WITHOUT ROWID
        """,
    ):
        conn.execute(statement)


def _008_lineage(conn: sqlite3.Connection) -> None:
    # Columns that may be empty: a ledger of any size takes them at once.
    for column in ("agent_session", "subagent", "subagent_type"):
        conn.execute(f"ALTER TABLE calls ADD COLUMN {column} TEXT")
    conn.execute("ALTER TABLE sessions ADD COLUMN parent TEXT")
    conn.execute("CREATE INDEX sessions_parent ON sessions (parent) WHERE parent IS NOT NULL")


def _009_logs(conn: sqlite3.Connection) -> None:
    origin = "TEXT NOT NULL DEFAULT 'measured' CHECK (origin IN ('measured', 'logged'))"
    usage = ", ".join(f"{bucket} INTEGER NOT NULL" for bucket in BUCKETS)
    for statement in (
        "ALTER TABLE calls ADD COLUMN worktree TEXT",
        f"ALTER TABLE calls ADD COLUMN origin {origin}",
        "ALTER TABLE calls ADD COLUMN log_key TEXT",
        "CREATE UNIQUE INDEX calls_logged ON calls (log_key, agent) WHERE log_key IS NOT NULL",
        # Of most logged rows it is the key as well, by which they are found.
        """
        CREATE INDEX calls_response ON calls (response_id) WHERE response_id IS NOT NULL AND response_id IS NOT log_key
        """,
        # Of measured rows, by their ids: logged ones are found by their sessions.
        f"CREATE INDEX calls_agent_session ON calls (agent_session) WHERE agent_session IS NOT NULL AND id < {1 << 40}",
        "ALTER TABLE rollup_keys ADD COLUMN worktree TEXT",
        f"ALTER TABLE rollup_keys ADD COLUMN origin {origin}",
        "DROP INDEX rollup_keys_all",
        """
        CREATE INDEX rollup_keys_all ON rollup_keys
        (repo, branch, model, task, agent, provider, request_class, billing, leg, role, worktree, origin)
        """,
        f"""
        CREATE TABLE echoes (
            log_key TEXT NOT NULL,
            agent TEXT NOT NULL,
            call_id INTEGER NOT NULL REFERENCES calls (id),
            at_us INTEGER NOT NULL,
            model TEXT NOT NULL,
            cost_nanos INTEGER,
            {usage},
            PRIMARY KEY (log_key, agent)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX echoes_call ON echoes (call_id)",
        """
        CREATE TABLE log_files (
            path TEXT PRIMARY KEY,
            agent TEXT NOT NULL,
            device INTEGER NOT NULL,
            inode INTEGER NOT NULL,
            size INTEGER NOT NULL,
            modified_ns INTEGER NOT NULL,
            done INTEGER NOT NULL,
            head BLOB NOT NULL,
            state BLOB NOT NULL,
            label TEXT NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX log_files_label ON log_files (label) WHERE label <> ''",
        f"""
        CREATE TABLE log_totals (
            log_key TEXT NOT NULL,
            agent TEXT NOT NULL,
            seen INTEGER NOT NULL,
            cost_nanos INTEGER,
            {usage},
            PRIMARY KEY (log_key, agent)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE log_oddities (
            path TEXT NOT NULL,
            agent TEXT NOT NULL,
            kind TEXT NOT NULL,
            detail TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (path, agent, kind, detail)
        ) STRICT, WITHOUT ROWID
        """,
    ):
        conn.execute(statement)


def _010_task_types(conn: sqlite3.Connection) -> None:
    prompt = "input + cache_read + cache_write_5m + cache_write_1h"
    usage = "input, cache_read, cache_write_5m, cache_write_1h, output, cost_nanos, confidence"
    for statement in (
        "ALTER TABLE calls ADD COLUMN task_type TEXT",
        "ALTER TABLE calls ADD COLUMN tool_free INTEGER CHECK (tool_free IN (0, 1))",
        "ALTER TABLE rollup_keys ADD COLUMN task_type TEXT",
        "DROP INDEX rollup_keys_all",
        """
        CREATE INDEX rollup_keys_all ON rollup_keys
        (repo, branch, model, task, agent, provider, request_class, billing, leg, role, worktree, origin, task_type)
        """,
        # What advice looks for, each among few calls, with all that is asked of them: see `ledger.habits`.
        f"""
        CREATE INDEX calls_easy ON calls (provider, model, started_us, agent, request_class, billing, {usage})
        WHERE tool_free = 1 AND output BETWEEN 1 AND 500
        """,
        f"""
        CREATE INDEX calls_long ON calls (provider, model, session, billing, started_us, agent, {usage}, dialect)
        WHERE {prompt} >= 100000 AND dialect <> 'log-sums'
        """,
        f"""
        CREATE INDEX calls_cold ON calls
        (started_us, session, agent_session, subagent, request_class, provider, model, agent, billing, {usage}, dialect)
        WHERE cache_read * 2 < {prompt} AND {prompt} >= 4096 AND dialect <> 'log-sums'
        """,
        f"""
        CREATE INDEX calls_failed ON calls (started_us, outcome, status, agent, provider, model, billing, {usage})
        WHERE outcome IN ('client-gone', 'cut', 'provider-error', 'refused-upstream', 'unreachable')
        """,
    ):
        conn.execute(statement)


def _011_threads(conn: sqlite3.Connection) -> None:
    for statement in (
        "ALTER TABLE calls ADD COLUMN saved_nanos INTEGER",
        "ALTER TABLE legs ADD COLUMN saved_nanos INTEGER",
        "CREATE INDEX calls_cost ON calls (cost_nanos) WHERE state IN ('settled', 'presumed')",
        """
        CREATE TABLE rollup_threads (
            id INTEGER PRIMARY KEY,
            session TEXT NOT NULL,
            agent_session TEXT NOT NULL,
            subagent TEXT NOT NULL,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            UNIQUE (session, agent_session, subagent)
        ) STRICT
        """,
        "CREATE INDEX rollup_threads_last ON rollup_threads (last)",
        # They are summed up anew: by confidence, and by thread.
        "DELETE FROM rollups",
        "DELETE FROM rollup_keys",
        "ALTER TABLE rollups ADD COLUMN saved INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE rollup_keys ADD COLUMN confidence TEXT",
    ):
        conn.execute(statement)


def _012_shifts(conn: sqlite3.Connection) -> None:
    # They are summed up anew: by shifts, too.
    conn.execute("DELETE FROM rollups")


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _007_rollups,
    _008_lineage,
    _009_logs,
    _010_task_types,
    _011_threads,
    _012_shifts,
)
