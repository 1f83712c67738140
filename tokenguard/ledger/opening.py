"""Opening the ledger for writing: file mode, settings, migrations, and what happens to a corrupt file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from tokenguard.errors import LedgerError
from tokenguard.ledger import agreement
from tokenguard.ledger.failures import closed_on_error, is_corrupt, ledger_error, marker, trust
from tokenguard.ledger.filling import fill
from tokenguard.ledger.migrations import OLDEST_SQLITE, migrate
from tokenguard.ledger.phases import choose
from tokenguard.ledger.rows import Row, places

DURABILITIES = {"normal": "NORMAL", "full": "FULL"}
"""`normal` survives the death of the process, `full` that of the machine's power as well."""

BUSY_MS = 2_000
"""How long a write waits for another program that holds the file."""

_CHECKPOINT_PAGES = 2_000
_WAL_KEPT_BYTES = 16 << 20


def open_for_writing(
    path: Path, durability: str, tell: Callable[[int], None] | None = None, phase_us: int | None = None
) -> tuple[sqlite3.Connection, Path | None]:
    """The writer's connection, and where a corrupt file was set aside (None: it was sound).

    `tell` is called with each percent of summing up a ledger of an older version, or of another phase than this one
    (see `phases`; None: as it is). The folder must exist. Raises `LedgerError`. Exactly one process may hold such a
    connection.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise LedgerError(
            f"this Python has SQLite {sqlite3.sqlite_version}, too old for the ledger",
            f"use a Python with SQLite {'.'.join(map(str, OLDEST_SQLITE))} or newer",
        )
    set_aside = None
    try:
        try:
            conn = _open(path, durability, tell, phase_us)
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            going_on = _last_words(path)
            set_aside = put_aside(path)
            conn = begin_anew(path, durability, going_on)
    except (sqlite3.Error, OSError) as error:
        raise ledger_error(f"opened at {path}", error) from error
    with closed_on_error(conn):
        trust(path)
    return conn, set_aside


_GOING_ON = {
    "sessions": "ended_us IS NULL",
    "calls": "state = 'open'",
    "raises": "TRUE",
    "decisions": "TRUE",
    "levels": "TRUE",
    "experience": "TRUE",
    "official_windows": "TRUE",
    "rollup_phase": "TRUE",
}
"""What a new ledger needs of the one before it: which rows of which tables."""


GoingOn = list[tuple[str, list[Row]]]
"""Statements that write what goes on, and their rows."""


def what_goes_on(conn: sqlite3.Connection) -> GoingOn:
    """What a new ledger needs of this one, as far as it can still be read."""
    found: GoingOn = []
    for table, condition in _GOING_ON.items():
        with suppress(sqlite3.Error):
            read = conn.execute(f"SELECT * FROM {table} WHERE {condition}")
            columns = ", ".join(column[0] for column in read.description)
            found.append((f"INSERT INTO {table} ({columns}) VALUES ({places(columns)})", read.fetchall()))
    return found


def _last_words(path: Path) -> GoingOn:
    """`what_goes_on`, of a file that has been closed. Nothing is written, not even a log."""
    file = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with suppress(sqlite3.Error), closing(sqlite3.connect(file, uri=True)) as conn:
        return what_goes_on(conn)
    return []


def begin_anew(path: Path, durability: str, going_on: GoingOn) -> sqlite3.Connection:
    """A new ledger in place of one that was put aside. Raises sqlite3's errors, but not for rows that are damaged."""
    conn = _open(path, durability)
    with closed_on_error(conn):
        conn.execute("BEGIN")
        for statement, rows in going_on:
            with suppress(sqlite3.IntegrityError):
                conn.executemany(statement, rows)
        conn.execute("COMMIT")
    return conn


def _open(
    path: Path, durability: str, tell: Callable[[int], None] | None = None, phase_us: int | None = None
) -> sqlite3.Connection:
    # Created here because SQLite would apply the umask; its -wal and -shm files take over this mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)
    conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
    with closed_on_error(conn):
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute(f"PRAGMA synchronous = {DURABILITIES[durability]}")
        conn.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        conn.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
        migrate(conn)
        if phase_us is not None:
            choose(conn, phase_us)
        # No step of the migrations: an old one does not know the columns that sums are kept by today.
        fill(conn, tell)
        _check(conn, thoroughly=marker(path).exists())
    return conn


def _check(conn: sqlite3.Connection, *, thoroughly: bool) -> None:
    """Raises sqlite3's corruption error if the pages that every write touches are unsound, or `thoroughly` any page.

    Sums that do not agree with their calls are rebuilt: those of the newest hour, where a crash would have left its
    traces, or `thoroughly` all.
    """
    conn.execute("SELECT max(id) FROM calls").fetchone()
    conn.execute("SELECT count(*) FROM calls WHERE state = 'open'").fetchone()
    if thoroughly and (found := conn.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        error = sqlite3.DatabaseError(found)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
    if thoroughly or not agreement.glance(conn):
        conn.execute("BEGIN")
        wrong = agreement.check_all(conn) if thoroughly else not agreement.check_next(conn, None)[1]
        conn.execute("COMMIT")
        if wrong:
            agreement.tell_rebuilt(wrong)


def put_aside(path: Path) -> Path:
    """Rename the file and its write-ahead log so that they still belong together; nothing is deleted."""
    kept = path.with_name(f"{path.name}.corrupt-{datetime.now(UTC):%Y-%m-%dT%H%M%S.%fZ}")
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists():
        wal.rename(kept.with_name(f"{kept.name}-wal"))
    path.rename(kept)
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    return kept
