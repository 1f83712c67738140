"""Questions to the ledger, as functions over any connection to it. They read; nothing here writes or keeps state.

Charges are the calls that are `settled` or `presumed`. Refused calls count nowhere, open ones only as reservations.
All spans are half open: `since_us <= started_us < until_us`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from tokenguard.errors import LedgerError
from tokenguard.ledger.failures import ledger_error, translated
from tokenguard.ledger.migrations import newest, refuse_newer, version_of
from tokenguard.ledger.rows import (
    CALL,
    DECISION,
    EXPERIENCE,
    OFFICIAL,
    RAISE,
    SESSION,
    TOLD,
    Row,
    call_of,
    decision_of,
    experience_of,
    raise_of,
    session_of,
)
from tokenguard.ledger.values import Decision, Raise, Told, Where
from tokenguard.policy.estimate import Experience
from tokenguard.policy.measure import is_notional
from tokenguard.records import BILLINGS, Amount, Call, Confidence, OfficialWindow, Session, Totals, Usage

ALL = Where()

_EQUAL = [name for name in Where.__struct_fields__ if name != "match"]
_CHARGED = "c.state IN ('settled', 'presumed')"
_TOKENS = "c.input + c.cache_read + c.cache_write_5m + c.cache_write_1h + c.output"
_BUCKETS = Usage.__struct_fields__
# Nobody knows what became of a presumed call: each bucket may hold all of it, both writes to a cache being one.
_FILLED = ["input", "cache_read", "cache_write_5m", "output"]
_AMOUNT = (
    "coalesce(c.cost_nanos, 0)",
    f"iif(c.state = 'presumed', c.reserved_tokens, {_TOKENS})",
    *(f"iif(c.state = 'presumed', c.reserved_tokens * {bucket in _FILLED:d}, c.{bucket})" for bucket in _BUCKETS),
)
"""What a charge is to a budget, besides one call."""
_NO_ID = 2**63 - 1
_NOTIONAL = f"c.billing IN ({', '.join(repr(billing) for billing in BILLINGS if is_notional(billing))})"
_WIDTHS = (f"iif({_NOTIONAL}, 0, c.cost_nanos - c.cost_low)", f"iif({_NOTIONAL}, 0, c.cost_high - c.cost_nanos)")
"""How much less and how much more a call can have cost. Over legs, all of it stands with the first."""
_LEG_COST = "iif(l.call_id IS NULL, c.cost_nanos, l.cost_nanos)"

# What a row of sums consists of, over calls and over legs. A call without legs stands for one leg of its own model.
_CALL_SUMS = ", ".join(
    [f"count(*), coalesce(sum(iif({_NOTIONAL}, 0, c.cost_nanos)), 0)"]
    + [f"coalesce(sum(iif({_NOTIONAL}, c.cost_nanos, 0)), 0), min(c.confidence), count(*) - count(c.cost_nanos)"]
    + [f"coalesce(sum({width}), 0)" for width in _WIDTHS]
    + [f"coalesce(sum(c.{bucket}), 0)" for bucket in _BUCKETS]
)
_LEG_SUMS = ", ".join(
    [f"count(DISTINCT c.id), coalesce(sum(iif({_NOTIONAL}, 0, {_LEG_COST})), 0)"]
    + [f"coalesce(sum(iif({_NOTIONAL}, {_LEG_COST}, 0)), 0)"]
    + ["min(c.confidence), count(DISTINCT iif(c.cost_nanos IS NULL, c.id, NULL))"]
    + [f"coalesce(sum(iif(coalesce(l.idx, 0) = 0, {width}, 0)), 0)" for width in _WIDTHS]
    + [f"coalesce(sum(iif(l.call_id IS NULL, c.{bucket}, l.{bucket} * l.billed)), 0)" for bucket in _BUCKETS]
)
_LEGS = "LEFT JOIN legs AS l ON l.call_id = c.id"

_KEYS = {
    "session": "c.session",
    "repo": "c.repo",
    "branch": "c.branch",
    "agent": "c.agent",
    "model": "coalesce(l.model, c.model)",
    "provider": "c.provider",
    "task": "c.task",
    "request-class": "c.request_class",
    "billing": "c.billing",
}
GROUP_KEYS = tuple(_KEYS)
"""What `grouped` can group by. `model` is that of the legs: a call counts under every model that it used."""


class Group(Struct, frozen=True):
    """The sums over the calls that share the values of some keys; None where a call has no such value."""

    key: tuple[str | None, ...]
    totals: Totals


def connect_readonly(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, from any process, while another writes or none does. Raises `LedgerError`."""
    if not path.is_file():
        raise LedgerError(f"there is no ledger at {path}", "it begins with the first `tokenguard run`")
    try:
        conn = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            refuse_newer(conn)
            if version_of(conn) < newest():
                raise LedgerError(f"the ledger at {path} is older than this tokenguard", "restart the daemon")
        except BaseException:
            conn.close()
            raise
    except sqlite3.Error as error:
        raise ledger_error(f"read at {path}", error) from error
    return conn


@contextmanager
def snapshot(conn: sqlite3.Connection) -> Generator[None]:
    """In its body, every query sees the same ledger, whatever is written meanwhile."""
    conn.execute("BEGIN")
    try:
        yield
    finally:
        conn.execute("COMMIT")


def totals(
    conn: sqlite3.Connection, where: Where = ALL, since_us: int | None = None, until_us: int | None = None
) -> Totals:
    """The sums over all charges."""
    condition, values = _condition(where, since_us, until_us)
    return _totals(_one(conn, f"SELECT {_CALL_SUMS} FROM calls AS c WHERE {condition}", values))


def spent(
    conn: sqlite3.Connection, where: Where = ALL, since_us: int | None = None, until_us: int | None = None
) -> tuple[Amount, int]:
    """What budgets count, at list price, and the nanodollars of it that are notional.

    A presumed call's tokens are not known: those reserved for it count, and each bucket may have held all of them.
    """
    condition, values = _condition(where, since_us, until_us)
    amounts = [f"coalesce(sum({column}), 0)" for column in _AMOUNT]
    notional = f"coalesce(sum(iif({_NOTIONAL}, c.cost_nanos, 0)), 0)"
    sql = f"SELECT count(*), {', '.join(amounts)}, {notional} FROM calls AS c WHERE {condition}"
    calls, *sums, unbilled = _one(conn, sql, values)
    return _amount(calls, *sums), unbilled


def leaving(
    conn: sqlite3.Connection, where: Where, since_us: int, until_us: int, limit: int
) -> list[tuple[int, Amount, str]]:
    """The charges of the span one by one, the oldest `limit` of them: when each started, and who paid.

    What a rolling window that begins with the span loses next. Amounts are as `spent` counts them.
    """
    condition, values = _condition(where, since_us, until_us)
    sql = f"SELECT c.started_us, c.billing, {', '.join(_AMOUNT)} FROM calls AS c WHERE {condition}"
    rows = _all(conn, f"{sql} ORDER BY c.started_us, c.id LIMIT ?", [*values, limit])
    return [(started_us, _amount(1, *sums), billing) for started_us, billing, *sums in rows]


def grouped(
    conn: sqlite3.Connection,
    keys: Sequence[str],
    where: Where = ALL,
    since_us: int | None = None,
    until_us: int | None = None,
) -> list[Group]:
    """The sums over charges by `keys`, of `GROUP_KEYS`, in no particular order. Without keys, one group or none."""
    condition, values = _condition(where, since_us, until_us)
    columns = "".join(f"{_KEYS[key]}, " for key in keys)
    sums, legs = (_LEG_SUMS, _LEGS) if "model" in keys else (_CALL_SUMS, "")
    grouping = f"GROUP BY {', '.join(_KEYS[key] for key in keys)}" if keys else "HAVING count(*) > 0"
    rows = _all(conn, f"SELECT {columns}{sums} FROM calls AS c {legs} WHERE {condition} {grouping}", values)
    return [Group(row[: len(keys)], _totals(row[len(keys) :])) for row in rows]


def first_charge(conn: sqlite3.Connection, since_us: int | None, until_us: int | None) -> int | None:
    """When the first charged call in the span started; None if there is none."""
    condition, values = _condition(ALL, since_us, until_us)
    sql = f"SELECT c.started_us FROM calls AS c WHERE {condition} ORDER BY c.started_us LIMIT 1"
    rows = _all(conn, sql, values)
    return rows[0][0] if rows else None


def open_reservations(conn: sqlite3.Connection, before_id: int | None = None) -> list[tuple[Call, Amount]]:
    """The calls that are open, with what is reserved for each; only those numbered below `before_id` if it is given."""
    sql = f"SELECT {CALL}, reserved_nanos, reserved_tokens FROM calls WHERE state = 'open' AND id < ? ORDER BY id"
    rows = _all(conn, sql, [_NO_ID if before_id is None else before_id])
    return [(call_of(row[:-2]), Amount(row[-2], row[-1], calls=1)) for row in rows]


def charged(conn: sqlite3.Connection, ids: Iterable[int]) -> set[int]:
    """Those of these calls whose charge is written."""
    wanted = list(ids)
    sql = f"SELECT c.id FROM calls AS c WHERE {_CHARGED} AND c.id IN ({', '.join('?' for _ in wanted)})"
    return {row[0] for row in _all(conn, sql, wanted)}


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


def recent_sessions(conn: sqlite3.Connection, limit: int) -> list[Session]:
    """The sessions that began last, newest first, running or not."""
    return _sessions(conn, "ORDER BY started_us DESC, id LIMIT ?", [limit])


def raises(conn: sqlite3.Connection, now_us: int) -> list[Raise]:
    """The temporary increases in force, oldest first. One without an expiry is: the caller knows its window."""
    sql = f"SELECT {RAISE} FROM raises WHERE expires_us IS NULL OR expires_us > ? ORDER BY id"
    return [raise_of(row) for row in _all(conn, sql, [now_us])]


def decisions(conn: sqlite3.Connection, since_us: int = 0, kind: str | None = None) -> list[Decision]:
    """What was decided since then, oldest first; only decisions of this kind if it is given."""
    sql = f"SELECT {DECISION} FROM decisions WHERE at_us >= ? AND kind = coalesce(?, kind) ORDER BY at_us, id"
    return [decision_of(row) for row in _all(conn, sql, [since_us, kind])]


def told_levels(conn: sqlite3.Connection, now_us: int) -> list[Told]:
    """The levels that were told of windows that have not ended."""
    sql = f"SELECT {TOLD} FROM levels WHERE until_us IS NULL OR until_us > ?"
    return [Told(*row) for row in _all(conn, sql, [now_us])]


def latest_start(conn: sqlite3.Connection) -> int:
    """When the latest call started, whatever became of it; 0 if there is none."""
    latest: int = _one(conn, "SELECT coalesce(max(started_us), 0) FROM calls", [])[0]
    return latest


def experience(conn: sqlite3.Connection) -> dict[tuple[str, str, bool], Experience]:
    """What past calls taught the estimator, by provider, model and whether they had tools."""
    rows = _all(conn, f"SELECT provider, model, has_tools, {EXPERIENCE} FROM experience", [])
    return {(row[0], row[1], bool(row[2])): experience_of(row[3:]) for row in rows}


def official_windows(conn: sqlite3.Connection) -> list[OfficialWindow]:
    """What each provider said last of its windows."""
    return [OfficialWindow(*row) for row in _all(conn, f"SELECT {OFFICIAL} FROM official_windows", [])]


def _condition(where: Where, since_us: int | None, until_us: int | None) -> tuple[str, list[object]]:
    terms = [(f"c.{name} = ?", getattr(where, name)) for name in _EQUAL]
    terms += [(f"c.{_field(name)} GLOB ?", pattern) for name, pattern in where.match]
    terms += [("c.started_us >= ?", since_us), ("c.started_us < ?", until_us)]
    used = [(term, value) for term, value in terms if value is not None]
    return " AND ".join([_CHARGED, *(term for term, _ in used)]), [value for _, value in used]


def _field(name: str) -> str:
    if name not in _EQUAL:
        raise ValueError(f"{name!r} is not a field of calls; use one of {', '.join(_EQUAL)}")
    return name


def _totals(row: Row) -> Totals:
    calls, cost, notional, confidence, unpriced, below, above, *usage = row
    trust = Confidence(confidence or Confidence.EXACT)
    return Totals(calls, cost, Usage(*usage), trust, unpriced, below, above, notional)


def _amount(calls: int, nanos: int, tokens: int, *usage: int) -> Amount:
    return Amount(nanos, tokens, calls, Usage(*usage))


def _sessions(conn: sqlite3.Connection, rest: str, values: Sequence[object]) -> list[Session]:
    return [session_of(row) for row in _all(conn, f"SELECT {SESSION} FROM sessions {rest}", values)]


def _one(conn: sqlite3.Connection, sql: str, values: Sequence[object]) -> Row:
    return _all(conn, sql, values)[0]


def _all(conn: sqlite3.Connection, sql: str, values: Sequence[object]) -> list[Row]:
    with translated("read"):
        # All rows at once: a statement left halfway would keep its snapshot and the write-ahead log growing.
        return conn.execute(sql, values).fetchall()
