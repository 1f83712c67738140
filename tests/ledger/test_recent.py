from __future__ import annotations

from msgspec.structs import replace

from tests.ledger.support import SECOND_US, START_US, call, settlement
from tokenguard.ledger import Ledger
from tokenguard.ledger.recent import minutes, recent
from tokenguard.records import Amount, Confidence, Usage, Verdict

MINUTE = START_US // 60_000_000


async def put(ledger: Ledger) -> None:
    for number in (1, 2, 70):
        await ledger.reserve(call(number), Amount())
    await ledger.settle(settlement(call(1), 100))
    await ledger.settle(settlement(call(70), 20, Confidence.ESTIMATED))
    plan = replace(call(3), billing="subscription")
    await ledger.reserve(plan, Amount())
    await ledger.settle(settlement(plan, 1_000))
    await ledger.refuse(call(4), Verdict("refuse", "day", "it is used up"))


async def test_the_last_calls_that_do_not_run_any_more(ledger: Ledger) -> None:
    await put(ledger)
    found = recent(ledger.read(), 3)
    assert [(past.call.id, past.outcome, past.cost_nanos) for past in found] == [
        (3, "ok", 1_000),
        (4, "refused", None),
        (70, "ok", 20),
    ]
    assert (found[1].reason, found[1].ended_us) == ("it is used up", call(4).started_us)
    assert (found[2].confidence, found[2].usage) == (Confidence.ESTIMATED, Usage(input=10, output=2))
    assert found[2].ended_us == START_US + 71 * SECOND_US
    assert len(recent(ledger.read(), 100)) == 4


async def test_what_was_billed_in_each_minute(ledger: Ledger) -> None:
    await put(ledger)
    assert minutes(ledger.read(), 0) == {MINUTE: 100, MINUTE + 1: 20}
    assert minutes(ledger.read(), START_US + 2 * SECOND_US) == {MINUTE + 1: 20}
