from __future__ import annotations

from tests.ledger.support import call
from tokenguard.ledger import Decision, Ledger, Raise
from tokenguard.ledger.audit import trail
from tokenguard.records import Unit, Verdict


async def test_what_was_done_last_stands_first(ledger: Ledger) -> None:
    await ledger.refuse(call(1), Verdict("refuse", "day", "it is used up"))
    await ledger.raise_budget(Raise("day", "/src/web", 5, Unit.USD, "release", "ada", created_us=10, expires_us=90))
    await ledger.decide(Decision(at_us=30, kind="deny", who="bob", call_id=1, budget="web/day", reason="too dear"))
    await ledger.decide(Decision(at_us=20, kind="release", who="ada", budget="day", key="", amount=2, unit=Unit.CALLS))
    found = trail(ledger.read(), 10)
    assert [(one.at_us, one.kind, one.who, one.amount, one.unit) for one in found] == [
        (30, "deny", "bob", None, None),
        (20, "release", "ada", 2, Unit.CALLS),
        (10, "raise", "ada", 5, Unit.USD),
    ]
    assert (found[0].session, found[0].agent, found[0].model, found[0].reason) == ("s1", "claude", "opus", "too dear")
    assert (found[2].key, found[2].reason, found[2].expires_us, found[2].session) == ("/src/web", "release", 90, None)
    assert [one.kind for one in trail(ledger.read(), 1)] == ["deny"]
