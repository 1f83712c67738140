"""Which threads are in a slice of time as a whole, so that the sums that are kept of them can be read."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct, json

from tokenguard.ledger.conditions import condition
from tokenguard.ledger.rollups import HOUR_US, THREADS
from tokenguard.ledger.rows import fetch
from tokenguard.ledger.sums import THREAD
from tokenguard.ledger.values import Where


class Parted(Struct, frozen=True):
    """Threads that are in more than one slice, or in part in one: of a session of which one thread is, all."""

    sessions: Sequence[str]
    threads: Sequence[int]
    first_us: int
    end_us: int

    def within(self, slices: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """The part of each slice in which they can have calls; empty where they have none."""
        begins = [max(since_us, self.first_us) for since_us, _ in slices]
        ends = [min(until_us, self.end_us) for _, until_us in slices]
        return [(begin, max(begin, end)) for begin, end in zip(begins, ends, strict=True)]


_HELD = f"""SELECT t.id, t.session, count(*), total(%s)
    FROM json_each(?) AS j CROSS JOIN rollups AS r ON r.size = {THREADS} AND r.start = j.value
    CROSS JOIN rollup_keys AS k ON k.id = r.key CROSS JOIN rollup_threads AS t ON t.id = r.start
    WHERE k.role <> 'part' GROUP BY t.id"""


class Held(Struct, frozen=True):
    """Threads whose calls all hold what is asked for, their sessions, and the sessions of which only some calls do."""

    threads: Sequence[int]
    sessions: Sequence[str]
    mixed: Sequence[str]


def held_by(conn: sqlite3.Connection, threads: Sequence[int], where: Where) -> Held:
    """Which of these threads have only calls for which this holds. Of sessions of which some do, no thread is told."""
    terms, values = condition(where, "k", "t")
    found = fetch(conn, _HELD % " AND ".join(terms), [*values, json.encode(threads).decode()])
    mixed = {session for _, session, sums, holding in found if 0 < holding < sums}
    whole = {thread: session for thread, session, _, holding in found if holding and session not in mixed}
    return Held(list(whole), sorted(set(whole.values())), sorted(mixed))


def threads_in(
    conn: sqlite3.Connection, where: Where, slices: Sequence[tuple[int, int]]
) -> tuple[list[tuple[int, int]], Parted]:
    """(thread, slice) of the sessions that are in one slice as a whole, and the others that are in any.

    Of `where`, only what is asked of threads is heeded. The slices ascend and do not overlap.
    """
    begins = [since_us for since_us, _ in slices]
    of_threads = Where(where.session, where.family, match=tuple(pair for pair in where.match if pair[0] in THREAD))
    terms, values = condition(of_threads, "t", "t")
    sql = f"SELECT t.id, t.session, t.first, t.last FROM rollup_threads AS t WHERE {' AND '.join([*terms, 'TRUE'])}"
    found: list[tuple[str, int, int, int, int]] = []
    parted: set[str] = set()
    for thread, session, first, last in fetch(conn, sql, values):
        first_us, end_us = first * HOUR_US, (last + 1) * HOUR_US
        if end_us > begins[0] and first_us < slices[-1][1]:
            number = bisect_right(begins, first_us) - 1
            found.append((session, thread, number, first_us, end_us))
            if number < 0 or end_us > slices[number][1]:
                parted.add(session)
    whole = [(thread, number) for session, thread, number, _, _ in found if session not in parted]
    others = [one for one in found if one[0] in parted]
    first_us, end_us = min((one[3] for one in others), default=0), max((one[4] for one in others), default=0)
    return whole, Parted(sorted(parted), [one[1] for one in others], first_us, end_us)
