"""Sums kept beside the calls, so that a question about a year does not read a year of calls.

There is one row for each hour of UTC and combination of keys, and one for each block of `BLOCK` hours; every charge is
added to both in the transaction that writes it. What a call adds depends on the `role` of the key:

- `plain`: a call that one model served, which is its `leg`. Most are.
- `whole`: a call of several legs, without a `leg`; its `part`s are the same sums once more, one for each leg's model.

Sums over calls leave `part`s out, sums by model leave `whole`s out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from operator import add as add_up
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import astuple

from tokenguard.ledger.rows import Row
from tokenguard.ledger.sums import CHARGED, KEYS, SUMS, Sums, condition, per_part, per_role, within
from tokenguard.ledger.values import Where
from tokenguard.records import Call, Charge, Confidence, Usage

HOUR_US = 3_600_000_000
HOUR = 1
BLOCK = 720
"""Hours in a block: thirty days, counted from the epoch."""

CALLS = 0
"""The `size` of a piece that is read from the calls themselves."""

Key = tuple[str | None, ...]
"""The values of `KEYS`, and `leg` and `role`."""

_COLUMNS = (*KEYS, "leg", "role")
_FIND = f"SELECT id FROM rollup_keys WHERE {' AND '.join(f'{column} IS ?' for column in _COLUMNS)}"
_NAME = f"INSERT INTO rollup_keys ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' for _ in _COLUMNS)})"
_ROW = f"(?, ?, ?, {', '.join('?' for _ in SUMS)})"
_PUT = f"INSERT INTO rollups (size, start, key, {', '.join(SUMS)}) VALUES {_ROW}"
_ADD = f"""{_PUT}, {_ROW} ON CONFLICT (size, start, key)
    DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)}"""
SUMMED = ", ".join(f"sum(s.{name})" for name in SUMS)
_STORED = f"""SELECT {", ".join(f"k.{column}" for column in _COLUMNS)}, {SUMMED}
    FROM rollups AS s CROSS JOIN rollup_keys AS k ON k.id = s.key WHERE s.size = ? AND s.start >= ? AND s.start < ?
    GROUP BY {", ".join(f"k.{column}" for column in _COLUMNS)}"""
_COARSEN = f"""INSERT INTO rollups (size, start, key, {", ".join(SUMS)})
    SELECT {BLOCK}, ?, s.key, {SUMMED} FROM rollups AS s WHERE s.size = {HOUR} AND s.start >= ? AND s.start < ?
    GROUP BY s.key"""
_DROP = """DELETE FROM rollups
    WHERE (size, start, key) IN (VALUES (?, ?, ?), (?, ?, ?)) AND calls = 0"""
_CLEAR = "DELETE FROM rollups WHERE size = ? AND start >= ? AND start < ?"


class Piece(Struct, frozen=True):
    """A part of a span, and where its sums are: among the calls, the hours or the blocks."""

    size: int
    """`CALLS`, `HOUR` or `BLOCK`."""
    since: int | None
    until: int | None
    """Instants in microseconds among the calls, else hours since the epoch; None is open."""


def pieces(since_us: int | None, until_us: int | None) -> list[Piece]:
    """The span, put together from as few sums as can be; calls are read where it begins or ends within an hour."""
    first = None if since_us is None else -(-since_us // HOUR_US)
    last = None if until_us is None else until_us // HOUR_US
    if first is not None and last is not None and first >= last:
        return [Piece(CALLS, since_us, until_us)]
    found = list(_whole_hours(first, last))
    if first is not None and since_us != first * HOUR_US:
        found.append(Piece(CALLS, since_us, first * HOUR_US))
    if last is not None and until_us != last * HOUR_US:
        found.append(Piece(CALLS, last * HOUR_US, until_us))
    return found


def _whole_hours(first: int | None, last: int | None) -> Iterator[Piece]:
    begin = None if first is None else -(-first // BLOCK) * BLOCK
    end = None if last is None else last // BLOCK * BLOCK
    if begin is not None and end is not None and begin >= end:
        yield Piece(HOUR, first, last)
        return
    yield Piece(BLOCK, begin, end)
    if begin != first:
        yield Piece(HOUR, first, begin)
    if end != last:
        yield Piece(HOUR, end, last)


def kept(piece: Piece, where: Where, *, by_leg: bool) -> tuple[str, list[object]]:
    """The source of the sums that are kept of a piece, and the values in it. No sums are kept by session."""
    terms, values = condition(where, "k")
    span, ends = within("r.start", piece.since, piece.until)
    left_out = "whole" if by_leg else "part"
    conditions = " AND ".join([*terms, "r.size = ?", *span, f"k.role <> '{left_out}'"])
    columns = ", ".join(["r.start", *(f"k.{key}" for key in (*KEYS, "leg")), *(f"r.{name}" for name in SUMS)])
    joined = "rollups AS r CROSS JOIN rollup_keys AS k ON k.id = r.key"
    return f"(SELECT {columns} FROM {joined} WHERE {conditions}) AS s", [*values, piece.size, *ends]


def add_plain(conn: sqlite3.Connection, call: Call, charge: Charge | None, usage: Usage, leg: str) -> None:
    """Add a charge of one leg that is being written: the short way, as most are."""
    confidence = charge.confidence if charge else Confidence.ESTIMATED
    nanos = charge.nanos if charge else 0
    sums = Sums(
        1,
        nanos,
        charge is None,
        confidence is Confidence.ESTIMATED,
        confidence is Confidence.BOUND,
        0 if charge is None or charge.low_nanos is None else nanos - charge.low_nanos,
        0 if charge is None or charge.high_nanos is None else charge.high_nanos - nanos,
        *astuple(usage),
    )
    _add(conn, call.started_us // HOUR_US, (*_keys_of(call), leg, "plain"), sums)


def add(conn: sqlite3.Connection, call_id: int) -> None:
    """Add a charge of any kind that was just written, and its legs."""
    started_us: int = conn.execute("SELECT started_us FROM calls WHERE id = ?", (call_id,)).fetchone()[0]
    for key, sums in of_calls(conn, "c.id = ?", [call_id]).items():
        _add(conn, started_us // HOUR_US, key, sums)


def remove(conn: sqlite3.Connection, call_id: int) -> None:
    """Take out a charge that is about to be changed or to go."""
    started_us: int = conn.execute("SELECT started_us FROM calls WHERE id = ?", (call_id,)).fetchone()[0]
    for key, sums in of_calls(conn, "c.id = ?", [call_id]).items():
        hour = started_us // HOUR_US
        _add(conn, hour, key, Sums(*(-number for number in astuple(sums))))
        name = _name_of(conn, key)
        conn.execute(_DROP, (HOUR, hour, name, BLOCK, hour // BLOCK * BLOCK, name))


class Gathered:
    """Charges of one leg each that are being written, added together before they are added to the sums."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, Key], list[int]] = {}

    def add(self, call: Call, charge: Charge, usage: Usage, leg: str) -> None:
        """Add one that is certain to no more than its figure."""
        sums = (
            1,
            charge.nanos,
            0,
            charge.confidence is Confidence.ESTIMATED,
            charge.confidence is Confidence.BOUND,
            0,
            0,
            *astuple(usage),
            0,
        )
        ident = (call.started_us // HOUR_US, (*_keys_of(call), leg, "plain"))
        known = self._found.get(ident)
        self._found[ident] = list(sums) if known is None else [*map(add_up, known, sums)]

    def write(self, conn: sqlite3.Connection) -> None:
        """Add them to the sums."""
        for (hour, key), sums in self._found.items():
            _add(conn, hour, key, Sums(*sums))


_keys_of = attrgetter(*KEYS)
_GROUPED = ", ".join(f"s.{column}" for column in (*KEYS, "leg"))


def of_calls(conn: sqlite3.Connection, condition: str, values: Sequence[object]) -> dict[Key, Sums]:
    """What the calls for which this holds add to sums, by key."""
    charged = f"{CHARGED} AND {condition}"
    whole = f"SELECT {_GROUPED}, s.role, {SUMMED} FROM {per_role(charged)} GROUP BY {_GROUPED}, s.role"
    parts = f"SELECT {_GROUPED}, 'part', {SUMMED} FROM {per_part(charged)} GROUP BY {_GROUPED}"
    return _by_key([*conn.execute(whole, values), *conn.execute(parts, values)])


def stored(conn: sqlite3.Connection, size: int, start: int, end: int) -> dict[Key, Sums]:
    """The sums that are kept of a span, by key."""
    return _by_key(conn.execute(_STORED, (size, start, end)).fetchall())


def _by_key(rows: Iterable[Row]) -> dict[Key, Sums]:
    return {row[: len(_COLUMNS)]: Sums(*row[len(_COLUMNS) :]) for row in rows}


def in_hour(hour: int) -> tuple[str, list[object]]:
    """The condition that calls `c` started in this hour, and the values in it."""
    return "c.started_us >= ? AND c.started_us < ?", [hour * HOUR_US, (hour + 1) * HOUR_US]


def put_hour(conn: sqlite3.Connection, hour: int, found: dict[Key, Sums]) -> None:
    """Keep these sums of an hour, in place of those that were kept."""
    conn.execute(_CLEAR, (HOUR, hour, hour + 1))
    conn.executemany(_PUT, [(HOUR, hour, _name_of(conn, key), *astuple(sums)) for key, sums in found.items()])


def put_block(conn: sqlite3.Connection, hour: int) -> None:
    """Sum up the hours of the block that holds this one, in place of the sums that were kept of it."""
    start = hour // BLOCK * BLOCK
    conn.execute(_CLEAR, (BLOCK, start, start + BLOCK))
    conn.execute(_COARSEN, (start, start, start + BLOCK))


def _add(conn: sqlite3.Connection, hour: int, key: Key, sums: Sums) -> None:
    name, numbers = _name_of(conn, key), astuple(sums)
    conn.execute(_ADD, (HOUR, hour, name, *numbers, BLOCK, hour // BLOCK * BLOCK, name, *numbers))


def _name_of(conn: sqlite3.Connection, key: Key) -> int:
    """The number that stands for a key."""
    for row in conn.execute(_FIND, key):
        number: int = row[0]
        return number
    return conn.execute(_NAME, key).lastrowid or 0
