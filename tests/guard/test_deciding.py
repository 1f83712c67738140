"""What becomes of calls that budgets can take, and of those that they cannot."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.guard.support import CENT, admit, row, settle, spend
from tests.support.house import Clock, House, answer, request
from tokenguard.config.sections import PreflightSettings
from tokenguard.errors import UsageError
from tokenguard.guard import Admission
from tokenguard.ledger import queries
from tokenguard.policy.retrying import is_safe
from tokenguard.records import Budget, Call, Reading, Session, Unit


async def test_a_landing_reserve_is_kept_until_it_is_released(house: House) -> None:
    house.budgets(Budget("day", 100 * CENT, landing=50 * CENT, window="day"))
    session = await house.session()
    await spend(house, session, 50)
    refused = await admit(house, session)
    assert refused.refusal is not None and "kept for landing" in refused.verdict.reason
    assert "To save the work: tokenguard budget land day." in refused.verdict.reason
    (budget,) = house.desk.status()["budgets"]
    assert (budget["landing"], budget["landing_released"], budget["level"]) == (50 * CENT, False, "info")
    released = await house.desk.grants.release_landing("day", "to save the work")
    assert released["landing_released"] is True
    with pytest.raises(UsageError, match="open already"):
        await house.desk.grants.release_landing("day", "again")
    settle(house, await admit(house, session))
    await house.guard.counting.tally.written()
    await house.reopen(Budget("day", 100 * CENT, landing=50 * CENT, window="day"))
    assert (await house.session()) and house.desk.status()["budgets"][0]["landing_released"] is True
    house.clock.now_us += 24 * 3_600_000_000
    assert house.desk.status()["budgets"][0]["landing_released"] is False


async def test_a_landing_reserve_can_open_by_itself(house: House) -> None:
    house.budgets(Budget("day", 100 * CENT, landing=50 * CENT, landing_release="auto"))
    session = await house.session()
    await spend(house, session, 50)
    admission = await admit(house, session)
    assert admission.refusal is None and "landing" in admission.verdict.reason
    (decision,) = queries.decisions(house.ledger.read())
    assert (decision.kind, decision.who, decision.amount) == ("release", "tokenguard", 50 * CENT)


async def test_a_rolling_window_lets_go_of_what_is_too_old(house: House) -> None:
    house.budgets(Budget("hours", 10 * CENT, window="rolling 5h"))
    session = await house.session()
    await spend(house, session, 10)
    assert (await admit(house, session)).refusal is not None
    house.clock.now_us += 5 * 3_600_000_000 - 1
    assert (await admit(house, session)).refusal is not None
    house.clock.now_us += 1
    admission = await admit(house, session)
    assert admission.refusal is None
    assert house.desk.status()["budgets"][0]["spent"] == 0


async def test_what_a_rolling_window_has_let_go_of_is_not_shown_any_more(house: House) -> None:
    house.budgets(Budget("minute", 100 * CENT, scope="provider", window="rolling 1m"))
    await spend(house, await house.session(), 10)
    assert [one["label"] for one in house.desk.status()["budgets"]] == ["anthropic/minute"]
    house.clock.now_us += 60_000_000
    assert house.desk.status()["budgets"] == []


async def test_a_call_that_outlasts_a_rolling_window_holds_nothing_in_it(house: House) -> None:
    house.budgets(Budget("minute", 100 * CENT, window="rolling 1m"), Budget("day", 100 * CENT, window="day"))
    admission = await admit(house, await house.session())
    assert all(one["reserved"] > 0 for one in house.desk.status()["budgets"])
    house.clock.now_us += 61_000_000
    reserved = {one["name"]: one["reserved"] for one in house.desk.status()["budgets"]}
    assert reserved["minute"] == 0 < reserved["day"]
    settle(house, admission)
    assert {one["name"]: one["spent"] for one in house.desk.status()["budgets"]} == {"minute": 0, "day": 2 * CENT}


async def test_one_bucket_of_tokens(house: House) -> None:
    house.budgets(Budget("out", 3_000, unit=Unit.TOKENS, bucket="output"))
    session = await house.session()
    for _ in range(2):
        admission = await admit(house, session)
        house.guard.settle(admission.call, answer(output=1_500, input=50_000), status=200, outcome="ok")
    assert house.desk.status()["budgets"][0]["spent"] == 3_000
    assert (await admit(house, session)).refusal is not None


async def told_levels(house: House, *cents: int) -> list[str]:
    """The levels that are told of while so much is spent, call by call."""
    with house.desk.subscribe() as events:
        for amount in cents:
            await spend(house, None, amount)
        house.guard.tell("end", {})
        told: list[str] = []
        async for event in events:
            if event.type == "budget.level":
                told.append(str(event.data["level"]))
            if event.type == "end":
                return told
    return told


async def test_every_level_is_told_once_even_across_a_restart(house: House, clock: Clock) -> None:
    day = Budget("day", 100 * CENT, window="day")
    house.budgets(day)
    assert await told_levels(house, 40, 15, 1, 25, 1) == ["info", "warn"]
    await house.guard.counting.tally.written()
    await house.reopen(day)
    assert await told_levels(house, 1, 20) == ["hard"]
    await house.desk.grants.raise_budget("day", "1", "more", None)
    assert await told_levels(house, 1, 60, 50) == ["warn", "hard"], "there was room again"
    clock.now_us += 24 * 3_600_000_000
    assert await told_levels(house, 60) == ["info"]


async def test_a_dear_call_is_noticed_before_it_is_made(house: House) -> None:
    house.guard.reload(replace(house.config(), preflight=PreflightSettings(above="$0.50", at_limit="warn")))
    session = await house.session()
    assert (await admit(house, session)).verdict.action == "allow"
    admission = await admit(house, session, request(size=4_000_000))
    assert admission.verdict.action == "warn" and "uncached tokens, about" in admission.verdict.reason
    assert admission.refusal is None


class TestSubscription:
    HEADERS = {"authorization": "Bearer sk-ant-oat01-x"}

    def begin(self, house: House, session: Session) -> Call:
        return house.guard.begin(
            session, provider="anthropic", dialect="anthropic-messages", facts=request(), headers=self.HEADERS
        )

    async def call(self, house: House, session: Session, headers: dict[str, str]) -> Admission:
        call = self.begin(house, session)
        admission = await house.guard.admit(call, request())
        if admission.refusal is None:
            house.guard.answered(admission.call, headers)
            settle(house, admission)
        return admission

    async def test_its_dollars_are_notional_and_stand_apart(self, house: House, clock: Clock) -> None:
        house.budgets(Budget("billed", 1 * CENT), Budget("all", 100 * CENT, counts="all"))
        session = await house.session()
        assert (await self.call(house, session, {})).refusal is None
        status = house.desk.status()
        assert {one["name"]: one["spent"] for one in status["budgets"]} == {"billed": 0, "all": 2 * CENT}
        (told,) = [one for one in status["sessions"] if one["id"] == session.id]
        assert (told["cost_nanos"], told["notional_nanos"]) == (0, 2 * CENT)
        await house.guard.counting.tally.written()
        totals = queries.totals(house.ledger.read())
        assert (totals.cost_nanos, totals.notional_nanos) == (0, 2 * CENT)

    async def test_an_official_window_can_be_a_budget(self, house: House) -> None:
        house.budgets(Budget("mine", 90, unit=Unit.PERCENT, official="anthropic/five_hour"))
        session = await house.session()
        used = {
            "anthropic-ratelimit-unified-5h-utilization": "0.91",
            "anthropic-ratelimit-unified-5h-reset": "1795266000",
        }
        assert (await self.call(house, session, used)).refusal is None
        (window,) = house.desk.status()["windows"]
        assert (window["provider"], window["name"], window["used_percent"]) == ("anthropic", "five_hour", 91.0)
        refused = await self.call(house, session, used)
        assert refused.refusal is not None and refused.verdict.budget == "mine"
        assert "91%" in refused.verdict.reason and "It resets at 13:00" in refused.verdict.reason
        raised = await house.desk.grants.raise_budget("mine", "5%", "nearly done", None)
        assert raised["limit"] == 95
        assert (await self.call(house, session, {})).refusal is None
        house.clock.now_us = 1_795_266_000_000_000
        assert (await self.call(house, session, {})).refusal is None, "it has been reset"
        await house.guard.tick()
        assert house.desk.status()["budgets"][0]["limit"] == 90, "and the raise is over"

    async def test_the_first_call_that_would_cost_credits_can_be_refused(self, house: House) -> None:
        house.budgets(Budget("credits", 0, match=(("billing", "credits"),)))
        session = await house.session()
        used = {
            "anthropic-ratelimit-unified-status": "allowed",
            "anthropic-ratelimit-unified-5h-utilization": "1.0",
            "anthropic-ratelimit-unified-5h-reset": "1795266000",
        }
        assert (await self.call(house, session, used)).refusal is None
        assert (await self.call(house, session, used)).refusal is not None

    async def test_who_paid_in_the_end_counts(self, house: House) -> None:
        house.budgets(Budget("billed", 100 * CENT))
        session = await house.session()
        over = {"anthropic-ratelimit-unified-status": "allowed", "anthropic-ratelimit-unified-overage-in-use": "true"}
        await self.call(house, session, over)
        assert house.desk.status()["budgets"][0]["spent"] == 2 * CENT
        await house.guard.counting.tally.written()
        assert queries.totals(house.ledger.read()).cost_nanos == 2 * CENT


async def test_a_call_that_answers_more_than_usual_holds_more(house: House) -> None:
    house.budgets(Budget("day", 1_000 * CENT), Budget("strict", 1_000 * CENT, mode="strict"))
    session = await house.session()
    admission = await admit(house, session, request(max_output=64_000))
    reserved = [{one["name"]: one["reserved"] for one in house.desk.status()["budgets"]}]
    for tokens in (10, 3_000, 6_000):
        house.guard.progress(admission.call, Reading(state="partial", output_bytes=4 * tokens))
        reserved.append({one["name"]: one["reserved"] for one in house.desk.status()["budgets"]})
    begun, little, more, most = (one["day"] for one in reserved)
    assert begun == little < more < most
    assert more > 3_000 * 20_000
    assert len({one["strict"] for one in reserved}) == 1, "the worst case holds all the same"
    settle(house, admission)
    assert [one["reserved"] for one in house.desk.status()["budgets"]] == [0, 0]


async def test_a_call_that_cannot_be_changed_as_its_budget_asks_counts_nowhere(house: House) -> None:
    house.budgets(Budget("calls", 10, unit=Unit.CALLS))
    admission = await admit(house, await house.session())
    house.guard.settle(admission.call, Reading(), status=None, outcome="refused-here")
    await house.guard.counting.tally.written()
    (budget,) = house.desk.status()["budgets"]
    assert (budget["spent"], budget["reserved"], house.guard.busy) == (0, 0, 0)
    await house.reopen(Budget("calls", 10, unit=Unit.CALLS))
    assert row(house, admission.call)[0] == "refused"
    assert queries.totals(house.ledger.read()).calls == 0


@pytest.mark.parametrize(
    ("on_error", "mode", "forwarded"),
    [("open", "calibrated", True), ("closed", "calibrated", False), ("open", "strict", False)],
)
async def test_a_call_that_cannot_be_decided(
    house: House, monkeypatch: pytest.MonkeyPatch, on_error: str, mode: str, forwarded: bool
) -> None:
    house.guard.reload(house.config(Budget("day", 1_000 * CENT, mode=mode), on_error=on_error))
    session = await house.session()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tokenguard.guard.reserving.Reserver.reservation", broken)
    admission = await admit(house, session)
    assert (admission.refusal is None) is forwarded
    if not forwarded:
        assert is_safe(admission.verdict.reason)
        return
    settle(house, admission)
    await house.guard.counting.tally.written()
    (marks,) = house.ledger.read().execute("SELECT marks FROM calls").fetchone()
    assert "unguarded" in marks
    assert house.desk.status()["budgets"][0]["spent"] == 2 * CENT


async def test_a_budget_says_that_many_calls_at_once_pass_it_more_often(house: House) -> None:
    house.budgets(Budget("day", 100_000 * CENT), Budget("strict", 100_000 * CENT, mode="strict"))
    session = await house.session()
    admissions = [await admit(house, session) for _ in range(9)]
    for admission in admissions:
        settle(house, admission)
    assert {one["name"]: one["overshoot"] for one in house.desk.status()["budgets"]} == pytest.approx(
        {"day": 0.15, "strict": 0}
    )
