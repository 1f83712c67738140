"""What was charged, for which calls, in which time. Whoever asks imports it from `tokenguard.ledger.queries`.

The answers are those of the calls; where whole hours are asked for, they come from the sums that are kept of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import astuple

from tokenguard.ledger.conditions import asked_of, condition, within
from tokenguard.ledger.kept import kept
from tokenguard.ledger.rollups import (
    BARE,
    BLOCK,
    CALLS,
    HOUR,
    HOUR_US,
    SHIFT,
    Narrow,
    Piece,
    narrowed,
    narrowest,
    pieces,
)
from tokenguard.ledger.rows import Row, fetch
from tokenguard.ledger.sums import AMOUNT, CHARGED, NOTIONAL, THREAD, TOTALS, per_call, per_leg
from tokenguard.ledger.values import Where
from tokenguard.records import Amount, Confidence, Totals, Usage

ALL = Where()

_SPENT = ", ".join(f"coalesce(sum({column}), 0)" for column in (*AMOUNT, *NOTIONAL))


def totals(
    conn: sqlite3.Connection, where: Where = ALL, since_us: int | None = None, until_us: int | None = None
) -> Totals:
    """The sums over all charges."""
    return sum((totals_of(row) for row in ask(conn, TOTALS, where, since_us, until_us)), Totals())


def spent(
    conn: sqlite3.Connection, where: Where = ALL, since_us: int | None = None, until_us: int | None = None
) -> tuple[Amount, Amount]:
    """What budgets count, at list price, and the dollars of it that are notional.

    A presumed call's tokens are not known: those reserved for it count, and each bucket may have held all of them.
    """
    amount, notional = Amount(), Amount()
    for *sums, unbilled, above in ask(conn, _SPENT, where, since_us, until_us):
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


def first_charge(conn: sqlite3.Connection, since_us: int | None, until_us: int | None) -> int | None:
    """When the first charged call in the span started; None if there is none."""
    source, values = _of_calls(ALL, since_us, until_us, by_leg=False)
    rows = fetch(conn, f"SELECT s.started_us FROM {source} ORDER BY s.started_us LIMIT 1", values)
    return rows[0][0] if rows else None


def last_charge(conn: sqlite3.Connection, since_us: int | None, until_us: int | None) -> int | None:
    """When the last charged call in the span started; None if there is none."""
    source, values = _of_calls(ALL, since_us, until_us, by_leg=False)
    rows = fetch(conn, f"SELECT s.started_us FROM {source} ORDER BY s.started_us DESC LIMIT 1", values)
    return rows[0][0] if rows else None


def hours(conn: sqlite3.Connection, where: Where, since_us: int, until_us: int) -> list[int]:
    """When the hours of UTC that touch the span, and in which there was a charge, begin; in order."""
    first, last = since_us // HOUR_US, -(-until_us // HOUR_US)
    if where == ALL:
        source, hour = "rollups AS s WHERE s.size = ? AND s.start >= ? AND s.start < ?", f"s.start / {BARE.units}"
        values: list[object] = [BARE.size, first * BARE.units, last * BARE.units]
    else:
        source, hour, values = _by_hour(where, first, last)
    return [row[0] * HOUR_US for row in fetch(conn, f"SELECT DISTINCT {hour} FROM {source} ORDER BY {hour}", values)]


def hourly(conn: sqlite3.Connection, where: Where, since_us: int, until_us: int) -> list[tuple[int, Amount, Amount]]:
    """What `spent` tells, for every hour of UTC in the span in which there was a charge: (beginning, ..., ...)."""
    source, hour, values = _by_hour(where, -(-since_us // HOUR_US), until_us // HOUR_US)
    rows = fetch(conn, f"SELECT {hour}, {_SPENT} FROM {source} GROUP BY {hour} ORDER BY {hour}", values)
    return [(at * HOUR_US, _amount(sums), Amount(unbilled, above=above)) for at, *sums, unbilled, above in rows]


def charged(conn: sqlite3.Connection, ids: Iterable[int]) -> set[int]:
    """Those of these calls whose charge is written."""
    wanted = list(ids)
    sql = f"SELECT c.id FROM calls AS c WHERE {CHARGED} AND c.id IN ({', '.join('?' for _ in wanted)})"
    return {row[0] for row in fetch(conn, sql, wanted)}


def ask(
    conn: sqlite3.Connection,
    columns: str,
    where: Where,
    since_us: int | None,
    until_us: int | None,
    *,
    by_leg: bool = False,
    grouping: str = "",
) -> Iterator[Row]:
    """The rows of columns over every piece of the span, whatever keeps its sums."""
    narrow = _narrowest(where, by_leg=by_leg)
    sizes = (BLOCK, SHIFT, HOUR) if narrow is None else (BLOCK, HOUR)
    whole = [Piece(CALLS, since_us, until_us)]
    for piece in whole if by_call(where) else pieces(since_us, until_us, sizes):
        if piece.size == CALLS:
            source, values = _of_calls(where, piece.since, piece.until, by_leg=by_leg)
        else:
            source, values = kept(narrowed(piece, narrow), where, by_leg=by_leg)
        yield from fetch(conn, f"SELECT {columns} FROM {source}{grouping}", values)


def by_call(where: Where) -> bool:
    """Whether sessions are asked for: an index leads to their calls, and sums of hours do not tell them apart."""
    return (where.session, where.family) != (None, None) or any(name in THREAD for name, _ in where.match)


def _narrowest(where: Where, *, by_leg: bool) -> Narrow | None:
    return narrowest(asked_of(where), by_leg=by_leg)


def _by_hour(where: Where, first: int, last: int) -> tuple[str, str, list[object]]:
    """The source of the charges in these hours of UTC, the hour of each of its rows, and the values in it."""
    if by_call(where):
        source, values = _of_calls(where, first * HOUR_US, last * HOUR_US, by_leg=False)
        return source, f"s.started_us / {HOUR_US}", values
    narrow = _narrowest(where, by_leg=False)
    source, values = kept(narrowed(Piece(HOUR, first, last), narrow), where, by_leg=False)
    return source, f"s.start / {narrow.units if narrow else 1}", values


def _of_calls(where: Where, since_us: int | None, until_us: int | None, *, by_leg: bool) -> tuple[str, list[object]]:
    terms, values = condition(where, "c", "c")
    span, ends = within("c.started_us", since_us, until_us)
    source = per_leg if by_leg else per_call
    return source(" AND ".join([CHARGED, *terms, *span])), [*values, *ends]


def totals_of(row: Row) -> Totals:
    """From the columns `TOTALS`."""
    calls, cost, *usage, estimated, bound, unpriced, below, above, notional, saved, notional_saved = row
    rest = Confidence.ESTIMATED if estimated else Confidence.EXACT
    trust = Confidence.BOUND if bound else rest
    return Totals(calls, cost, Usage(*usage), trust, unpriced, below, above, notional, saved, notional_saved)


def numbers_of(totals: Totals) -> Row:
    """The columns `TOTALS`; of calls that are not exact, it says no more than that there are some."""
    trust = totals.confidence
    return (
        totals.calls,
        totals.cost_nanos,
        *astuple(totals.usage),
        trust is Confidence.ESTIMATED,
        trust is Confidence.BOUND,
        totals.unpriced,
        totals.below_nanos,
        totals.above_nanos,
        totals.notional_nanos,
        totals.saved_nanos,
        totals.notional_saved_nanos,
    )


def _amount(sums: Sequence[int]) -> Amount:
    calls, nanos, tokens, *usage, above = sums
    return Amount(nanos, tokens, calls, Usage(*usage), above)
