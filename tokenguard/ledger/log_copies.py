"""Two tellings of one response by logs: what holds of each, and where it belongs."""

from __future__ import annotations

import sqlite3

from msgspec.structs import astuple, replace

from tokenguard.ledger.log_rows import leg_of
from tokenguard.ledger.values import Logged
from tokenguard.prices import terms
from tokenguard.records import Charge, Context, Leg, Usage

_PLAIN = Context()


def merged(conn: sqlite3.Connection, before: Logged, charge: Charge, new: Logged) -> Logged | None:
    """Both together; None if that is what was known. Of two copies the earliest holds that is no side chain."""
    if new.anew:
        # Of copies that nothing tells apart, the one stays that was found first, also where all are read again.
        there = rank(new) < rank(before) or new.call.session == before.call.session
        place = new if there else replace(before, call=replace(before.call, model=new.call.model))
        fresh = replace(new, call=replace(place.call, id=before.call.id), copied=place.copied)
        known = new.leg.cost_nanos in (None, charge.nanos)
        return None if known and _tells_the_same(fresh, before, leg_of(conn, before)) else fresh
    usage = largest(before.leg.usage, new.leg.usage)
    leg = leg_of(conn, before)
    stated = new.leg.cost_nanos
    place = new if rank(new) < rank(before) else before
    if usage == leg.usage and place is before and stated in (None, charge.nanos):
        return None
    model = new.leg.model or leg.model
    fees = max(leg.fees, new.leg.fees, key=lambda fees: sum(count for _, count in fees))
    context = new.leg.context if new.leg.context != _PLAIN else leg.context
    whole = Leg(model, usage, context=context, fees=fees, cost_nanos=stated)
    call = replace(place.call, id=before.call.id, model=model or place.call.model)
    return Logged(before.key, call, whole, before.response_id or new.response_id, copied=place.copied)


def _tells_the_same(one: Logged, before: Logged, leg: Leg) -> bool:
    context = None if terms.is_standard(one.leg.context) else one.leg.context
    known = None if terms.is_standard(leg.context) else leg.context
    of_both = (one.call, one.leg.usage, one.leg.fees, context, one.response_id, one.copied)
    return of_both == (before.call, leg.usage, leg.fees, known, before.response_id, before.copied)


def rank(row: Logged) -> tuple[bool, bool, int]:
    """Which of two copies tells where a response belongs: the lesser one."""
    return row.call.request_class == "sub-agent", row.copied, row.call.started_us


def largest(one: Usage, other: Usage) -> Usage:
    """Bucket by bucket the greater count."""
    return Usage(*map(max, astuple(one), astuple(other)))
