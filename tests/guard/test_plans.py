"""Calls that a plan pays for: recognised, counted apart, stopped by the provider's own windows."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import CIMultiDict

from tests.support.house import NOON, House, answer, request
from tokenguard.records import Budget, Call, Session, Unit

CENT = 10_000_000
LOGIN = CIMultiDict({"Authorization": "Bearer sk-ant-oat01-abc"})
NOON_S = NOON // 1_000_000
PLAN = Budget("plan", 90, unit=Unit.PERCENT, official="anthropic/five_hour")


def told(five_hour: float, *, status: str = "allowed", overage: str = "rejected") -> CIMultiDict[str]:
    """Headers of an answer, one hour before the window ends."""
    said = {
        "status": status,
        "5h-status": status,
        "5h-utilization": str(five_hour),
        "5h-reset": str(NOON_S + 3600),
        "overage-status": overage,
    }
    return CIMultiDict({f"anthropic-ratelimit-unified-{name}": value for name, value in said.items()})


def begin(house: House, session: Session, headers: CIMultiDict[str] = LOGIN) -> Call:
    return house.guard.begin(
        session, provider="anthropic", dialect="anthropic-messages", facts=request(), headers=headers
    )


async def call(house: House, session: Session, headers: CIMultiDict[str]) -> str | None:
    """One call by login, whose answer has these headers; what it was refused with."""
    admission = await house.guard.admit(begin(house, session), request())
    if admission.refusal is not None:
        return admission.verdict.reason
    house.guard.answered(admission.call, headers)
    house.guard.settle(admission.call, answer(), status=200, outcome="ok")
    await house.guard.counting.tally.written()
    return None


def billings(house: House) -> list[str]:
    rows = house.ledger.read().execute("SELECT billing FROM calls WHERE state = 'settled' ORDER BY id")
    return [row[0] for row in rows]


def windows(house: House) -> dict[str, Any]:
    return {f"{one['provider']}/{one['name']}": one["used_percent"] for one in house.desk.status()["windows"]}


async def test_what_a_plan_pays_is_counted_apart(house: House) -> None:
    house.budgets(Budget("billed", CENT), Budget("all", 100 * CENT, counts="all"))
    session = await house.session()
    assert await call(house, session, told(0.12)) is None
    today = house.desk.status()["totals"]["today"]
    assert (today["cost_nanos"], today["notional_nanos"]) == (0, 2 * CENT)
    assert {one["name"]: one["spent"] for one in house.desk.status()["budgets"]} == {"billed": 0, "all": 2 * CENT}
    assert windows(house) == {"anthropic/five_hour": 12.0}


async def test_an_answer_that_credits_paid_for_is_a_billed_one(house: House) -> None:
    session = await house.session()
    assert begin(house, session).billing == "subscription"
    assert await call(house, session, told(1.0, status="rejected", overage="allowed")) is None
    assert begin(house, session).billing == "credits"
    assert await call(house, session, told(0.01)) is None
    assert billings(house) == ["credits", "subscription"]
    assert begin(house, session).billing == "subscription"


async def test_a_key_is_metered_whatever_a_plan_has_left(house: House) -> None:
    session = await house.session()
    await call(house, session, told(0.12))
    assert begin(house, session, CIMultiDict({"x-api-key": "sk-ant-api03-abc"})).billing == "metered"


async def test_calls_stop_at_a_share_of_the_providers_window(house: House) -> None:
    house.budgets(PLAN)
    session = await house.session()
    assert await call(house, session, told(0.89)) is None
    assert await call(house, session, told(0.91)) is None
    refused = await call(house, session, told(0.92))
    assert refused is not None and "plan" in refused
    house.clock.now_us += 3600 * 1_000_000
    assert await call(house, session, told(0.0)) is None


async def test_a_restarted_daemon_still_stops_them(house: House) -> None:
    session = await house.session()
    assert await call(house, session, told(0.95)) is None
    await house.reopen(PLAN)
    assert windows(house) == {"anthropic/five_hour": 95.0}
    assert await call(house, await house.session(), told(0.95)) is not None


async def test_the_first_call_that_credits_would_pay_can_be_refused(house: House) -> None:
    house.budgets(Budget("no-credits", 0, match=(("billing", "credits"),)))
    session = await house.session()
    assert await call(house, session, told(1.0, status="rejected")) is None
    refused = await call(house, session, told(1.0, status="rejected", overage="allowed"))
    assert refused is not None and "no-credits" in refused


async def test_a_status_line_tells_of_windows_that_no_answer_told_of(house: House) -> None:
    limits = b'{"five_hour": {"used_percentage": 91, "resets_at": %d}}' % (NOON_S + 3600)
    house.desk.official(limits)
    assert windows(house) == {"anthropic/five_hour": 91.0}
    session = await house.session()
    await call(house, session, told(0.93))
    house.desk.official(limits)
    assert windows(house) == {"anthropic/five_hour": 93.0}


@pytest.mark.parametrize("limits", [b"", b"null", b'{"five_hour": {"used_percentage": "x"}}'])
async def test_an_odd_status_line_tells_nothing(house: House, limits: bytes) -> None:
    house.desk.official(limits)
    assert windows(house) == {}
