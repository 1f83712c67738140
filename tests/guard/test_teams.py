"""A team's budgets: what others spent counts, and nothing begins here that was not handed to this machine."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.house import NOON, Clock, House, answer, request
from tokenguard.errors import UsageError
from tokenguard.guard.places import Places
from tokenguard.guard.teams import Team
from tokenguard.policy.money import NANOS
from tokenguard.policy.windows import window_at
from tokenguard.records import Budget, Confidence
from tokenguard.records.teams import Heard, Member, Share, TeamBudget, TeamPolicy
from tokenguard.team.shape import Taken

MONTH = TeamBudget("month", 100 * NANOS)
RIGHTS = TeamPolicy("web", mode="rights", budgets=(MONTH,))
SHARED = TeamPolicy("web", mode="shared", budgets=(MONTH,))
CALL = 20_000_000
"""What `House.call` costs, in nanodollars."""
HOUR_S = 3_600.0


def window(at_us: int = NOON) -> tuple[int, int | None]:
    found = window_at("month", at_us, UTC)
    return found.start_us, found.end_us


def share(
    granted: int | None, *, others: int = 0, budget: TeamBudget = MONTH, at_us: int = NOON, **more: object
) -> Share:
    return replace(Share(budget, *window(at_us), others, granted), **more)


def join(house: House, policy: TeamPolicy = RIGHTS, *, since_us: int = 0, repo: Path | None = None) -> None:
    house.guard.teams.take([Team("web", policy, {str(repo or house.repo): since_us})])
    house.guard.counting.books.forget()


def hear(house: House, *shares: Share) -> None:
    house.guard.sharing.hear("web", Heard(NOON, shares))


async def refusal(house: House) -> str:
    opened = await house.session()
    call = house.begin(opened)
    admission = await house.guard.admit(call, request())
    assert admission.refusal is not None
    return admission.verdict.reason


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenguard.guard.patience.PATIENCE_S", 0.0)


async def test_nothing_is_spent_of_a_hard_budget_before_the_team_was_heard(house: House, impatient: None) -> None:
    join(house)
    said = await refusal(house)
    assert "the limit that binds is team:web/month, not yours: it cannot be counted here" in said
    assert "tokenguard team raise month" in said


async def test_what_was_handed_over_can_be_spent_and_no_more(house: House, impatient: None) -> None:
    join(house)
    worst = 8_000 * 20_000 + 200 * NANOS // 1_000  # by far more than what a call takes in the end
    hear(house, share(worst + 3 * CALL))
    session = await house.session()
    spent = 0
    while await house.call(session):
        spent += CALL
    assert 3 * CALL <= spent <= worst + 3 * CALL
    standing = house.guard.sharing.standings("web")[0]
    assert standing.spent == spent
    assert standing.remaining == worst + 3 * CALL - spent


async def test_what_others_spent_is_spent(house: House) -> None:
    join(house)
    hear(house, share(10 * NANOS, others=80 * NANOS))
    standing = house.guard.sharing.standings("web")[0]
    assert (standing.spent, standing.remaining, standing.level) == (80 * NANOS, 10 * NANOS, "warn")
    hear(house, share(10 * NANOS, others=90 * NANOS))
    standing = house.guard.sharing.standings("web")[0]
    assert (standing.spent, standing.remaining, standing.level) == (90 * NANOS, 10 * NANOS, "soft")


async def test_a_level_that_others_reach_is_told_once(house: House) -> None:
    join(house)
    session = await house.session()
    hear(house, share(NANOS))
    await house.call(session)
    with house.desk.subscribe("budget.level") as events:
        hear(house, share(NANOS, others=95 * NANOS))
        hear(house, share(NANOS, others=96 * NANOS))
        event = await anext(events)
        assert event.data["level"] == "soft"
        hear(house, share(NANOS, others=99 * NANOS + 999_999_999))
        assert (await anext(events)).data["level"] == "hard"


async def test_a_shared_view_only_counts_what_is_spent(house: House, impatient: None) -> None:
    join(house, SHARED)
    session = await house.session()
    assert await house.call(session)
    hear(house, share(None, others=99 * NANOS))
    assert await house.call(session)
    hear(house, share(None, others=100 * NANOS))
    assert not await house.call(session)


async def test_only_its_repositories_count_and_only_since_they_joined(house: House, tmp_path: Path) -> None:
    session = await house.session()
    assert await house.call(session)
    house.clock.now_us += 1_000_000
    join(house, since_us=house.clock.now_us)
    hear(house, share(NANOS))
    assert await house.call(session)
    (tmp_path / "elsewhere").mkdir()
    assert await house.call(await house.session(cwd=tmp_path / "elsewhere"))
    assert house.guard.sharing.standings("web")[0].spent == CALL
    await house.guard.counting.tally.written()
    house.guard.counting.books.forget()
    assert house.guard.sharing.standings("web")[0].spent == CALL


async def test_what_was_granted_runs_out_by_the_clock_that_nobody_sets_back(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    boot_s = [1_000.0]
    monkeypatch.setattr("tokenguard.guard.crossing.boot_seconds", lambda: boot_s[0])
    house = House(tmp_path, clock)
    join(house)
    session = await house.session()
    hear(house, share(NANOS, usable_s=1_000.0 + HOUR_S))
    assert await house.call(session)
    boot_s[0] += HOUR_S
    assert not await house.call(session)
    hear(house, share(NANOS, usable_s=boot_s[0] + HOUR_S))
    assert await house.call(session)
    boot_s[0] += HOUR_S
    join(house, replace(RIGHTS, unreachable="warn"))
    hear(house, share(NANOS, usable_s=boot_s[0]))
    assert await house.call(session)  # it goes on by what was heard last
    await house.ledger.close()


async def test_a_call_that_lacks_room_waits_until_more_is_handed_over(house: House) -> None:
    join(house)
    hear(house, share(0))
    asked = asyncio.Event()
    house.guard.teams.ask = lambda name: asked.set()
    session = await house.session()
    waiting = asyncio.ensure_future(house.call(session))
    await asked.wait()
    demand = house.guard.sharing.own("web").demand(MONTH)
    assert 0 < demand.short <= NANOS
    hear(house, share(NANOS))
    assert await waiting
    assert house.guard.sharing.own("web").demand(MONTH).short == 0


async def test_nobody_waits_for_a_team_that_is_away_or_has_nothing_left(house: House) -> None:
    join(house)
    hear(house, share(0, others=100 * NANOS))
    asked: list[str] = []
    house.guard.teams.ask = asked.append
    session = await house.session()
    assert not await house.call(session)
    hear(house, share(0))
    house.guard.sharing.away("web", "the remote does not answer")
    assert not await house.call(session)
    assert not asked


async def test_who_goes_on_does_not_wait_in_vain_every_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenguard.guard.patience.PATIENCE_S", 0.01)
    join(house)
    hear(house, share(0))
    asked: list[str] = []
    house.guard.teams.ask = asked.append
    session = await house.session()
    assert not await house.call(session)
    waited = len(asked)
    assert waited
    assert not await house.call(session)
    assert len(asked) == waited
    hear(house, share(1))
    assert not await house.call(session)
    assert len(asked) > waited


async def test_more_is_asked_for_before_it_runs_out(house: House) -> None:
    join(house)
    asked: list[str] = []
    house.guard.teams.ask = asked.append
    session = await house.session()
    hear(house, share(50 * NANOS))
    assert await house.call(session)
    assert not asked
    hear(house, share(NANOS // 2))
    assert await house.call(session)
    assert asked == ["web"]
    assert await house.call(session)
    assert asked == ["web"]  # once: if it helped, more will have been granted
    hear(house, share(NANOS // 2 + 1))
    assert await house.call(session)
    assert asked == ["web", "web"]


async def test_one_person_cannot_raise_what_belongs_to_all(house: House) -> None:
    join(house)
    hear(house, share(NANOS))
    await house.session()
    with pytest.raises(UsageError, match="tokenguard team raise month"):
        await house.desk.grants.raise_budget("team:web/month", "5", "because", None)


async def test_an_approval_gives_nothing_of_the_teams(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    join(house, replace(RIGHTS, budgets=(replace(MONTH, at_limit="hold"),)))
    hear(house, share(0, others=100 * NANOS, budget=replace(MONTH, at_limit="hold")))
    session = await house.session()
    with house.desk.subscribe("hold.asked") as events:
        waiting = asyncio.ensure_future(house.call(session))
        hold = (await anext(events)).data["id"]
        await house.desk.grants.answer_hold(str(hold), answer="approve", amount=None, reason=None)
        assert not await waiting
    assert house.guard.sharing.standings("web")[0].limit == 100 * NANOS


async def test_a_held_call_goes_on_once_the_team_hands_more_over(house: House) -> None:
    join(house, replace(RIGHTS, budgets=(replace(MONTH, at_limit="hold"),)))
    hear(house, share(0, others=100 * NANOS, budget=replace(MONTH, at_limit="hold")))
    session = await house.session()
    with house.desk.subscribe("hold.asked") as events:
        waiting = asyncio.ensure_future(house.call(session))
        await anext(events)
        hear(house, share(NANOS, others=50 * NANOS, budget=replace(MONTH, at_limit="hold")))
        assert await waiting


async def test_what_this_machine_took_is_known_of_every_window(house: House) -> None:
    join(house)
    hear(house, share(NANOS))
    session = await house.session()
    assert await house.call(session)
    own = house.guard.sharing.own("web")
    november = window()
    assert own.taken(MONTH, *november) == Taken(CALL)
    call = house.begin(session)
    assert (await house.guard.admit(call, request())).refusal is None
    reserved = own.taken(MONTH, *november).reserved
    assert reserved > 8_000 * 20_000  # its worst case
    assert own.demand(MONTH).largest == reserved
    house.clock.now_us += 15 * 24 * 3_600_000_000
    december = window(house.clock.now_us)
    assert own.taken(MONTH, *december) == Taken(0)
    house.guard.settle(call, answer(), status=200, outcome="ok")
    assert own.taken(MONTH, *november) == Taken(2 * CALL)
    assert own.taken(MONTH, *december) == Taken(0)


async def test_what_a_crash_left_open_is_taken(house: House) -> None:
    join(house)
    hear(house, share(NANOS))
    session = await house.session()
    assert (await house.guard.admit(house.begin(session), request())).refusal is None
    reserved = house.guard.sharing.own("web").taken(MONTH, *window()).reserved
    await house.reopen()
    join(house)
    assert house.guard.sharing.own("web").taken(MONTH, *window()) == Taken(0, reserved)
    hear(house, share(reserved))
    assert house.guard.sharing.standings("web")[0].remaining == 0


async def test_what_is_uncertain_is_taken_at_its_most(house: House) -> None:
    join(house)
    hear(house, share(NANOS))
    session = await house.session()
    call = house.begin(session)
    assert (await house.guard.admit(call, request())).refusal is None
    house.guard.settle(call, answer(state="cut"), status=200, outcome="cut")
    await house.guard.counting.tally.written()
    totals = house.desk.status()["totals"]["today"]
    assert totals["confidence"] != Confidence.EXACT
    assert house.guard.sharing.own("web").taken(MONTH, *window()).spent == totals["cost_high_nanos"]


async def test_both_a_teams_budget_and_ones_own_must_agree(house: House, impatient: None) -> None:
    house.budgets(Budget("mine", NANOS // 2, window="day", mode="strict"))
    join(house)
    hear(house, share(50 * NANOS))
    session = await house.session()
    while await house.call(session):
        pass
    status = {one["label"]: one for one in house.desk.status()["budgets"]}
    assert status["team:web/month"]["remaining"] > status["mine"]["remaining"]
    assert status["mine"]["reserved"] == status["team:web/month"]["reserved"] == 0


async def test_a_limit_that_was_raised_belongs_to_its_window(house: House) -> None:
    join(house)
    hear(house, share(150 * NANOS, budget=replace(MONTH, limit=200 * NANOS)))
    assert house.guard.sharing.standings("web")[0].limit == 200 * NANOS
    house.clock.now_us += 15 * 24 * 3_600_000_000
    standing = house.guard.sharing.standings("web")[0]
    assert (standing.limit, standing.remaining) == (100 * NANOS, 0)


async def test_the_view_tells_what_is_known(house: House) -> None:
    join(house)
    assert house.guard.sharing.view("web")["state"] == "never"
    told = house.guard.sharing.view("web")["budgets"][0]
    assert (told["others"], told["free"], told["granted"]) == (None, None, None)
    mine = Member("a1", "b2", "month", spent=7, heard_us=NOON, you=True)
    shares = (share(10 * NANOS, others=30 * NANOS, held=20 * NANOS, presumed=5 * NANOS),)
    house.guard.sharing.hear("web", Heard(NOON, shares, (mine,), ("the treasurer is away",)))
    told = house.guard.sharing.view("web")
    budget = told["budgets"][0]
    assert [budget[key] for key in ("team", "others", "held", "presumed", "free", "granted", "usable")] == [
        "web", 30 * NANOS, 20 * NANOS, 5 * NANOS, 35 * NANOS, 10 * NANOS, True,
    ]  # fmt: skip
    assert told["members"][0]["you"] and told["remarks"] == ["the treasurer is away"]
    assert (told["members"][0]["spent"], told["members"][0]["held"]) == (0, 10 * NANOS)
    await house.call(await house.session())
    mine_now = house.guard.sharing.view("web")["members"][0]
    assert (mine_now["spent"], mine_now["held"]) == (CALL, 10 * NANOS - CALL)
    house.guard.sharing.away("web", "no network")
    told = house.guard.sharing.view("web")
    assert (told["state"], told["problem"], told["heard_at"]) == ("away", "no network", "2026-11-21T12:00:00Z")


async def test_hooks_say_whose_limit_it_is(house: House) -> None:
    join(house)
    hear(house, share(NANOS, others=95 * NANOS))
    look = Places(house.guard.counting, lambda: (), house.guard.now).look()
    assert [standing.slot.label for standing, _ in look.anywhere(str(house.repo), ())] == ["team:web/month"]
    assert look.anywhere(str(house.folder), ()) == []


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_is_heard_no_more_is_spent_than_was_ever_granted(
    house: House, impatient: None, seed: int
) -> None:
    """Grants only grow; what is said of others may be anything."""
    chance = random.Random(seed)
    join(house)
    granted, session = 0, await house.session()
    for _ in range(60):
        if chance.random() < 0.2:
            granted += chance.randrange(0, NANOS)
            others = chance.randrange(0, 110 * NANOS)
            usable = math.inf if chance.random() < 0.8 else 0.0
            hear(house, share(granted, others=others, usable_s=usable, held=chance.randrange(0, NANOS)))
        elif chance.random() < 0.1:
            house.guard.counting.books.forget()
        else:
            await house.call(session, output=chance.choice((100, 1_000, 7_999)))
        assert house.guard.sharing.own("web").taken(MONTH, *window()).spent <= granted


def test_a_machine_in_no_team_says_so(house: House) -> None:
    asked: Callable[[str], object] = house.guard.sharing.view
    with pytest.raises(UsageError, match="this machine is in no team web"):
        asked("web")
