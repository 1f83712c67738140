"""What was charged, by what moves a price."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from msgspec.structs import replace

from tests.ledger.support import call, settlement
from tokenguard.errors import LedgerError
from tokenguard.ledger import writes
from tokenguard.ledger.kinds import Kind, kinds
from tokenguard.records import Amount, Call, Charge, Confidence, Context, Leg, Usage, Verdict

USAGE = Usage(input=10, output=2)
BOUND = Confidence.BOUND


def settle(conn: sqlite3.Connection, of: Call, *legs: tuple[Leg, int], marks: tuple[str, ...] = ()) -> None:
    nanos = tuple(cost for _, cost in legs)
    charge = Charge(sum(nanos), BOUND if marks else Confidence.EXACT, marks, nanos)
    done = replace(settlement(of), charge=charge, legs=tuple(leg for leg, _ in legs))
    writes.settle(conn, done)


def found(conn: sqlite3.Connection) -> list[Kind]:
    return sorted(kinds(conn), key=lambda kind: (kind.leg.model, kind.nanos))


def test_what_is_priced_alike_is_one_kind(conn: sqlite3.Connection) -> None:
    first, second = call(1), call(2)
    settle(conn, first, (Leg("opus", USAGE), 5))
    settle(conn, second, (Leg("opus", USAGE), 7))
    assert found(conn) == [
        Kind("anthropic", Leg("opus", USAGE + USAGE), (), 2, 12, Confidence.EXACT, second.started_us)
    ]


def test_whatever_moves_the_price_makes_it_another(conn: sqlite3.Connection) -> None:
    legs = [
        Leg("a", USAGE),
        Leg("b", USAGE, context=Context("flex")),
        Leg("b", USAGE, context=Context(None, "fast")),
        Leg("b", USAGE, context=Context(None, None, "us")),
        Leg("b", USAGE, fees=(("web_search", 2),)),
    ]
    for number, leg in enumerate(legs, 1):
        settle(conn, call(number), (leg, number))
    settle(conn, call(6), (Leg("b", USAGE), 6), marks=("unknown-model:priced-as=opus",))
    assert [kind.leg for kind in found(conn)] == [*legs, Leg("b", USAGE)]
    assert [kind.marks for kind in found(conn)] == [(), (), (), (), (), ("unknown-model:priced-as=opus",)]
    assert [kind.confidence for kind in found(conn)] == [Confidence.EXACT] * 5 + [BOUND]


def test_legs_count_by_their_own_model_and_cost(conn: sqlite3.Connection) -> None:
    settle(conn, call(1), (Leg("haiku", USAGE), 3), (Leg("opus", USAGE), 9))
    assert [(kind.leg.model, kind.calls, kind.nanos) for kind in found(conn)] == [("haiku", 1, 3), ("opus", 1, 9)]


def test_a_call_with_several_legs_of_a_kind_counts_once(conn: sqlite3.Connection) -> None:
    unbilled = (Leg("opus", USAGE, billed=False), 0)
    settle(conn, call(1), (Leg("opus", USAGE), 3), (Leg("haiku", USAGE), 1), (Leg("opus", USAGE), 4))
    settle(conn, call(2), unbilled, (Leg("opus", USAGE), 5), (Leg("opus", USAGE, context=Context("flex")), 9))
    assert [(kind.leg.model, kind.leg.context.tier, kind.calls, kind.nanos) for kind in found(conn)] == [
        ("haiku", None, 1, 1),
        ("opus", "flex", 1, 9),
        ("opus", None, 2, 12),
    ]


def test_what_was_not_charged_is_of_no_kind(conn: sqlite3.Connection) -> None:
    settle(conn, call(1), (Leg("unbilled", USAGE, billed=False), 0))
    settle(conn, call(2))  # failed before its output
    writes.settle(conn, replace(settlement(call(3)), charge=None, legs=()))  # not metered
    writes.refuse(conn, call(4), Verdict("refuse", "day", "used up"))
    writes.reserve(conn, call(5), Amount(9, 9, 1), None)
    assert found(conn) == []


def test_what_a_crash_left_open_is_of_its_request_s_model(conn: sqlite3.Connection) -> None:
    writes.reserve(conn, call(1), Amount(9, 9, 1), None)
    writes.presume(conn, call(2).started_us, 2)
    assert found(conn) == [Kind("anthropic", Leg("opus"), (), 1, 9, BOUND, call(1).started_us)]


def test_a_file_that_is_no_ledger() -> None:
    with (
        closing(sqlite3.connect(":memory:")) as none,
        pytest.raises(LedgerError, match="the ledger cannot be read"),
    ):
        kinds(none)
