"""What was charged, by all that moves a price: for those who ask whether there is one."""

from __future__ import annotations

import sqlite3

from msgspec import Struct, json

from tokenguard.ledger.failures import translated
from tokenguard.ledger.rows import Row
from tokenguard.records import Confidence, Context, Leg, Usage

_BUCKETS = ", ".join(f"coalesce(sum(l.{bucket}), 0)" for bucket in Usage.__struct_fields__)
_KIND = "c.provider, coalesce(l.model, c.model), l.tier, l.speed, l.geo, l.fees, c.marks"
# A call with several legs of a kind counts once: with the first of them that was billed.
_FIRST = """(l.call_id IS NULL OR l.idx = 0 OR NOT EXISTS (
        SELECT 1 FROM legs AS e
        WHERE e.call_id = l.call_id AND e.idx < l.idx AND e.billed AND e.model IS l.model
            AND e.tier IS l.tier AND e.speed IS l.speed AND e.geo IS l.geo AND e.fees IS l.fees))"""
# With the plus, SQLite reads the calls one after the other, not in the order of an index of the charged ones.
_KINDS = f"""
    SELECT {_KIND}, sum({_FIRST}), sum(coalesce(l.cost_nanos, c.cost_nanos)), min(c.confidence),
           max(c.started_us), {_BUCKETS}
    FROM calls AS c LEFT JOIN legs AS l ON l.call_id = c.id
    WHERE +c.state IN ('settled', 'presumed') AND iif(l.call_id IS NULL, c.cost_nanos > 0, l.billed)
    GROUP BY {_KIND}
"""


class Kind(Struct, frozen=True):
    """Charged legs that share provider, model, context, fees and the marks of their calls."""

    provider: str
    leg: Leg
    """With the sum of their usage; empty for calls that a crash left open, of which nothing more is known."""
    marks: tuple[str, ...]
    calls: int
    nanos: int
    confidence: Confidence
    latest_us: int
    """When the latest of the calls started."""


def kinds(conn: sqlite3.Connection) -> list[Kind]:
    """Everything that cost, or was free of charge, by kind; in no particular order."""
    with translated("read"):
        return [_kind_of(row) for row in conn.execute(_KINDS)]


def _kind_of(row: Row) -> Kind:
    provider, model, tier, speed, geo, fees, marks, calls, nanos, confidence, latest_us, *usage = row
    counted = json.decode(fees, type=tuple[tuple[str, int], ...]) if fees else ()
    return Kind(
        provider,
        Leg(model, Usage(*usage), context=Context(tier, speed, geo), fees=counted),
        json.decode(marks, type=tuple[str, ...]) if marks else (),
        calls,
        nanos or 0,
        Confidence(confidence or Confidence.EXACT),
        latest_us,
    )
