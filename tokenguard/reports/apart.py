"""How what a report tells is known: measured to the last token, measured with doubts, or from logs only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from tokenguard.ledger.drift import Drift, drift
from tokenguard.ledger.queries import grouped
from tokenguard.ledger.values import Where
from tokenguard.records import Totals
from tokenguard.reports.columns import share
from tokenguard.reports.rows import sums

APART = ("origin", "confidence")
"""By what it is told."""

_SESSIONS = 10
"""Sessions whose drift is told one by one: those that are furthest apart."""


def apart(conn: sqlite3.Connection, where: Where, since_us: int | None, until_us: int | None) -> dict[str, Totals]:
    """The sums of a report, `measured` exactly, `estimated` (measured, but not to the end), and `logged`."""
    return parts_of((group.key, group.totals) for group in grouped(conn, APART, where, since_us, until_us))


def told_apart(groups: Iterable[tuple[tuple[str | None, ...], Totals]]) -> dict[str, Any]:
    """The same, of sums by `APART`, as JSON."""
    return {name: sums(totals) for name, totals in parts_of(groups).items()}


def parts_of(groups: Iterable[tuple[tuple[str | None, ...], Totals]]) -> dict[str, Totals]:
    """The same, of sums by `APART`."""
    found = {name: Totals() for name in ("measured", "estimated", "logged")}
    for (origin, confidence), totals in groups:
        name = "logged" if origin == "logged" else "measured" if confidence == "exact" else "estimated"
        found[name] += totals
    return found


def drifts(conn: sqlite3.Connection, where: Where, since_us: int | None, until_us: int | None) -> dict[str, Any]:
    """How far logs are from what was measured, over the calls of which both tell; and the sessions furthest apart."""
    found = drift(conn, where, since_us, until_us)
    found.sort(key=lambda one: (-abs(one.logged_nanos - one.measured_nanos), one.session))
    whole = Drift(
        "",
        "",
        sum(one.calls for one in found),
        sum(one.measured_tokens for one in found),
        sum(one.logged_tokens for one in found),
        sum(one.measured_nanos for one in found),
        sum(one.logged_nanos for one in found),
    )
    sessions = [{"session": one.session, "agent": one.agent, **_told(one)} for one in found[:_SESSIONS]]
    return {"sessions": len(found), **_told(whole), "by_session": sessions}


def _told(one: Drift) -> dict[str, Any]:
    return {
        "calls": one.calls,
        "measured_tokens": one.measured_tokens,
        "logged_tokens": one.logged_tokens,
        "measured_nanos": one.measured_nanos,
        "logged_nanos": one.logged_nanos,
        "drift": share(one.logged_nanos - one.measured_nanos, one.measured_nanos),
    }
