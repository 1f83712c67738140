"""What was charged, grouped by what tells calls apart, over a span or over many. See `tokenguard.ledger.queries`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from msgspec import Struct, json
from msgspec.structs import replace

from tokenguard.ledger.charges import ALL, ask, totals_of
from tokenguard.ledger.rollups import (
    BARE,
    BARE_KEYS,
    BARE_SHIFT,
    BLOCK,
    CALLS,
    HOUR,
    HOUR_US,
    KEPT_IN_SLICES,
    KEPT_IN_SPELLS,
    KEPT_OF_THREADS,
    SHIFT,
    SPELLS,
    named,
    narrowest,
    pieces,
)
from tokenguard.ledger.rows import Row, fetch
from tokenguard.ledger.sums import (
    CALLS_IN_SLICES,
    CHARGED,
    KEYS,
    THREAD,
    TOTALLED,
    TOTALS,
    asked_of,
    condition,
    per_call,
    per_leg,
    totals_by,
)
from tokenguard.ledger.threads import Held, held_by, threads_in
from tokenguard.ledger.values import Where
from tokenguard.records import Totals

INFERRED = "~"
"""Before a task that nobody named: what kind of work it is, by `policy.task_types`."""

_OF_THREADS = {
    "session": "s.session",
    "conversation": "coalesce(s.agent_session, s.session)",
    "sub-agent": "s.subagent",
}
_KEYS = {
    **_OF_THREADS,
    "repo": "s.repo",
    "worktree": "s.worktree",
    "branch": "s.branch",
    "agent": "s.agent",
    "model": "s.leg",
    "provider": "s.provider",
    "task": f"coalesce(s.task, '{INFERRED}' || s.task_type)",
    "request-class": "s.request_class",
    "billing": "s.billing",
    "origin": "s.origin",
    "confidence": "s.confidence",
}
GROUP_KEYS = tuple(_KEYS)
"""What `grouped` can group by. `model` is that of the legs: a call counts under every model that it used. A
`conversation` is what the agent itself calls a session: one that is resumed is the same."""

_COLUMNS = {"request-class": ("request_class",), "task": ("task", "task_type"), "model": ()}
"""The columns that sums are kept by of what is not called like its own; the model is that of the legs."""

_SLICES = """slices (number, since, until, size) AS MATERIALIZED (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
        json_extract(value, '$[3]') FROM json_each(?))"""
_UNITS = "slices (number, since, until, size) AS MATERIALIZED (SELECT key, value, value + 1, ? FROM json_each(?))"
_WHOLE = """whole (thread, number) AS MATERIALIZED (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"""
_CUT = "cut (thread) AS MATERIALIZED (SELECT value FROM json_each(?))"
_OF_KEY = ", ".join(f"k.{column}" for column in (*KEYS, "leg"))
_OF_THREAD = ", ".join(f"nullif(t.{column}, '') AS {column}" for column in THREAD)
_ADDED_UP = {
    "slices": f"""(SELECT a.*, {_OF_KEY} FROM (
        SELECT s.slice, s.label, {{}} FROM {KEPT_IN_SLICES} GROUP BY s.slice << 32 | s.label
    ) AS a CROSS JOIN rollup_keys AS k ON k.id = a.label) AS s""",
    "threads": f"""(SELECT a.*, {_OF_KEY}, {_OF_THREAD} FROM (
        SELECT s.slice, s.thread, s.label, {{}} FROM {KEPT_OF_THREADS} GROUP BY s.thread << 32 | s.label
    ) AS a CROSS JOIN rollup_keys AS k ON k.id = a.label CROSS JOIN rollup_threads AS t ON t.id = a.thread) AS s""",
    "spells": f"""(SELECT a.*, {_OF_KEY}, {_OF_THREAD} FROM (
        SELECT s.slice, s.thread, s.label, {{}} FROM {KEPT_IN_SPELLS} GROUP BY s.slice, s.thread << 32 | s.label
    ) AS a CROSS JOIN rollup_keys AS k ON k.id = a.label CROSS JOIN rollup_threads AS t ON t.id = a.thread) AS s""",
}
"""What numbers, whose columns are put into it, add up to by slice or thread, and by label: of its other columns, those
that the label stands for hold."""
_FEW = 500
"""Sessions: where there are more, all calls of a span are read, not those of each session."""

_Piece = tuple[int, int, int, int]
"""The number of a slice, and of a piece of it the two ends and the size."""

FOREVER_US = 2**62 // HOUR_US * HOUR_US
"""The end of a span that has none."""


class Group(Struct, frozen=True):
    """The sums over the calls that share the values of some keys; None where a call has no such value."""

    key: tuple[str | None, ...]
    totals: Totals


def grouped(
    conn: sqlite3.Connection,
    keys: Sequence[str],
    where: Where = ALL,
    since_us: int | None = None,
    until_us: int | None = None,
) -> list[Group]:
    """The sums over charges by `keys`, of `GROUP_KEYS`, in no particular order. Without keys, one group or none."""
    if not _by_session(where):
        span = (since_us or 0, FOREVER_US if until_us is None else until_us)
        return [group for _, group in grouped_in(conn, keys, where, [span])]
    columns = "".join(f"{_KEYS[key]}, " for key in keys)
    grouping = f" GROUP BY {', '.join(_KEYS[key] for key in keys)}" if keys else " HAVING count(*) > 0"
    rows = ask(conn, columns + TOTALS, where, since_us, until_us, by_leg="model" in keys, grouping=grouping)
    return [Group(key, sums) for key, sums in _folded(rows, len(keys)).items()]


def grouped_in(
    conn: sqlite3.Connection, keys: Sequence[str], where: Where, slices: Sequence[tuple[int, int]]
) -> list[tuple[int, Group]]:
    """`grouped` of each of these spans, which ascend and do not overlap, with its place among them."""
    rows = sums_in(conn, keys, where, slices)
    return [(key[0], Group(key[1:], sums)) for key, sums in _folded(rows, len(keys) + 1).items()]


def sums_in(
    conn: sqlite3.Connection,
    keys: Sequence[str],
    where: Where,
    slices: Sequence[tuple[int, int]],
    numbers: Sequence[str] = TOTALLED,
) -> list[Row]:
    """The same as rows, for those that ask for thousands: place, values of the keys, and these numbers of `TOTALLED`.

    Several can have the same place and values; they have to be added up.
    """
    by_leg = "model" in keys
    by = [_KEYS[key] for key in keys]
    columns, totals = ", ".join(["s.slice", *by]), totals_by(numbers)
    of_calls = f"SELECT {columns}, {totals} FROM %s GROUP BY {columns}"
    of_sums = f"WITH %s, %s SELECT {columns}, {', '.join(f's.{name}' for name in numbers)} FROM %s"
    rows: list[Row] = []
    numbered = [(number, *span, CALLS) for number, span in enumerate(slices)]
    if _by_session(where):
        rows += _of_calls(conn, of_calls, where, numbered, by_leg=by_leg)
    elif _by_thread(keys, where):
        whole, parted = threads_in(conn, where, slices)
        # Which threads are read is decided: what is left to ask of them is in their keys.
        known = {key: expression for key, expression in zip(keys, by, strict=True) if key not in _OF_THREADS}
        keyed, values = named(_of_keys(where), list(known.values()), by_leg=by_leg)
        asked = of_sums % (_WHOLE, keyed, _ADDED_UP["threads"].format(totals))
        rows += fetch(conn, asked, [_as_json(whole), *values])
        of_keys = _of_keys(where)
        mixed = parted.sessions
        if parted.sessions and BARE_KEYS.issuperset(known):
            held = Held(parted.threads, parted.sessions, ())
            if not BARE_KEYS.issuperset(asked_of(of_keys)):
                # What only some of a session's calls hold cannot be told from these sums; what all hold need not be.
                held, of_keys = held_by(conn, parted.threads, of_keys), ALL
            mixed = held.mixed
            spells, rest = _in_pieces(parted.within(slices), ((HOUR, SPELLS),))
            keyed, values = named(of_keys, list(known.values()), by_leg=by_leg)
            sliced, of_slices = _sliced(spells)
            asked = of_sums % (f"{sliced}, {_CUT}", keyed, _ADDED_UP["spells"].format(totals))
            rows += fetch(conn, asked, [*of_slices, _as_json(held.threads), *values])
            if rest and held.sessions:
                rows += _of_calls(conn, of_calls, where, rest, by_leg=by_leg, sessions=held.sessions)
        if mixed:
            rows += _of_calls(conn, of_calls, where, numbered, by_leg=by_leg, sessions=mixed)
    else:
        hours, rest = _in_pieces(slices, *_kept_for(keys, where))
        keyed, values = named(where, by, by_leg=by_leg)
        sliced, of_slices = _sliced(hours)
        asked = of_sums % (sliced, keyed, _ADDED_UP["slices"].format(totals))
        rows += fetch(conn, asked, [*of_slices, *values])
        if rest:
            rows += _of_calls(conn, of_calls, where, rest, by_leg=by_leg)
    return rows


def _of_calls(
    conn: sqlite3.Connection,
    asked: str,
    where: Where,
    slices: Sequence[_Piece],
    *,
    by_leg: bool,
    sessions: Sequence[str] = (),
) -> list[Row]:
    """What is asked for, from the calls of these pieces themselves; only those of `sessions` if any."""
    terms, values = condition(where, "c", "c")
    if sessions:
        column = "c.session" if len(sessions) <= _FEW else "+c.session"
        terms.append(f"{column} IN (SELECT value FROM json_each(?))")
        values.append(_as_json(sessions))
    source = (per_leg if by_leg else per_call)(" AND ".join([CHARGED, *terms]), CALLS_IN_SLICES)
    return fetch(conn, f"WITH {_SLICES} {asked % source}", [_as_json(slices), *values])


def _by_session(where: Where) -> bool:
    """Whether an index leads to the calls that are asked for."""
    return (where.session, where.family) != (None, None)


def _by_thread(keys: Sequence[str], where: Where) -> bool:
    return not _OF_THREADS.keys().isdisjoint(keys) or any(name in THREAD for name, _ in where.match)


def _of_keys(where: Where) -> Where:
    """What is asked of all but threads."""
    return replace(where, session=None, family=None, match=tuple(pair for pair in where.match if pair[0] not in THREAD))


_Kept = tuple[tuple[int, int], ...]
"""In how many units sums are to be read, the most first, and the size by which they are found."""


def _kept_for(keys: Sequence[str], where: Where) -> tuple[_Kept, int]:
    """Where sums that tell apart what is asked for have the fewest rows, and the unit that they are found by."""
    columns = (column for key in keys for column in _COLUMNS.get(key, (key,)))
    narrow = narrowest((*columns, *asked_of(where)), by_leg="model" in keys)
    if narrow is None:
        return ((BLOCK, BLOCK), (SHIFT, SHIFT), (HOUR, HOUR)), HOUR_US
    if narrow is BARE:
        return ((SHIFT * BARE.units, BARE_SHIFT), (1, BARE.size)), HOUR_US // BARE.units
    return ((BLOCK, BLOCK), (HOUR, narrow.size)), HOUR_US


def _in_pieces(
    slices: Sequence[tuple[int, int]], kept: _Kept, unit_us: int = HOUR_US
) -> tuple[list[_Piece], list[_Piece]]:
    """What sums are kept of in each slice, and the rest, of which calls are read."""
    found: tuple[list[_Piece], list[_Piece]] = ([], [])
    sizes = dict(kept)
    for number, span in enumerate(slices):
        if span[1] - span[0] == unit_us and span[0] % unit_us == 0:
            # As most are where there are thousands.
            found[False].append((number, span[0] // unit_us, span[1] // unit_us, sizes[1]))
        elif span[0] < span[1]:
            for piece in pieces(*span, tuple(sizes), unit_us):
                size = sizes.get(piece.size, CALLS)
                found[size == CALLS].append((number, piece.since or 0, piece.until or 0, size))
    return found


def _sliced(read: Sequence[_Piece]) -> tuple[str, list[object]]:
    """The table `slices` of these pieces, and the values in it."""
    sizes = {size for *_, size in read}
    if len(sizes) == 1 and all(
        number == place and until == since + 1 for place, (number, since, until, _) in enumerate(read)
    ):
        # A year of hours: SQLite reads numbers in a quarter of the time that it takes lists apart.
        return _UNITS, [*sizes, _as_json([since for _, since, _, _ in read])]
    return _SLICES, [_as_json(read)]


def _folded(rows: Iterable[Row], keys: int) -> dict[Row, Totals]:
    """The sums by the first columns, put together where they come from several places."""
    found: dict[Row, Totals] = {}
    for row in rows:
        key, sums = row[:keys], totals_of(row[keys:])
        found[key] = found[key] + sums if key in found else sums
    return found


def _as_json(value: object) -> str:
    return json.encode(value).decode()
