"""A question for advice as people put it, on the command line and to the control API alike."""

from __future__ import annotations

import sqlite3
from typing import Any

from msgspec import Struct

from tokenguard.errors import UsageError
from tokenguard.prices import Catalogue
from tokenguard.reports.advice import advise
from tokenguard.reports.instants import instant_at, parse_instant, zone_of


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """Of which time."""

    since: str = "30d"
    until: str | None = None
    """Not included any more; now without it."""
    timezone: str | None = None


def answer(conn: sqlite3.Connection, catalogue: Catalogue, question: Question, now_us: int) -> dict[str, Any]:
    """The advice, with the time that it is of. Raises `UsageError` for what makes no sense, and `LedgerError`."""
    zone = zone_of(question.timezone)
    since_us = parse_instant(question.since, now_us, zone)
    until_us = now_us if question.until is None else parse_instant(question.until, now_us, zone)
    if until_us <= since_us:
        raise UsageError(f"until {question.until or 'now'} is not after since {question.since}", "swap them")
    span = {"since": instant_at(since_us, zone), "until": instant_at(until_us, zone)}
    return {**span, **advise(conn, catalogue, since_us, until_us)}
