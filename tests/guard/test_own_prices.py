"""The user's own prices, and providers on this machine, in admission and settlement."""

from __future__ import annotations

from tests.support.house import CATALOGUE, House, answer, request
from tokenguard.ledger import queries
from tokenguard.prices import Override, adapt
from tokenguard.prices.data import Band, Prices
from tokenguard.records import Amount, Budget, Call, Confidence, Facts, Session, Usage

CENT = 10_000_000
CHEAP = Override("anthropic", "claude-*", (Prices((Band(0, 10**9, 10**9),), own=True),))


async def spent(house: House) -> Amount:
    await house.guard.counting.tally.written()
    return queries.spent(house.ledger.read())[0]


def at_ollama(house: House, session: Session, facts: Facts) -> Call:
    return house.guard.begin(session, provider="ollama", dialect="openai-chat", facts=facts, headers={})


async def test_prices_that_change_hold_for_the_calls_that_settle_from_then_on(house: House) -> None:
    session = await house.session()
    assert await house.call(session)
    assert (await spent(house)).nanos == 2 * CENT
    house.guard.reload(house.config(), adapt(CATALOGUE, [CHEAP], {}))
    assert await house.call(session)
    assert (await spent(house)).nanos == 2 * CENT + CENT // 10


async def test_what_is_set_aside_follows_them(house: House) -> None:
    session = await house.session()
    house.guard.reload(house.config(Budget("day", 100 * CENT, mode="strict")), adapt(CATALOGUE, [CHEAP], {}))
    call = house.begin(session)
    await house.guard.admit(call, request())
    reserved = house.desk.status()["budgets"][0]["reserved"]
    house.guard.settle(call, answer(), status=200, outcome="ok")
    house.guard.reload(house.config(Budget("day", 100 * CENT, mode="strict")), CATALOGUE)
    call = house.begin(session)
    await house.guard.admit(call, request())
    assert 0 < reserved < house.desk.status()["budgets"][0]["reserved"]


async def test_a_configuration_without_prices_leaves_them(house: House) -> None:
    session = await house.session()
    house.guard.reload(house.config(), adapt(CATALOGUE, [CHEAP], {}))
    house.guard.reload(house.config())
    assert await house.call(session)
    assert (await spent(house)).nanos == CENT // 10


async def test_a_provider_on_this_machine_is_free_and_still_counted(house: House) -> None:
    here = adapt(CATALOGUE, [], {"ollama": "http://localhost:11434"})
    house.guard.reload(house.config(Budget("dollars", 1, mode="strict"), Budget("tokens", 10**6)), here)
    session = await house.session()
    facts = request(model="qwen3:32b")
    call = at_ollama(house, session, facts)
    admission = await house.guard.admit(call, facts)
    assert admission.refusal is None
    house.guard.settle(call, answer(model="qwen3:32b", input=500), status=200, outcome="ok")
    assert await spent(house) == Amount(0, 1_500, 1, Usage(500, output=1_000))
    row = house.ledger.read().execute("SELECT cost_nanos, confidence, marks FROM calls").fetchone()
    assert row == (0, Confidence.EXACT, '["local-host"]')


async def test_a_provider_that_the_list_knows_is_not_free_wherever_it_is(house: House) -> None:
    here = adapt(CATALOGUE, [], {"anthropic": "http://127.0.0.1:4000"})
    house.guard.reload(house.config(), here)
    session = await house.session()
    assert await house.call(session)
    assert (await spent(house)).nanos == 2 * CENT
