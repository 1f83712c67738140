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
from collections.abc import Callable

from tokenguard.errors import LedgerError
from tokenguard.ledger.sums import BUCKETS

OLDEST_SQLITE = (3, 37, 0)
"""STRICT tables came with it."""

_MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = []
_migration = _MIGRATIONS.append


def version_of(conn: sqlite3.Connection) -> int:
    """How many of the steps the file has seen."""
    version: int = conn.execute("PRAGMA user_version").fetchone()[0]
    return version


def newest() -> int:
    """The version that this program writes."""
    return len(_MIGRATIONS)


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
    for number, step in enumerate(_MIGRATIONS[done:], done + 1):
        conn.execute("BEGIN IMMEDIATE")
        try:
            step(conn)
            conn.execute(f"PRAGMA user_version = {number}")
            conn.execute("COMMIT")
        except BaseException:
            conn.rollback()
            raise


def _append_only(table: str) -> tuple[str, str]:
    """Triggers that let rows only be added: an audit trail that can be edited is none."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
    return (
        f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} {refuse}",
    )


@_migration
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
        *_append_only("raises"),
    ):
        conn.execute(statement)


@_migration
def _002_intervals(conn: sqlite3.Connection) -> None:
    for bound in ("cost_low", "cost_high"):
        conn.execute(f"ALTER TABLE calls ADD COLUMN {bound} INTEGER CHECK ({bound} >= 0)")
    # What a crash left open may have cost nothing at all.
    conn.execute("UPDATE calls SET cost_low = 0, cost_high = cost_nanos WHERE state = 'presumed'")


@_migration
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


@_migration
def _004_billing(conn: sqlite3.Connection) -> None:
    conn.execute("ALTER TABLE calls ADD COLUMN billing TEXT NOT NULL DEFAULT 'metered'")
    conn.execute("ALTER TABLE calls ADD COLUMN requested TEXT")


@_migration
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
        *_append_only("decisions"),
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


@_migration
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


@_migration
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


@_migration
def _008_lineage(conn: sqlite3.Connection) -> None:
    # Columns that may be empty: a ledger of any size takes them at once.
    for column in ("agent_session", "subagent", "subagent_type"):
        conn.execute(f"ALTER TABLE calls ADD COLUMN {column} TEXT")
    conn.execute("ALTER TABLE sessions ADD COLUMN parent TEXT")
    conn.execute("CREATE INDEX sessions_parent ON sessions (parent) WHERE parent IS NOT NULL")


@_migration
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


@_migration
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


@_migration
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


@_migration
def _012_shifts(conn: sqlite3.Connection) -> None:
    # They are summed up anew: by shifts, too.
    conn.execute("DELETE FROM rollups")


@_migration
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
        *_append_only("decisions"),
    ):
        conn.execute(statement)


@_migration
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
