from __future__ import annotations

from msgspec.structs import replace

from tests.ledger.support import SECOND_US, call, settlement
from tokenguard.ledger import Decision, Ledger
from tokenguard.ledger.turns import turns
from tokenguard.records import Amount, Leg, Usage, Verdict


async def test_the_calls_of_a_session_as_they_went(ledger: Ledger) -> None:
    for number in (1, 2, 4):
        await ledger.reserve(call(number), Amount())
    await ledger.reserve(call(5, session="other"), Amount())
    searched = Leg("opus", Usage(input=10, output=2), fees=(("web_search", 2),))
    again = Leg("haiku", Usage(), kind="advisor_message", fees=(("web_fetch", 1), ("web_search", 1)))
    await ledger.settle(settlement(call(1), 100))
    await ledger.settle(replace(settlement(call(2), 20), legs=(searched, again), outcome="client-gone"))
    await ledger.refuse(call(3), Verdict("refuse", "web/day", "it is used up"))
    await ledger.decide(Decision(at_us=7, kind="deny", who="ada", call_id=3, budget="web/day", reason="too dear"))
    found = turns(ledger.read(), "s1", 10)
    assert [(turn.call.id, turn.outcome, turn.cost_nanos) for turn in found] == [
        (1, "ok", 100),
        (2, "client-gone", 20),
        (3, "refused", None),
        (4, "running", None),
    ]
    assert found[0].usage == Usage(input=10, output=2) and found[0].ended_us == call(1).started_us + SECOND_US
    assert (found[0].fees, found[0].decisions) == ((), ())
    assert found[1].fees == (("web_fetch", 1), ("web_search", 3))
    assert (found[2].budget, found[2].reason) == ("web/day", "it is used up")
    assert [(one.kind, one.who, one.reason) for one in found[2].decisions] == [("deny", "ada", "too dear")]
    assert [turn.call.id for turn in turns(ledger.read(), "s1", 2)] == [3, 4]
    assert turns(ledger.read(), "nobody", 10) == []
