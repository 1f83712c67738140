"""`GET /v1/recent`: what happened before somebody began to listen, in the words of the events."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tokenguard.guard.telling import told_of
from tokenguard.ledger import queries
from tokenguard.ledger.recent import Past, minutes, recent

_MOST = 1_000
_MINUTE_US = 60_000_000


class _Asked(Struct, frozen=True, forbid_unknown_fields=True):
    calls: int = 200
    minutes: int = 60


def answer(ledger: Path, query: dict[str, str]) -> dict[str, Any]:
    """The last calls as the events that told of their ends, the oldest first, and what was billed in each minute.

    `cost_nanos` is null where it is not known. Blocks for as long as the ledger takes. Raises `LedgerError`, or a
    `ValidationError` for what is not a query.
    """
    asked = msgspec.convert(query, _Asked, strict=False)
    since_us = time.time_ns() // 1_000 - min(asked.minutes, _MOST) * _MINUTE_US
    with closing(queries.connect_readonly(ledger)) as conn, queries.snapshot(conn):
        calls = recent(conn, max(0, min(asked.calls, _MOST)))
        return {"calls": [_event(past) for past in calls], "minutes": sorted(minutes(conn, since_us).items())}


def _event(past: Past) -> dict[str, Any]:
    told = told_of(past.call)
    if past.outcome == "refused":
        told |= {"budget": None, "reason": past.reason or ""}
        return {"type": "call.refused", "at_us": past.ended_us, "data": told}
    told |= {
        "outcome": past.outcome,
        "usage": past.usage,
        "cost_nanos": past.cost_nanos,
        "confidence": past.confidence,
    }
    return {"type": "call.settled", "at_us": past.ended_us, "data": told}
