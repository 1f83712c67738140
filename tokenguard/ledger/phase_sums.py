"""What the sums by the hours of a phase must be, by the calls themselves, and putting that in their place."""

from __future__ import annotations

import sqlite3
from functools import cache, partial

from tokenguard.ledger.keeping import Rows, Span, kept_in, put_in
from tokenguard.ledger.phases import span_of
from tokenguard.ledger.recount import by_thread, of_calls, together
from tokenguard.ledger.rollup_keys import WIDTH, Numbers, columns_of, known_thread
from tokenguard.ledger.rollups import BARE, HOUR_US, NARROW, PHASED_SPELLS, Narrow, spell
from tokenguard.ledger.sums import CHARGED, SUMS, THREAD, per_call, per_part, per_role

_NUMBERS_AT = 1 + WIDTH + len(THREAD)
"""Where sums stand in a row, after its hour, key and thread."""
_WITHIN = "c.started_us >= ? AND c.started_us < ?"
_CLEAR = "DELETE FROM rollups WHERE size = ? AND start >= ? AND start < ?"
_ADD = f"""INSERT INTO rollups (size, start, key, {", ".join(SUMS)}) VALUES (?, ?, ?, {", ".join("?" for _ in SUMS)})
    ON CONFLICT (size, start, key) DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)}"""


def _asked(narrow: Narrow, source: str, also: str = "") -> str:
    """The hours of a source, by their distance from the first, the narrow keys in them, what else, and their sums."""
    keys, told = (f"{columns}{also}" for columns in columns_of(narrow))
    hour = f"(s.started_us - ?) / {HOUR_US}"
    return f"SELECT {hour}, {keys}, {', '.join(f'sum(s.{name})' for name in SUMS)} FROM {source} GROUP BY 1, {told}"


_CHARGED = f"{CHARGED} AND {_WITHIN}"
# Calls of one leg are not joined with their legs: it would take as long again as all else.
_BY_LEG = (f"{per_role(_CHARGED)} WHERE s.role = 'plain'", per_part(_CHARGED))
_ASKED = {
    narrow: [_asked(narrow, source) for source in (_BY_LEG if narrow.by_leg else (per_call(_CHARGED),))]
    for narrow in NARROW
}
_ASKED_OF_THREADS = _asked(BARE, per_call(_CHARGED), "".join(f", s.{column}" for column in THREAD))


def of_hour(conn: sqlite3.Connection, hour: int, phase_us: int) -> Rows:
    """The sums of an hour of the phase, as they must be kept."""
    found = of_calls(conn, _WITHIN, span_of(hour, phase_us)).items()
    rows = {(narrow.phased, hour): together(found, narrow) for narrow in NARROW}
    for whose, sums in by_thread(found).items():
        rows[PHASED_SPELLS, spell(hour, known_thread(conn, whose) or 0)] = sums
    return {place: sums for place, sums in rows.items() if sums}


def kept_of_hour(conn: sqlite3.Connection, hour: int) -> Rows:
    """The sums of an hour of the phase, as they are kept."""
    return kept_in(conn, _spans(hour))


def put_hour(conn: sqlite3.Connection, hour: int, rows: Rows) -> None:
    """Keep these sums of an hour of the phase, in place of those that were kept."""
    put_in(conn, _spans(hour), rows, Numbers(conn))


def put_hours(conn: sqlite3.Connection, first: int, end: int, phase_us: int, numbers: Numbers) -> None:
    """Sum up the calls of many hours of the phase, in place of the sums that were kept: the fast way."""
    begin_us, end_us = span_of(first, phase_us)[0], span_of(end, phase_us)[0]
    for narrow, asked in _ASKED.items():
        conn.execute(_CLEAR, (narrow.phased, first, end))
        for question in asked:
            rows = conn.execute(question, (begin_us, begin_us, end_us)).fetchall()
            added = [
                (narrow.phased, first + at, numbers.name_of(tuple(row[:WIDTH])), *row[WIDTH:]) for at, *row in rows
            ]
            conn.executemany(_ADD, added)
    conn.execute(_CLEAR, (PHASED_SPELLS, spell(first, 0), spell(end, 0)))
    thread_of = cache(partial(known_thread, conn))
    rows = conn.execute(_ASKED_OF_THREADS, (begin_us, begin_us, end_us)).fetchall()
    threads = [thread_of(tuple(row[1 + WIDTH : _NUMBERS_AT])) or 0 for row in rows]
    added = [
        (PHASED_SPELLS, spell(first + at, thread), numbers.name_of(tuple(row[:WIDTH])), *row[_NUMBERS_AT - 1 :])
        for thread, (at, *row) in zip(threads, rows, strict=True)
    ]
    conn.executemany(_ADD, added)


def _spans(hour: int) -> list[Span]:
    spells = (PHASED_SPELLS, spell(hour, 0), spell(hour + 1, 0))
    return [spells, *((narrow.phased, hour, hour + 1) for narrow in NARROW)]
