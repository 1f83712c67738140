"""Sums that an agent keeps of a session, as rows of what they grew by, less what was measured of that."""

from __future__ import annotations

import sqlite3

from msgspec.structs import astuple, replace

from tokenguard.ledger import echoes
from tokenguard.ledger.echoes import AFTER_US, UNHEARD
from tokenguard.ledger.rows import places
from tokenguard.ledger.sums import BUCKETS
from tokenguard.ledger.values import Logged
from tokenguard.records import Usage

_USAGE = ", ".join(BUCKETS)

SUMS = "log-sums"
"""In place of a dialect: the row may be of many responses, so that its prompt is nobody's. See `habits`."""

_SEEN = f"SELECT seen, cost_nanos, {_USAGE} FROM log_totals WHERE log_key = ? AND agent = ?"
_PUT_TOTAL = f"""INSERT OR REPLACE INTO log_totals (log_key, agent, seen, cost_nanos, {_USAGE})
    VALUES (?, ?, ?, ?, {places(_USAGE)})"""

_DAY_US = 86_400_000_000
_SLACK = 10
"""A part, one in so many, by which an agent may reckon otherwise than what was measured."""
_MEASURED = f"""SELECT id, model, started_us, coalesce(cost_nanos, 0), {_USAGE} FROM calls
    WHERE started_us BETWEEN :since AND :until AND {UNHEARD} AND coalesce(repo, '') = coalesce(:repo, repo, '')
        AND agent = :agent ORDER BY started_us, id"""


def since_last(conn: sqlite3.Connection, row: Logged) -> Logged | None:
    """What sums of a session grew by since they were seen last and no measured call tells; None if that is nothing.

    Where a part fell all began anew, but for sums of which the cost went on growing: there only that part did.
    """
    seen, cost, before = 0, 0, (0,) * len(BUCKETS)
    for number, nanos, *buckets in conn.execute(_SEEN, (row.key, row.call.agent)):
        seen, cost, before = number, nanos or 0, tuple(buckets)
    now, stated = astuple(row.leg.usage), row.leg.cost_nanos
    fell = any(new < old for new, old in zip(now, before, strict=True)) or (stated or 0) < cost
    if fell and not cost <= (stated or 0) > 0:
        cost, before = 0, (0,) * len(BUCKETS)
    grown = tuple(new - old if new >= old else new for new, old in zip(now, before, strict=True))
    since = None if stated is None else stated - cost
    if not any(grown) and not since:
        return None
    conn.execute(_PUT_TOTAL, (row.key, row.call.agent, seen + 1, stated, *now))
    leg = replace(row.leg, usage=Usage(*grown), cost_nanos=since)
    call = replace(row.call, dialect=SUMS)
    return _lessened(conn, Logged(f"{row.key}#{seen + 1}", call, leg, parent=row.parent, summed=True))


def _lessened(conn: sqlite3.Connection, row: Logged) -> Logged | None:
    """What sums of a session grew by, less what measured calls tell of already; None if that is all of it.

    Nothing says which calls sums are of: those of the same agent in the same repository are taken, of the day before,
    as long as they fit into what is left, in dollars where the sums tell these, else in tokens. Each is taken once.
    """
    at_us, leg = row.call.started_us, row.leg
    in_dollars = bool(leg.cost_nanos)
    whole = left = leg.cost_nanos or leg.usage.total
    usage = leg.usage
    for call_id, model, began_us, nanos, *buckets in conn.execute(
        _MEASURED,
        {"since": at_us - _DAY_US, "until": at_us + AFTER_US, "agent": row.call.agent, "repo": row.call.repo},
    ).fetchall():
        told = Usage(*buckets)
        size = nanos if in_dollars else told.total
        if not size or size * _SLACK > left * (_SLACK + 1):
            continue
        left = max(0, left - size)
        usage = Usage(*(max(0, new - old) for new, old in zip(astuple(usage), buckets, strict=True)))
        of = replace(row.call, started_us=began_us)
        echoes.put(conn, call_id, Logged(f"{row.key}/{call_id}", of, replace(leg, model=model, usage=told)), nanos)
    if left == whole:
        return row
    if left * _SLACK <= whole:
        return None
    return replace(row, leg=replace(leg, usage=usage, cost_nanos=left if in_dollars else leg.cost_nanos))
