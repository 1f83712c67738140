"""Adding charges to the sums that are kept beside the calls, in the transaction that writes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache, partial
from itertools import chain
from math import gcd
from operator import add as add_up
from operator import attrgetter
from typing import TypeVar

from msgspec.structs import astuple

from tokenguard.ledger.phases import hour_of, stored
from tokenguard.ledger.recount import of_calls
from tokenguard.ledger.rollup_keys import WIDTH, Key, Names, names_of, thread_of
from tokenguard.ledger.rollups import (
    AGENTS,
    BARE,
    BARE_SHIFT,
    BLOCK,
    HALF_US,
    HALVES,
    HOUR,
    HOUR_US,
    MODELS,
    NARROW,
    PHASED_SPELLS,
    PLACES,
    SHIFT,
    SPELLS,
    TASKS,
    THREADS,
    spell,
)
from tokenguard.ledger.sums import KEYS, SUMS
from tokenguard.policy.measure import is_notional
from tokenguard.records import Call, Charge, Confidence, Usage

_K = TypeVar("_K")
_Place = tuple[int, int, int]
"""Size, start and key: where a sum stands."""

_BILLED = (0, 0, 0, 0)
"""What of a call is on no bill, if it is on one."""
_WHERE = len(SUMS) + 1
_NUMBERS = ", ".join(f"?{at}" for at, _ in enumerate(SUMS, 1))
_ON_CONFLICT = f"""ON CONFLICT (size, start, key)
    DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)}"""


def _adding(places: int) -> str:
    """The statement that adds the same numbers, which come first, in so many places."""
    rows = (f"(?{at}, ?{at + 1}, ?{at + 2}, {_NUMBERS})" for at in range(_WHERE, _WHERE + 3 * places, 3))
    return f"INSERT INTO rollups (size, start, key, {', '.join(SUMS)}) VALUES {', '.join(rows)} {_ON_CONFLICT}"


_ADD = [_adding(places) for places in range(18)]
_DROP = "DELETE FROM rollups WHERE size = ? AND start = ? AND key = ? AND calls = 0"


def add_plain(conn: sqlite3.Connection, call: Call, charge: Charge | None, usage: Usage, leg: str) -> None:
    """Add a charge of one leg that is being written: the short way, as most are."""
    confidence = charge.confidence if charge else Confidence.ESTIMATED
    nanos, saved = charge.nanos if charge else 0, _saved(charge)
    below = 0 if charge is None or charge.low_nanos is None else nanos - charge.low_nanos
    above = 0 if charge is None or charge.high_nanos is None else charge.high_nanos - nanos
    sums = (
        1,
        nanos,
        charge is None,
        confidence is Confidence.ESTIMATED,
        confidence is Confidence.BOUND,
        below,
        above,
        *astuple(usage),
        0,
        saved,
        *((nanos, below, above, saved) if is_notional(call.billing) else _BILLED),
    )
    _add(conn, call.started_us, _plain_key(call, confidence, leg), sums)


def add(conn: sqlite3.Connection, call_id: int) -> None:
    """Add a charge of any kind that was just written, and its legs."""
    _add_call(conn, call_id, 1)


def remove(conn: sqlite3.Connection, call_id: int) -> None:
    """Take out a charge that is about to be changed or to go."""
    conn.executemany(_DROP, _add_call(conn, call_id, -1))


def _add_call(conn: sqlite3.Connection, call_id: int, times: int) -> list[_Place]:
    started_us: int = conn.execute("SELECT started_us FROM calls WHERE id = ?", (call_id,)).fetchone()[0]
    found: list[_Place] = []
    for key, sums in of_calls(conn, "c.id = ?", [call_id]).items():
        found += _add(conn, started_us, key, [times * number for number in astuple(sums)])
    return found


class Gathered:
    """Charges of one leg each that are being written, added together before they are added to the sums."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        # No sums begin or end within it.
        self._unit_us = gcd(HALF_US, stored(conn))
        self._found: dict[tuple[int, Key], Sequence[int]] = {}

    def add(self, call: Call, charge: Charge, usage: Usage, leg: str) -> None:
        """Add one that is certain to no more than its figure."""
        saved = _saved(charge)
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
            saved,
            *((charge.nanos, 0, 0, saved) if is_notional(call.billing) else _BILLED),
        )
        _add_to(self._found, (call.started_us // self._unit_us, _plain_key(call, charge.confidence, leg)), sums)

    def write(self) -> None:
        """Add them to the sums."""
        conn = self._conn
        found: dict[_Place, Sequence[int]] = {}
        named, threads = cache(partial(names_of, conn)), cache(partial(thread_of, conn))
        # Hours are most of the way to what is summed up of them.
        by_hour: dict[tuple[int, Names], Sequence[int]] = {}
        for (unit, key), sums in self._found.items():
            started_us = unit * self._unit_us
            names, hour = named(key[:WIDTH]), started_us // HOUR_US
            _add_to(by_hour, (hour, names), sums)
            for place in _places_of_part(started_us, names, threads(key[WIDTH:], hour)):
                _add_to(found, place, sums)
        for (hour, names), sums in by_hour.items():
            for place in _places_of_hour(hour, names):
                _add_to(found, place, sums)
        conn.executemany(_ADD[1], ((*sums, *place) for place, sums in found.items()))


def _add(conn: sqlite3.Connection, started_us: int, key: Key, sums: Sequence[int]) -> list[_Place]:
    """Add to the sums that a call that started then is part of; where they stand."""
    hour, names = started_us // HOUR_US, names_of(conn, key[:WIDTH])
    places = _places_of_part(started_us, names, thread_of(conn, key[WIDTH:], hour))
    places += _places_of_hour(hour, names)
    conn.execute(_ADD[len(places)], (*sums, *chain.from_iterable(places)))
    return places


def _places_of_part(started_us: int, names: Names, thread: int) -> list[_Place]:
    """The sums that tell parts of an hour or threads apart."""
    name, *narrow, phase_us = names
    bare = narrow[0]
    places = [(THREADS, thread, name)]
    if bare is not None:
        places += ((BARE.size, started_us // HALF_US, bare), (SPELLS, spell(started_us // HOUR_US, thread), bare))
    if phase_us:
        hour = hour_of(started_us, phase_us)
        found = zip(NARROW, narrow, strict=True)
        places += [(one.phased, hour, number) for one, number in found if number is not None]
        if bare is not None:
            places.append((PHASED_SPELLS, spell(hour, thread), bare))
    return places


def _places_of_hour(hour: int, names: Names) -> list[_Place]:
    """The other sums."""
    name, bare, by_model, by_agent, by_task, by_place, _ = names
    shift = hour // SHIFT * SHIFT
    places = [(HOUR, hour, name), (SHIFT, shift, name), (BLOCK, hour // BLOCK * BLOCK, name)]
    if bare is not None:
        places.append((BARE_SHIFT, shift * HALVES, bare))
    if by_model is not None:
        places.append((MODELS.size, hour, by_model))
    if by_agent is not None:
        places.append((AGENTS.size, hour, by_agent))
    if by_task is not None:
        places.append((TASKS.size, hour, by_task))
    if by_place is not None:
        places.append((PLACES.size, hour, by_place))
    return places


def _add_to(found: dict[_K, Sequence[int]], key: _K, sums: Sequence[int]) -> None:
    known = found.get(key)
    found[key] = sums if known is None else [*map(add_up, known, sums)]


_keys_of = attrgetter(*(key for key in KEYS if key != "confidence"))


def _plain_key(call: Call, confidence: Confidence, leg: str) -> Key:
    thread = (call.session, call.agent_session, call.subagent_type or call.subagent)
    return (*_keys_of(call), confidence.value, leg, "plain", *thread)


def _saved(charge: Charge | None) -> int:
    return charge.leg_saved[0] if charge and len(charge.leg_saved) == 1 else 0
