"""What is measured and what logs tell, apart and beside each other."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC
from typing import Any

from msgspec.structs import replace

from tests.ledger.support import call, in_memory, settlement
from tokenguard.ledger import Where, logged, writes
from tokenguard.ledger.values import Logged, Logs
from tokenguard.records import Call, Charge, Confidence, Leg, Usage
from tokenguard.reports import report


def price(of: Call, leg: Leg) -> Charge:
    """Ten nanodollars a token."""
    return Charge(leg.usage.total * 10, Confidence.ESTIMATED, leg_nanos=(leg.usage.total * 10,))


def told() -> dict[str, Any]:
    """Of a ledger with two measured calls, one of them in part; a log tells of the first too, and of a third."""
    with closing(in_memory()) as conn:
        writes.settle(conn, replace(settlement(call(1), 1_000), usage=Usage(90, output=10), legs=()))
        writes.settle(conn, settlement(call(2), 500, Confidence.ESTIMATED))
        rows = (
            Logged("a", replace(call(0), origin="logged"), Leg("opus", Usage(90, output=5)), response_id="msg_1"),
            Logged("b", replace(call(0, session="ide"), origin="logged"), Leg("opus", Usage(7)), response_id="msg_9"),
        )
        logged.write(conn, Logs(rows=rows), price)
        return report(conn, ["origin"], None, None, Where(), UTC)


def test_measured_estimated_and_logged_stand_apart() -> None:
    found = told()
    assert {name: (sums["calls"], sums["cost_nanos"]) for name, sums in found["apart"].items()} == {
        "measured": (1, 1_000),
        "estimated": (1, 500),
        "logged": (1, 70),
    }
    assert [(row["origin"], row["calls"]) for row in found["rows"]] == [("measured", 2), ("logged", 1)]


def test_the_drift_is_over_the_calls_that_have_both() -> None:
    drift = told()["drift"]
    (session,) = drift.pop("by_session")
    assert drift == {
        "sessions": 1,
        "calls": 1,
        "measured_tokens": 100,
        "logged_tokens": 95,
        "measured_nanos": 1_000,
        "logged_nanos": 950,
        "drift": -0.05,
    }
    assert (session["session"], session["agent"], session["drift"]) == ("s1", "claude", -0.05)
