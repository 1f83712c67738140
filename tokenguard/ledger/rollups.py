"""Sums kept beside the calls, so that a question about a year does not read a year of calls.

There is one row for each hour of UTC and combination of keys, one for each shift of `SHIFT` hours, one for each block
of `BLOCK` hours, and one for each thread (a session, or a sub-agent in it); every charge is added to all four in the
transaction that writes it, and to the sum of its hour that tells apart but little (`BARE`). What a call adds depends
on the `role` of the key:

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
from tokenguard.ledger.sums import CHARGED, KEYS, SUMS, THREAD, Sums, condition, notional_of, per_part, per_role, within
from tokenguard.ledger.values import Where
from tokenguard.records import Call, Charge, Confidence, Usage

HOUR_US = 3_600_000_000
HOUR = 1
SHIFT = 6
"""Hours in a shift: days of any zone hold three of them, and a few hours."""
BLOCK = 720
"""Hours in a block: thirty days, counted from the epoch."""
COARSE = (SHIFT, BLOCK)
"""What hours are summed up to. Each is made of whole ones of those before it."""

THREADS = -1
"""The `size` of the sums of whole threads: their `start` is the thread's number."""

BARE = -2
"""The `size` of the sums of hours that only `BARE_KEYS` tell apart: few rows, whatever was done in an hour."""
BARE_KEYS = frozenset(("billing", "origin", "confidence"))

CALLS = 0
"""The `size` of a piece that is read from the calls themselves."""

Key = tuple[str | None, ...]
"""The values of `KEYS`, and `leg` and `role`, and those of `THREAD` where threads are told apart."""

_COLUMNS = (*KEYS, "leg", "role")
_ALWAYS = ("agent", "provider", "model", "request_class", "billing", "origin")
"""Those that every key has."""
WIDTH = len(_COLUMNS)
"""How many values a key has without its thread."""
_FIND = f"SELECT id, bare FROM rollup_keys WHERE {' AND '.join(f'{column} IS ?' for column in _COLUMNS)}"
_NAME = f"INSERT INTO rollup_keys ({', '.join(_COLUMNS)}, bare) VALUES ({', '.join('?' for _ in _COLUMNS)}, ?)"
_ROW = f"(?, ?, ?, {', '.join('?' for _ in SUMS)})"
_PUT = f"INSERT INTO rollups (size, start, key, {', '.join(SUMS)}) VALUES {_ROW}"
_ON_CONFLICT = f"""ON CONFLICT (size, start, key)
    DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)}"""
_ADD_ONE = f"{_PUT} {_ON_CONFLICT}"
_ADD = f"{_PUT}, {_ROW}, {_ROW}, {_ROW} {_ON_CONFLICT}"
_ADD_WITH_BARE = f"{_PUT}, {_ROW}, {_ROW}, {_ROW}, {_ROW} {_ON_CONFLICT}"
SUMMED = ", ".join(f"sum(s.{name})" for name in SUMS)
_STORED = f"""SELECT {", ".join(f"k.{column}" for column in _COLUMNS)}, {SUMMED}
    FROM rollups AS s CROSS JOIN rollup_keys AS k ON k.id = s.key WHERE s.size = ? AND s.start >= ? AND s.start < ?
    GROUP BY {", ".join(f"k.{column}" for column in _COLUMNS)}"""
_COARSEN = f"""INSERT INTO rollups (size, start, key, {", ".join(SUMS)})
    SELECT ?, ?, s.key, {SUMMED} FROM rollups AS s WHERE s.size = {HOUR} AND s.start >= ? AND s.start < ?
    GROUP BY s.key"""
_ROLE = ("{}.role <> 'part'", "{}.role <> 'whole'")
"""Which keys are read: of calls, and by leg."""
_DROP = "DELETE FROM rollups WHERE size = ? AND start = ? AND key = ? AND calls = 0"
_CLEAR = "DELETE FROM rollups WHERE size = ? AND start >= ? AND start < ?"
_THREAD_OF = """INSERT INTO rollup_threads (session, agent_session, subagent, first, last) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (session, agent_session, subagent)
    DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last) RETURNING id"""
_ENDED = f"SELECT id, {', '.join(THREAD)} FROM rollup_threads WHERE last = ?"
_ROLE_AT = _COLUMNS.index("role")
_BARE = [(at if key in BARE_KEYS else None, "" if key in _ALWAYS else None) for at, key in enumerate(KEYS)]
"""Where a bare key takes each of `KEYS` from, or what it has in its place."""
_IN_THREAD = "c.session = ? AND coalesce(c.agent_session, '') = ? AND coalesce(c.subagent_type, c.subagent, '') = ?"


class Piece(Struct, frozen=True):
    """A part of a span, and where its sums are: among the calls, the hours or the blocks."""

    size: int
    """`CALLS`, `HOUR`, `SHIFT` or `BLOCK`."""
    since: int | None
    until: int | None
    """Instants in microseconds among the calls, else hours since the epoch; None is open."""


def pieces(since_us: int | None, until_us: int | None, sizes: Sequence[int] = (*reversed(COARSE), HOUR)) -> list[Piece]:
    """The span, put together from as few sums as can be; calls are read where it begins or ends within an hour.

    The sums are of these sizes, the largest first.
    """
    first = None if since_us is None else -(-since_us // HOUR_US)
    last = None if until_us is None else until_us // HOUR_US
    if first is not None and last is not None and first >= last:
        return [Piece(CALLS, since_us, until_us)]
    found = list(_whole_hours(first, last, sizes))
    if first is not None and since_us != first * HOUR_US:
        found.append(Piece(CALLS, since_us, first * HOUR_US))
    if last is not None and until_us != last * HOUR_US:
        found.append(Piece(CALLS, last * HOUR_US, until_us))
    return found


def _whole_hours(first: int | None, last: int | None, sizes: Sequence[int]) -> Iterator[Piece]:
    """The hours in pieces of these sizes, the largest first."""
    size, *smaller = sizes
    begin = None if first is None else -(-first // size) * size
    end = None if last is None else last // size * size
    if begin is not None and end is not None and begin >= end:
        if smaller:
            yield from _whole_hours(first, last, smaller)
        return
    yield Piece(size, begin, end)
    if begin != first:
        yield from _whole_hours(first, begin, smaller)
    if end != last:
        yield from _whole_hours(end, last, smaller)


def kept(piece: Piece, where: Where, *, by_leg: bool) -> tuple[str, list[object]]:
    """The source of the sums that are kept of a piece, and the values in it."""
    terms, values = condition(where, "k", "t")
    span, ends = within("r.start", piece.since, piece.until)
    keys = [*(f"k.{key}" for key in (*KEYS, "leg")), notional_of("k")]
    shown = ", ".join(["r.start", *keys, *(f"r.{name}" for name in SUMS)])
    conditions = " AND ".join(["r.size = ?", *span, *terms, _ROLE[by_leg].format("k")])
    joined = "rollups AS r CROSS JOIN rollup_keys AS k ON k.id = r.key"
    return f"(SELECT {shown} FROM {joined} WHERE {conditions}) AS s", [piece.size, *ends, *values]


def named(where: Where, by: Sequence[str], *, by_leg: bool) -> tuple[str, list[object]]:
    """A table `named` (id, label, notional) of the keys for which this holds, and the values in it.

    Keys `s` in which the expressions `by` are the same have the same label, which is the id of one of them. SQLite
    sorts what it groups: numbers much faster than names.
    """
    terms, values = condition(where, "s", "s")
    label = f"first_value(s.id) OVER (PARTITION BY {', '.join(by)})" if by else "min(s.id) OVER ()"
    holds = " AND ".join([*terms, _ROLE[by_leg].format("s")])
    keys = f"SELECT s.id, {label}, {notional_of('s')} FROM rollup_keys AS s WHERE {holds}"
    return f"named (id, label, notional) AS MATERIALIZED ({keys})", values


_NUMBERS = f"n.label, n.notional, {', '.join(f'r.{name}' for name in SUMS)}"
KEPT_IN_SLICES = f"""(SELECT e.number AS slice, {_NUMBERS}
    FROM slices AS e CROSS JOIN rollups AS r ON r.size = e.size AND r.start >= e.since AND r.start < e.until
    CROSS JOIN named AS n ON n.id = r.key) AS s"""
"""The source of the sums of the hours that are in any of the `slices`, with the `slice` and the label of their key.

There must be tables `slices` (number, since, until, size), of hours since the epoch, and `named` in the question.
"""
KEPT_OF_THREADS = f"""(SELECT e.number AS slice, e.thread, {_NUMBERS}
    FROM whole AS e CROSS JOIN rollups AS r ON r.size = {THREADS} AND r.start = e.thread
    CROSS JOIN named AS n ON n.id = r.key) AS s"""
"""The source of the sums of whole threads, with the slice that they are in, their number and the label of their key.

There must be tables `whole` (thread, number) and `named` in the question.
"""


def add_plain(conn: sqlite3.Connection, call: Call, charge: Charge | None, usage: Usage, leg: str) -> None:
    """Add a charge of one leg that is being written: the short way, as most are."""
    confidence = charge.confidence if charge else Confidence.ESTIMATED
    nanos = charge.nanos if charge else 0
    sums = [
        1,
        nanos,
        charge is None,
        confidence is Confidence.ESTIMATED,
        confidence is Confidence.BOUND,
        0 if charge is None or charge.low_nanos is None else nanos - charge.low_nanos,
        0 if charge is None or charge.high_nanos is None else charge.high_nanos - nanos,
        *astuple(usage),
        0,
        _saved(charge),
    ]
    _add(conn, call.started_us // HOUR_US, _plain_key(call, confidence, leg), Sums(*sums))


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
        conn.executemany(_DROP, _add(conn, hour, key, Sums(*(-number for number in astuple(sums)))))


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
            _saved(charge),
        )
        ident = (call.started_us // HOUR_US, _plain_key(call, charge.confidence, leg))
        known = self._found.get(ident)
        self._found[ident] = list(sums) if known is None else [*map(add_up, known, sums)]

    def write(self, conn: sqlite3.Connection) -> None:
        """Add them to the sums."""
        for (hour, key), sums in self._found.items():
            _add(conn, hour, key, Sums(*sums))


_keys_of = attrgetter(*(key for key in KEYS if key != "confidence"))
_GROUPED = ", ".join(f"s.{column}" for column in (*KEYS, "leg"))
_WHOSE = ", ".join(f"s.{column}" for column in THREAD)


def _plain_key(call: Call, confidence: Confidence, leg: str) -> Key:
    thread = (call.session, call.agent_session, call.subagent_type or call.subagent)
    return (*_keys_of(call), confidence.value, leg, "plain", *thread)


def _saved(charge: Charge | None) -> int:
    return charge.leg_saved[0] if charge and len(charge.leg_saved) == 1 else 0


def of_calls(conn: sqlite3.Connection, condition: str, values: Sequence[object]) -> dict[Key, Sums]:
    """What the calls for which this holds add to sums, by key and thread."""
    charged, by = f"{CHARGED} AND {condition}", f"{_GROUPED}, {_WHOSE}"
    whole = f"SELECT {_GROUPED}, s.role, {_WHOSE}, {SUMMED} FROM {per_role(charged)} GROUP BY {by}, s.role"
    parts = f"SELECT {_GROUPED}, 'part', {_WHOSE}, {SUMMED} FROM {per_part(charged)} GROUP BY {by}"
    return _by_key([*conn.execute(whole, values), *conn.execute(parts, values)], WIDTH + len(THREAD))


def in_all(found: dict[Key, Sums]) -> dict[Key, Sums]:
    """The same sums, without telling threads apart."""
    return _together((key[:WIDTH], numbers) for key, numbers in found.items())


def bare(found: dict[Key, Sums]) -> dict[Key, Sums]:
    """The same sums of calls, by `BARE_KEYS`."""
    return _together((_bare_key(key), numbers) for key, numbers in found.items() if key[_ROLE_AT] != "part")


def _together(found: Iterable[tuple[Key, Sums]]) -> dict[Key, Sums]:
    sums: dict[Key, list[int]] = {}
    for key, numbers in found:
        known = sums.get(key)
        sums[key] = [*astuple(numbers)] if known is None else [*map(add_up, known, astuple(numbers))]
    return {key: Sums(*numbers) for key, numbers in sums.items()}


def _bare_key(key: Key) -> Key:
    return (*(key[at] if at is not None else none for at, none in _BARE), None, "whole")


def stored(conn: sqlite3.Connection, size: int, start: int, end: int) -> dict[Key, Sums]:
    """The sums that are kept of a span, by key."""
    return _by_key(conn.execute(_STORED, (size, start, end)).fetchall(), WIDTH)


def _by_key(rows: Iterable[Row], width: int) -> dict[Key, Sums]:
    return {row[:width]: Sums(*row[width:]) for row in rows}


def in_hour(hour: int) -> tuple[str, list[object]]:
    """The condition that calls `c` started in this hour, and the values in it."""
    return "c.started_us >= ? AND c.started_us < ?", [hour * HOUR_US, (hour + 1) * HOUR_US]


def put_hour(conn: sqlite3.Connection, hour: int, found: dict[Key, Sums]) -> None:
    """Keep these sums of an hour, in place of those that were kept."""
    _put(conn, HOUR, hour, found)
    _put(conn, BARE, hour, bare(found))


def put_coarse(conn: sqlite3.Connection, size: int, hour: int) -> None:
    """Sum up the hours of the shift or block that holds this one, in place of the sums that were kept of it."""
    start = hour // size * size
    conn.execute(_CLEAR, (size, start, start + size))
    conn.execute(_COARSEN, (size, start, start, start + size))


def threads_of(conn: sqlite3.Connection, hour: int) -> list[tuple[int, dict[Key, Sums]]]:
    """The threads whose last call was in this hour: their numbers, and what their calls add to sums."""
    found = conn.execute(_ENDED, (hour,)).fetchall()
    return [(thread, in_all(of_calls(conn, _IN_THREAD, whose))) for thread, *whose in found]


def put_thread(conn: sqlite3.Connection, thread: int, found: dict[Key, Sums]) -> None:
    """Keep these sums of a thread, in place of those that were kept."""
    _put(conn, THREADS, thread, found)


def _put(conn: sqlite3.Connection, size: int, start: int, found: dict[Key, Sums]) -> None:
    conn.execute(_CLEAR, (size, start, start + 1))
    conn.executemany(_PUT, [(size, start, _name_of(conn, key), *astuple(sums)) for key, sums in found.items()])


def add_threads(conn: sqlite3.Connection, hour: int, found: dict[Key, Sums]) -> None:
    """Add these sums of an hour to those of the threads."""
    for key, sums in found.items():
        conn.execute(_ADD_ONE, (THREADS, _thread_of(conn, key, hour), _name_of(conn, key), *astuple(sums)))


def _add(conn: sqlite3.Connection, hour: int, key: Key, sums: Sums) -> list[tuple[int, int, int]]:
    """Add to the sums that a call in this hour is part of; their places in the table."""
    (name, bare), thread, numbers = _names_of(conn, key), _thread_of(conn, key, hour), astuple(sums)
    places = [(HOUR, hour, name), *((size, hour // size * size, name) for size in COARSE), (THREADS, thread, name)]
    if key[_ROLE_AT] != "part":
        places.append((BARE, hour, bare))
    values: list[object] = []
    for place in places:
        values += place
        values += numbers
    conn.execute(_ADD if len(places) == 4 else _ADD_WITH_BARE, values)
    return places


def _name_of(conn: sqlite3.Connection, key: Key) -> int:
    """The number that stands for a key, whatever its thread."""
    return _names_of(conn, key)[0]


def _names_of(conn: sqlite3.Connection, key: Key) -> tuple[int, int]:
    """The same, and the number that stands for its bare key, which is kept beside it."""
    for number, bare in conn.execute(_FIND, key[:WIDTH]):
        return number, number if bare is None else bare
    of_calls = _bare_key(key)
    bare = None if of_calls == key[:WIDTH] else _name_of(conn, of_calls)
    number = conn.execute(_NAME, (*key[:WIDTH], bare)).lastrowid or 0
    return number, number if bare is None else bare


def _thread_of(conn: sqlite3.Connection, key: Key, hour: int) -> int:
    """The number that stands for a thread, which has a call in this hour."""
    number: int = conn.execute(_THREAD_OF, (*(value or "" for value in key[WIDTH:]), hour, hour)).fetchone()[0]
    return number
