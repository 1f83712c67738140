"""Questions to the ledger, as functions over any connection to it. They read; nothing here writes or keeps state.

Charges are the calls that are `settled` or `presumed`. Refused calls count nowhere, open ones only as reservations.
All spans are half open: `since_us <= started_us < until_us`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

from tokenguard.errors import LedgerError
from tokenguard.ledger.asking import GROUP_KEYS as GROUP_KEYS
from tokenguard.ledger.asking import INFERRED as INFERRED
from tokenguard.ledger.asking import SLICE as SLICE
from tokenguard.ledger.charges import ALL as ALL
from tokenguard.ledger.charges import charged as charged
from tokenguard.ledger.charges import first_charge as first_charge
from tokenguard.ledger.charges import hourly as hourly
from tokenguard.ledger.charges import hours as hours
from tokenguard.ledger.charges import last_charge as last_charge
from tokenguard.ledger.charges import leaving as leaving
from tokenguard.ledger.charges import spent as spent
from tokenguard.ledger.charges import totals as totals
from tokenguard.ledger.conditions import FAMILY
from tokenguard.ledger.due import due
from tokenguard.ledger.failures import closed_on_error, ledger_error
from tokenguard.ledger.groups import FOREVER_US as FOREVER_US
from tokenguard.ledger.groups import Group as Group
from tokenguard.ledger.groups import grouped as grouped
from tokenguard.ledger.groups import grouped_in as grouped_in
from tokenguard.ledger.groups import sums_in as sums_in
from tokenguard.ledger.groups import without_what_all_hold as without_what_all_hold
from tokenguard.ledger.migrations import newest, refuse_newer, version_of
from tokenguard.ledger.places import worked_in as worked_in
from tokenguard.ledger.rows import (
    CALL,
    DECISION,
    EXPERIENCE,
    OFFICIAL,
    RAISE,
    SESSION,
    TOLD,
    call_of,
    decision_of,
    experience_of,
    fetch,
    raise_of,
    session_of,
)
from tokenguard.ledger.values import Decision, Raise, Told
from tokenguard.policy.estimate import Experience
from tokenguard.records import Amount, Call, OfficialWindow, Session

_NO_ID = 2**63 - 1
_ROOM_KIB = 16_384
"""With the 2 MB that SQLite takes otherwise, a year of hours is sorted in a file."""


def connect_readonly(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, from any process, while another writes or none does. Raises `LedgerError`."""
    if not path.is_file():
        hint = "it begins with the first `tokenguard run`, or with `tokenguard import`"
        raise LedgerError(f"there is no ledger at {path}", hint)
    try:
        conn = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        with closed_on_error(conn):
            refuse_newer(conn)
            if version_of(conn) < newest():
                raise LedgerError(f"the ledger at {path} is older than this tokenguard", "restart the daemon")
            if (left := due(conn)) is not None:
                # Most of what is asked would be answered by sums, and nothing would seem to have been spent.
                raise LedgerError(
                    f"the ledger has to be summed up anew, once, of which {left.percent}% is done",
                    "the daemon does it when it starts; try again then, or start one: tokenguard daemon start",
                )
    except sqlite3.Error as error:
        raise ledger_error(f"read at {path}", error) from error
    return conn


def give_room(conn: sqlite3.Connection) -> sqlite3.Connection:
    """The same connection, which may take more memory for a question: for a process that ends after one."""
    conn.execute(f"PRAGMA cache_size = {-_ROOM_KIB}")
    return conn


@contextmanager
def snapshot(conn: sqlite3.Connection) -> Generator[None]:
    """In its body, every query sees the same ledger, whatever is written meanwhile."""
    conn.execute("BEGIN")
    try:
        yield
    finally:
        conn.execute("COMMIT")


def open_reservations(conn: sqlite3.Connection, before_id: int | None = None) -> list[tuple[Call, Amount]]:
    """The calls that are open, with what is reserved for each; only those numbered below `before_id` if it is given."""
    sql = f"SELECT {CALL}, reserved_nanos, reserved_tokens FROM calls WHERE state = 'open' AND id < ? ORDER BY id"
    rows = fetch(conn, sql, [_NO_ID if before_id is None else before_id])
    return [(call_of(row[:-2]), Amount(row[-2], row[-1], calls=1)) for row in rows]


def session_by_token(conn: sqlite3.Connection, token_hash: bytes) -> Session | None:
    """The session whose token has this SHA-256."""
    return next(iter(_sessions(conn, "WHERE token_hash = ?", [token_hash])), None)


def sessions(conn: sqlite3.Connection, ids: Iterable[str]) -> list[Session]:
    """The sessions with these ids, oldest first; unknown ids are left out."""
    wanted = list(ids)
    return _sessions(conn, f"WHERE id IN ({', '.join('?' for _ in wanted)}) ORDER BY started_us, id", wanted)


def running_sessions(conn: sqlite3.Connection) -> list[Session]:
    """The sessions that were not ended, oldest first."""
    return _sessions(conn, "WHERE ended_us IS NULL ORDER BY started_us, id", [])


def running_unwrapped(conn: sqlite3.Connection) -> list[Session]:
    """Those of them that have no token: of clients that nobody started with `run`."""
    return _sessions(conn, "WHERE ended_us IS NULL AND token_hash IS NULL ORDER BY started_us, id", [])


def sessions_within(conn: sqlite3.Connection, session: str) -> list[Session]:
    """The sessions that were started in this one, and in those, oldest first."""
    return _sessions(conn, f"WHERE id IN {FAMILY} AND id <> ? ORDER BY started_us, id", [session, session])


def recent_sessions(conn: sqlite3.Connection, limit: int) -> list[Session]:
    """The sessions that began last, newest first, running or not."""
    return _sessions(conn, "ORDER BY started_us DESC, id LIMIT ?", [limit])


def raises(conn: sqlite3.Connection, now_us: int) -> list[Raise]:
    """The temporary increases in force, oldest first. One without an expiry is: the caller knows its window."""
    sql = f"SELECT {RAISE} FROM raises WHERE expires_us IS NULL OR expires_us > ? ORDER BY id"
    return [raise_of(row) for row in fetch(conn, sql, [now_us])]


def decisions(conn: sqlite3.Connection, since_us: int = 0, kind: str | None = None) -> list[Decision]:
    """What was decided since then, oldest first; only decisions of this kind if it is given."""
    sql = f"SELECT {DECISION} FROM decisions WHERE at_us >= ? AND kind = coalesce(?, kind) ORDER BY at_us, id"
    return [decision_of(row) for row in fetch(conn, sql, [since_us, kind])]


def told_levels(conn: sqlite3.Connection, now_us: int) -> list[Told]:
    """The levels that were told of windows that have not ended."""
    sql = f"SELECT {TOLD} FROM levels WHERE until_us IS NULL OR until_us > ?"
    return [Told(*row) for row in fetch(conn, sql, [now_us])]


def latest_start(conn: sqlite3.Connection) -> int:
    """When the latest call started, whatever became of it; 0 if there is none."""
    latest: int = fetch(conn, "SELECT coalesce(max(started_us), 0) FROM calls", [])[0][0]
    return latest


def experience(conn: sqlite3.Connection) -> dict[tuple[str, str, bool], Experience]:
    """What past calls taught the estimator, by provider, model and whether they had tools."""
    rows = fetch(conn, f"SELECT provider, model, has_tools, {EXPERIENCE} FROM experience", [])
    return {(row[0], row[1], bool(row[2])): experience_of(row[3:]) for row in rows}


def official_windows(conn: sqlite3.Connection) -> list[OfficialWindow]:
    """What each provider said last of its windows."""
    return [OfficialWindow(*row) for row in fetch(conn, f"SELECT {OFFICIAL} FROM official_windows", [])]


def _sessions(conn: sqlite3.Connection, rest: str, values: Sequence[object]) -> list[Session]:
    return [session_of(row) for row in fetch(conn, f"SELECT {SESSION} FROM sessions {rest}", values)]
