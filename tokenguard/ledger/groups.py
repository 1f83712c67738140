"""What was charged, grouped by what tells calls apart, over a span or over many. See `tokenguard.ledger.queries`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.ledger.asking import CUT, EXPRESSIONS, OF_THREADS, WHOLE, Asked
from tokenguard.ledger.charges import ALL, ask, totals_of
from tokenguard.ledger.conditions import asked_of, condition
from tokenguard.ledger.found import Found
from tokenguard.ledger.kept import KEPT_IN_SLICES, KEPT_IN_SPELLS, KEPT_OF_THREADS
from tokenguard.ledger.phases import phased_spells, readable
from tokenguard.ledger.rollup_keys import OF_ALL
from tokenguard.ledger.rollups import BARE_KEYS, CALLS, HOUR, HOUR_US, SPELLS
from tokenguard.ledger.rows import Row, fetch
from tokenguard.ledger.slices import RUNS, Span, as_json, as_runs, in_pieces, kept_for, of_one_hour, only_narrow
from tokenguard.ledger.sums import KEYS, THREAD, TOTALLED, TOTALS
from tokenguard.ledger.threads import Held, held_by, threads_in
from tokenguard.ledger.values import Where
from tokenguard.records import Totals

FOREVER_US = 2**62 // HOUR_US * HOUR_US
"""The end of a span that has none."""

_HOLDING = f"SELECT {{}} FROM rollup_keys AS k WHERE {OF_ALL}"


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
    columns = "".join(f"{EXPRESSIONS[key]}, " for key in keys)
    grouping = f" GROUP BY {', '.join(EXPRESSIONS[key] for key in keys)}" if keys else " HAVING count(*) > 0"
    rows = ask(conn, columns + TOTALS, where, since_us, until_us, by_leg="model" in keys, grouping=grouping)
    return [Group(key, sums) for key, sums in _folded(rows, len(keys)).items()]


def grouped_in(
    conn: sqlite3.Connection, keys: Sequence[str], where: Where, slices: Sequence[Span]
) -> list[tuple[int, Group]]:
    """`grouped` of each of these spans, which ascend and do not overlap, with its place among them."""
    rows = sums_in(conn, keys, where, slices).rows()
    return [(key[0], Group(key[1:], sums)) for key, sums in _folded(rows, len(keys) + 1).items()]


def sums_in(
    conn: sqlite3.Connection,
    keys: Sequence[str],
    where: Where,
    slices: Sequence[Span],
    numbers: Sequence[str] = TOTALLED,
) -> Found:
    """The same by column, for those that ask for thousands: `SLICE`, the keys, and these numbers of `TOTALLED`.

    Several rows can have the same place and values; they have to be added up.
    """
    where = without_what_all_hold(conn, where)
    asked = Asked(conn, keys, where, numbers)
    numbered = [(number, *span, CALLS) for number, span in enumerate(slices)]
    if not slices or _by_session(where):
        return asked.of_calls(numbered)
    phase_us = readable(conn)
    if not _by_thread(keys, where):
        kept, rest = in_pieces(slices, *kept_for(keys, where, phase_us))
        narrow = only_narrow(kept)
        single = narrow is not None and of_one_hour(kept)
        found = asked.of_sums(KEPT_IN_SLICES, RUNS, [as_runs(kept)], where, narrow, single=single)
        return found.plus(asked.of_calls(rest))
    whole, parted = threads_in(conn, where, slices)
    of_keys = _of_keys(where)
    found = asked.of_sums(KEPT_OF_THREADS, WHOLE, [as_json(whole)], of_keys)
    mixed = parted.sessions
    if parted.sessions and BARE_KEYS.issuperset(key for key in keys if key not in OF_THREADS):
        held = Held(parted.threads, parted.sessions, ())
        if not BARE_KEYS.issuperset(asked_of(of_keys)):
            # What only some of a session's calls hold cannot be told from these sums; what all hold need not be.
            held, of_keys = held_by(conn, parted.threads, of_keys), ALL
        mixed = held.mixed
        spells, rest = in_pieces(parted.within(slices), ((HOUR, SPELLS),), HOUR_US, phased_spells(phase_us))
        tables, values = f"{RUNS}, {CUT}", [as_runs(spells), as_json(held.threads)]
        found = found.plus(asked.of_sums(KEPT_IN_SPELLS, tables, values, of_keys, single=of_one_hour(spells)))
        if held.sessions:
            found = found.plus(asked.of_calls(rest, held.sessions))
    return found.plus(asked.of_calls(numbered, mixed)) if mixed else found


def without_what_all_hold(conn: sqlite3.Connection, where: Where) -> Where:
    """The same question without what holds for all that was ever charged: the sums that tell it apart are many more."""
    fixed = [name for name in KEYS if getattr(where, name) is not None]
    patterns = [pair for pair in where.match if pair[0] not in THREAD]
    each = [Where(**{name: getattr(where, name)}) for name in fixed] + [Where(match=(pair,)) for pair in patterns]
    if not each:
        return where
    terms, values = zip(*(condition(one, "k", "k") for one in each), strict=True)
    asked = ", ".join(f"min(({' AND '.join(of_one)}) IS TRUE)" for of_one in terms)
    holding = fetch(conn, _HOLDING.format(asked), list(chain.from_iterable(values)))[0]
    held = [one for one, holds in zip([*fixed, *patterns], holding, strict=True) if holds]
    return replace(
        where,
        **dict.fromkeys(name for name in fixed if name in held),
        match=tuple(pair for pair in where.match if pair not in held),
    )


def _by_session(where: Where) -> bool:
    """Whether an index leads to the calls that are asked for."""
    return (where.session, where.family) != (None, None)


def _by_thread(keys: Sequence[str], where: Where) -> bool:
    return not OF_THREADS.keys().isdisjoint(keys) or any(name in THREAD for name, _ in where.match)


def _of_keys(where: Where) -> Where:
    """What is asked of all but threads."""
    return replace(where, session=None, family=None, match=tuple(pair for pair in where.match if pair[0] not in THREAD))


def _folded(rows: Iterable[Row], keys: int) -> dict[Row, Totals]:
    """The sums by the first columns, put together where they come from several places."""
    found: dict[Row, Totals] = {}
    for row in rows:
        key, sums = row[:keys], totals_of(row[keys:])
        found[key] = found[key] + sums if key in found else sums
    return found
