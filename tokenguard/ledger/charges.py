"""What was charged, for which calls, in which time. Whoever asks imports it from `tokenguard.ledger.queries`.

The answers are those of the calls; where whole hours are asked for, they come from the sums that are kept of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from tokenguard.ledger.rollups import CALLS, HOUR, HOUR_US, Piece, kept, pieces
from tokenguard.ledger.rows import Row, fetch
from tokenguard.ledger.sums import AMOUNT, APART, CHARGED, NOTIONAL, TOTALS, condition, per_call, per_leg, within
from tokenguard.ledger.values import Where
from tokenguard.records import Amount, Confidence, Totals, Usage

ALL = Where()

INFERRED = "~"
"""Before a task that nobody named: what kind of work it is, by `policy.task_types`."""

_KEYS = {
    "session": "s.session",
    "sub-agent": "s.subagent",
    "repo": "s.repo",
    "branch": "s.branch",
    "agent": "s.agent",
    "model": "s.leg",
    "provider": "s.provider",
    "task": f"coalesce(s.task, '{INFERRED}' || s.task_type)",
    "request-class": "s.request_class",
    "billing": "s.billing",
}
GROUP_KEYS = tuple(_KEYS)
"""What `grouped` can group by. `model` is that of the legs: a call counts under every model that it used."""

_APART = frozenset(key for key, column in _KEYS.items() if column.removeprefix("s.") in APART)
"""Keys of which no sums are kept."""

_SPENT = ", ".join(f"coalesce(sum({column}), 0)" for column in (*AMOUNT, *NOTIONAL))


class Group(Struct, frozen=True):
    """The sums over the calls that share the values of some keys; None where a call has no such value."""

    key: tuple[str | None, ...]
    totals: Totals


def totals(
    conn: sqlite3.Connection, where: Where = ALL, since_us: int | None = None, until_us: int | None = None
) -> Totals:
    """The sums over all charges."""
    return sum((totals_of(row) for row in _ask(conn, TOTALS, where, since_us, until_us)), Totals())


def spent(
    conn: sqlite3.Connection, where: Where = ALL, since_us: int | None = None, until_us: int | None = None
) -> tuple[Amount, Amount]:
    """What budgets count, at list price, and the dollars of it that are notional.

    A presumed call's tokens are not known: those reserved for it count, and each bucket may have held all of them.
    """
    amount, notional = Amount(), Amount()
    for *sums, unbilled, above in _ask(conn, _SPENT, where, since_us, until_us):
        amount += _amount(sums)
        notional += Amount(unbilled, above=above)
    return amount, notional


def leaving(
    conn: sqlite3.Connection, where: Where, since_us: int, until_us: int, limit: int
) -> list[tuple[int, Amount, str]]:
    """The charges of the span one by one, the oldest `limit` of them: when each started, and who paid.

    What a rolling window that begins with the span loses next. Amounts are as `spent` counts them.
    """
    source, values = _of_calls(where, since_us, until_us, by_leg=False)
    sql = f"SELECT s.started_us, s.billing, {', '.join(AMOUNT)} FROM {source} ORDER BY s.started_us, s.id LIMIT ?"
    rows = fetch(conn, sql, [*values, limit])
    return [(started_us, _amount(sums), billing) for started_us, billing, *sums in rows]


def grouped(
    conn: sqlite3.Connection,
    keys: Sequence[str],
    where: Where = ALL,
    since_us: int | None = None,
    until_us: int | None = None,
) -> list[Group]:
    """The sums over charges by `keys`, of `GROUP_KEYS`, in no particular order. Without keys, one group or none."""
    columns = "".join(f"{_KEYS[key]}, " for key in keys)
    grouping = f" GROUP BY {', '.join(_KEYS[key] for key in keys)}" if keys else " HAVING count(*) > 0"
    found: dict[tuple[str | None, ...], Totals] = {}
    for row in _ask(conn, columns + TOTALS, where, since_us, until_us, keys, grouping):
        key = row[: len(keys)]
        found[key] = found.get(key, Totals()) + totals_of(row[len(keys) :])
    return [Group(key, sums) for key, sums in found.items()]


def first_charge(conn: sqlite3.Connection, since_us: int | None, until_us: int | None) -> int | None:
    """When the first charged call in the span started; None if there is none."""
    source, values = _of_calls(ALL, since_us, until_us, by_leg=False)
    rows = fetch(conn, f"SELECT s.started_us FROM {source} ORDER BY s.started_us LIMIT 1", values)
    return rows[0][0] if rows else None


def hourly(conn: sqlite3.Connection, where: Where, since_us: int, until_us: int) -> list[tuple[int, Amount, Amount]]:
    """What `spent` tells, for every hour of UTC in the span in which there was a charge: (beginning, ..., ...)."""
    first, last = -(-since_us // HOUR_US), until_us // HOUR_US
    if not _by_call(where):
        source, values = kept(Piece(HOUR, first, last), where, by_leg=False)
        hour = "s.start"
    else:
        source, values = _of_calls(where, first * HOUR_US, last * HOUR_US, by_leg=False)
        hour = f"s.started_us / {HOUR_US}"
    rows = fetch(conn, f"SELECT {hour}, {_SPENT} FROM {source} GROUP BY {hour} ORDER BY {hour}", values)
    return [(at * HOUR_US, _amount(sums), Amount(unbilled, above=above)) for at, *sums, unbilled, above in rows]


def charged(conn: sqlite3.Connection, ids: Iterable[int]) -> set[int]:
    """Those of these calls whose charge is written."""
    wanted = list(ids)
    sql = f"SELECT c.id FROM calls AS c WHERE {CHARGED} AND c.id IN ({', '.join('?' for _ in wanted)})"
    return {row[0] for row in fetch(conn, sql, wanted)}


def _ask(
    conn: sqlite3.Connection,
    columns: str,
    where: Where,
    since_us: int | None,
    until_us: int | None,
    keys: Sequence[str] = (),
    grouping: str = "",
) -> Iterator[Row]:
    """The rows of columns over every piece of the span, whatever keeps its sums."""
    by_leg = "model" in keys
    whole = [Piece(CALLS, since_us, until_us)]
    for piece in whole if _by_call(where, keys) else pieces(since_us, until_us):
        if piece.size == CALLS:
            source, values = _of_calls(where, piece.since, piece.until, by_leg=by_leg)
        else:
            source, values = kept(piece, where, by_leg=by_leg)
        yield from fetch(conn, f"SELECT {columns} FROM {source}{grouping}", values)


def _by_call(where: Where, keys: Sequence[str] = ()) -> bool:
    """Whether sessions or sub-agents are told apart. No sums are kept of them: an index leads to a session's calls."""
    asked = (where.session, where.family)
    return asked != (None, None) or not _APART.isdisjoint(keys) or any(name in _APART for name, _ in where.match)


def _of_calls(where: Where, since_us: int | None, until_us: int | None, *, by_leg: bool) -> tuple[str, list[object]]:
    terms, values = condition(where, "c")
    span, ends = within("c.started_us", since_us, until_us)
    source = per_leg if by_leg else per_call
    return source(" AND ".join([CHARGED, *terms, *span])), [*values, *ends]


def totals_of(row: Row) -> Totals:
    calls, cost, *usage, estimated, bound, unpriced, below, above, notional = row
    rest = Confidence.ESTIMATED if estimated else Confidence.EXACT
    trust = Confidence.BOUND if bound else rest
    return Totals(calls, cost, Usage(*usage), trust, unpriced, below, above, notional)


def _amount(sums: Sequence[int]) -> Amount:
    calls, nanos, tokens, *usage, above = sums
    return Amount(nanos, tokens, calls, Usage(*usage), above)
