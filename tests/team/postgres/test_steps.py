"""What the database does with leases, whatever comes when and how often."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tests.team.postgres.support import MONTH, Team
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import TeamBudget

CAP = MONTH.limit


async def grant(team: Team, login: str, want: int, least: int = 1, lease: str = "", repository: str = "") -> Any:
    rows = await team.step(login, "grant", **asking(want, least, lease, repository))
    return rows[0] if rows else None


def asking(want: int, least: int = 1, lease: str = "", repository: str = "") -> dict[str, object]:
    return {
        **{"team": "web", "repository": repository, "machine": "m", "lease": lease or str(uuid4())},
        **{"want": want, "least": least, "visit": "t0"},
    }


async def report(team: Team, login: str, lease: str, spent: int, keep: int = 0, *, final: bool = False) -> Any:
    rows = await team.step(login, "report", lease=lease, spent=spent, keep=keep, final=final)
    return rows[0] if rows else None


def figures(team: Team, budget: str = "month") -> tuple[int, int, int, int]:
    """Held, presumed, spent and overrun, in dollars."""
    period = team.period(budget)
    assert not team.audit()
    return (
        period["held"] // NANOS,
        period["presumed"] // NANOS,
        period["spent"] // NANOS,
        period["overrun"] // NANOS,
    )


@pytest.fixture(autouse=True)
async def web(team: Team) -> Team:
    team.budgets(MONTH)
    for login in ("ann", "ben"):
        team.member(login)
        await team.enter(login)
    return team


async def test_what_is_granted_is_held_and_what_is_reported_is_spent(team: Team) -> None:
    lease = await grant(team, "ann", 20 * NANOS)
    assert lease["amount"] == 20 * NANOS
    assert lease["state"] == "live"
    assert 3_590 < lease["left_s"] <= 3_600
    assert figures(team) == (20, 0, 0, 0)
    await report(team, "ann", lease["lease"], 7 * NANOS)
    assert figures(team) == (13, 0, 7, 0)


async def test_the_same_question_twice_is_one_lease(team: Team) -> None:
    lease = str(uuid4())
    first = await grant(team, "ann", 20 * NANOS, lease=lease)
    again = await grant(team, "ann", 30 * NANOS, lease=lease)
    assert first["amount"] == again["amount"] == 20 * NANOS
    assert figures(team) == (20, 0, 0, 0)


async def test_the_same_question_many_times_at_once_is_one_lease(team: Team) -> None:
    lease = str(uuid4())
    answers = await team.steps("ann", "grant", [asking(20 * NANOS, lease=lease)] * 8)
    assert [rows[0]["amount"] for rows in answers] == [20 * NANOS] * 8
    assert figures(team) == (20, 0, 0, 0)


async def test_nobody_gets_more_than_there_is(team: Team) -> None:
    assert (await grant(team, "ann", 70 * NANOS))["amount"] == 70 * NANOS
    assert (await grant(team, "ben", 70 * NANOS))["amount"] == 30 * NANOS
    assert await grant(team, "ann", 1) is None
    assert figures(team) == (100, 0, 0, 0)


async def test_less_than_is_of_use_is_refused(team: Team) -> None:
    await grant(team, "ann", 70 * NANOS)
    assert await grant(team, "ben", 70 * NANOS, least=31 * NANOS) is None
    assert figures(team) == (70, 0, 0, 0)


async def test_many_at_once_never_get_more_than_the_cap(team: Team) -> None:
    answers = await team.steps("ann", "grant", [asking(7 * NANOS) for _ in range(20)])
    assert sum(row["amount"] for rows in answers for row in rows) == CAP
    assert figures(team) == (100, 0, 0, 0)


async def test_reports_in_any_order_and_number_count_once(team: Team) -> None:
    lease = (await grant(team, "ann", 20 * NANOS))["lease"]
    for spent in (3, 9, 9, 5, 1):
        await report(team, "ann", lease, spent * NANOS)
    assert figures(team) == (11, 0, 9, 0)


async def test_reports_at_once_count_once(team: Team) -> None:
    lease = (await grant(team, "ann", 20 * NANOS))["lease"]
    calls: list[dict[str, object]] = [
        {"lease": lease, "spent": spent * NANOS, "keep": 0, "final": False} for spent in (1, 8, 3, 8, 5, 2, 8, 7)
    ]
    await team.steps("ann", "report", calls)
    assert figures(team) == (12, 0, 8, 0)


async def test_the_last_report_gives_back_what_is_not_kept(team: Team) -> None:
    lease = (await grant(team, "ann", 20 * NANOS))["lease"]
    kept = await report(team, "ann", lease, 5 * NANOS, keep=4 * NANOS, final=True)
    assert (kept["state"], kept["amount"]) == ("live", 9 * NANOS)
    assert figures(team) == (4, 0, 5, 0)
    closed = await report(team, "ann", lease, 7 * NANOS, final=True)
    assert closed["state"] == "closed"
    assert figures(team) == (0, 0, 7, 0)


async def test_an_old_last_report_that_comes_late_gives_nothing_back(team: Team) -> None:
    lease = (await grant(team, "ann", 20 * NANOS))["lease"]
    await report(team, "ann", lease, 5 * NANOS, keep=4 * NANOS, final=True)
    await report(team, "ann", lease, 8 * NANOS, keep=1 * NANOS, final=True)
    await report(team, "ann", lease, 5 * NANOS, keep=4 * NANOS, final=True)
    assert figures(team) == (1, 0, 8, 0)


async def test_what_expires_is_presumed_spent_until_its_holder_says_otherwise(team: Team) -> None:
    lease = (await grant(team, "ann", 20 * NANOS))["lease"]
    await report(team, "ann", lease, 5 * NANOS)
    team.lapse()
    await team.step("ben", "expire", team="web", most=10)
    assert figures(team) == (0, 15, 5, 0)
    assert (await grant(team, "ben", CAP))["amount"] == 80 * NANOS
    assert (await report(team, "ann", lease, 9 * NANOS))["state"] == "expired"
    assert figures(team) == (80, 11, 9, 0)
    assert (await report(team, "ann", lease, 9 * NANOS, keep=2 * NANOS, final=True))["state"] == "expired"
    assert figures(team) == (80, 2, 9, 0)
    assert (await report(team, "ann", lease, 10 * NANOS, final=True))["state"] == "closed"
    assert figures(team) == (80, 0, 10, 0)


async def test_a_late_report_of_an_expired_lease_gives_nothing_back(team: Team) -> None:
    lease = (await grant(team, "ann", 20 * NANOS))["lease"]
    team.lapse()
    await team.step("ben", "expire", team="web", most=10)
    await report(team, "ann", lease, 5 * NANOS)
    assert figures(team) == (0, 15, 5, 0)


async def test_what_is_renewed_does_not_expire(team: Team) -> None:
    lease = (await grant(team, "ann", 20 * NANOS))["lease"]
    team.ask("UPDATE tokenguard.lease SET expires_at = now() + INTERVAL '5 minutes'")
    assert (await report(team, "ann", lease, 0))["left_s"] > 3_500
    assert figures(team) == (20, 0, 0, 0)


async def test_who_comes_too_late_renews_nothing(team: Team) -> None:
    lease = (await grant(team, "ann", 20 * NANOS))["lease"]
    team.lapse()
    assert (await report(team, "ann", lease, 0))["left_s"] < 0


async def test_a_lease_ends_with_its_window(team: Team) -> None:
    team.ask("UPDATE tokenguard.team SET ttl = INTERVAL '100 days'")
    lease = await grant(team, "ann", NANOS)
    assert lease["left_s"] == pytest.approx((lease["until_us"] - team.now_us()) / 1e6, abs=5)
    assert (await report(team, "ann", lease["lease"], 0))["left_s"] == pytest.approx(lease["left_s"], abs=5)


async def test_what_was_spent_beyond_a_lease_is_seen_and_takes_from_the_next(team: Team) -> None:
    lease = (await grant(team, "ann", 20 * NANOS))["lease"]
    await report(team, "ann", lease, 35 * NANOS)
    assert figures(team) == (0, 0, 35, 15)
    assert (await grant(team, "ben", CAP))["amount"] == 65 * NANOS
    await report(team, "ann", lease, 50 * NANOS, final=True)
    assert figures(team) == (65, 0, 50, 30)
    assert await grant(team, "ann", 1) is None


async def test_what_was_spent_without_a_lease_is_told_on_an_empty_one(team: Team) -> None:
    await grant(team, "ben", CAP)
    lease = await grant(team, "ann", 0, least=0)
    assert lease["amount"] == 0
    await report(team, "ann", lease["lease"], 3 * NANOS, final=True)
    assert figures(team) == (100, 0, 3, 3)


async def test_all_budgets_or_none(team: Team) -> None:
    day = TeamBudget("day", 30 * NANOS, "day")
    shop = TeamBudget("shop", 10 * NANOS, owner="repo:shop")
    org = TeamBudget("org", 50 * NANOS, owner="org:acme")
    team.budgets(MONTH, day, shop, org, organisation="acme")
    team.member("ann", 25 * NANOS)
    assert (await grant(team, "ann", CAP, repository="shop"))["amount"] == 10 * NANOS
    assert [figures(team, name)[0] for name in ("month", "day", "shop", "org", "member-ann")] == [10] * 5
    assert (await grant(team, "ann", CAP, repository="other"))["amount"] == 15 * NANOS
    assert [figures(team, name)[0] for name in ("month", "day", "shop", "org", "member-ann")] == [25, 25, 10, 25, 25]
    assert (await grant(team, "ben", CAP))["amount"] == 5 * NANOS
    assert await grant(team, "ben", CAP) is None
    assert [figures(team, name)[0] for name in ("month", "day", "shop", "org", "member-ann")] == [30, 30, 10, 30, 25]


async def test_an_organisation_has_one_budget_for_all_of_its_teams(team: Team) -> None:
    org = TeamBudget("org", 50 * NANOS, owner="org:acme")
    team.budgets(MONTH, org, organisation="acme")
    team.policy = replace(team.policy, name="api")
    team.budgets(TeamBudget("quarter", CAP, "quarter"), org, organisation="acme")
    team.member("cem")
    await team.enter("cem")
    rows = await team.step("cem", "grant", **{**asking(40 * NANOS), "team": "api"})
    assert rows[0]["amount"] == 40 * NANOS
    assert (await grant(team, "ann", CAP))["amount"] == 10 * NANOS


async def test_only_so_many_expire_at_a_time(team: Team) -> None:
    for _ in range(3):
        await grant(team, "ann", NANOS)
    team.lapse()
    await team.step("ben", "expire", team="web", most=2)
    assert figures(team) == (1, 2, 0, 0)
    await team.step("ben", "expire", team="web", most=2)
    assert figures(team) == (0, 3, 0, 0)


async def test_everything_at_once_keeps_the_books_in_order(team: Team) -> None:
    """Grants, reports, endings and expiries of the same leases cross each other."""
    team.budgets(MONTH, TeamBudget("day", 90 * NANOS, "day"))
    leases = [(await grant(team, "ann", 4 * NANOS))["lease"] for _ in range(6)]
    team.ask(
        "UPDATE tokenguard.lease SET expires_at = now() - INTERVAL '1 second' WHERE id = ANY(%s::uuid[])", leases[:3]
    )
    told: list[dict[str, object]] = [
        {"lease": lease, "spent": spent * NANOS, "keep": 0, "final": spent == 3} for lease in leases for spent in (1, 3)
    ]
    wanted = [asking(9 * NANOS) for _ in range(12)]
    expiring: list[dict[str, object]] = [{"team": "web", "most": 2}] * 4
    await asyncio.gather(
        team.steps("ann", "report", told), team.steps("ben", "grant", wanted), team.steps("ben", "expire", expiring)
    )
    held, presumed, spent, overrun = figures(team, "day")
    assert (presumed, spent, overrun) == (0, 18, 0)
    assert held + spent <= 90
