"""The daemon's place in teams: when they are heard of, and what is told where they cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC
from pathlib import Path

import pytest

from tests.support.house import NOON, Clock, House
from tokenguard.config.memberships import Membership, save_memberships
from tokenguard.config.paths import Paths
from tokenguard.daemon import teams as of_daemon
from tokenguard.daemon.teams import Teams
from tokenguard.errors import TeamError, UsageError
from tokenguard.policy.money import NANOS
from tokenguard.policy.windows import window_at
from tokenguard.records.teams import Heard, Share, TeamBudget, TeamPolicy
from tokenguard.team.shape import Clock as TeamClock
from tokenguard.team.shape import Own, Place

MONTH = TeamBudget("month", 100 * NANOS)
WEB = TeamPolicy("web", mode="rights", budgets=(MONTH,))


def share(granted: int, at_us: int = NOON) -> Share:
    window = window_at("month", at_us, UTC)
    return Share(MONTH, window.start_us, window.end_us, 0, granted)


class Remote:
    """A way to a team that does as it is told."""

    every_s = 3_600.0

    def __init__(self, place: Place, clock: TeamClock) -> None:
        self.place = place
        self.machine = place.machine
        self.granted = NANOS
        self.before: Heard | None = None
        self.failing: Exception | None = None
        self.said: list[str] = []
        self.exchanges = 0
        self.turn = asyncio.Event()
        self.closed = False

    def _heard(self) -> Heard:

        self.exchanges += 1
        self.turn.set()
        if self.failing is not None:
            raise self.failing
        return Heard(NOON, (share(self.granted),))

    def last(self) -> Heard | None:
        return self.before

    async def sync(self, own: Own) -> Heard:
        await asyncio.sleep(0)
        self.said.append(f"sync {own.taken(MONTH, 0, None).spent}")
        return self._heard()

    async def lease(self, own: Own, amount: int) -> Heard:
        self.granted += amount
        self.said.append(f"lease {amount}")
        return self._heard()

    async def change(self, budget: str, amount: int, reason: str) -> Heard:
        self.said.append(f"change {budget} {amount} {reason}")
        return self._heard()

    async def leave(self, own: Own) -> None:
        self.said.append("leave")
        if self.failing is not None:
            raise self.failing

    async def close(self) -> None:
        self.closed = True

    async def again(self) -> None:
        """The next exchange is over."""
        self.turn.clear()
        async with asyncio.timeout(10):
            await self.turn.wait()
        await asyncio.sleep(0)


class World:
    """A house whose repository is in the team `web`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.house = House(folder, Clock())
        self.paths = Paths(folder / "home", folder / "home")
        self.remotes: list[Remote] = []
        self.before: Heard | None = None
        monkeypatch.setattr("tokenguard.daemon.seats.open_backend", self._open)
        monkeypatch.setattr(of_daemon, "PAUSE_S", 0.0)
        monkeypatch.setattr(of_daemon, "FIRST_RETRY_S", 0.01)
        monkeypatch.setattr("tokenguard.guard.patience.PATIENCE_S", 0.2)

    def _open(self, policy: TeamPolicy, place: Place, clock: TeamClock) -> Remote:
        if policy.backend == "postgres":
            raise TeamError("psycopg is not installed", "pip install tokenguard[postgres]")
        remote = Remote(place, clock)
        remote.before = self.before
        self.remotes.append(remote)
        return remote

    def join(self, policy: TeamPolicy = WEB) -> None:
        save_memberships(self.paths, [Membership(policy, "a1", "b2", {str(self.house.repo): 0})])

    @property
    def remote(self) -> Remote:
        return self.remotes[-1]


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    made = World(tmp_path, monkeypatch)
    yield made
    await made.house.ledger.close()


@pytest.fixture
async def teams(world: World) -> AsyncIterator[Teams]:
    """Of the team `web`, heard of once."""
    world.join()
    made = Teams(world.paths, world.house.guard)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.run())
        await world.remote.again()
        yield made
        running.cancel()


async def test_it_is_heard_of_at_once(world: World, teams: Teams) -> None:
    assert await world.house.call(await world.house.session())
    told = teams.view()["teams"][0]
    assert (told["name"], told["state"], told["member"], told["machine"]) == ("web", "ok", "a1", "b2")
    assert world.remote.place.folder == world.paths.state_dir / "teams" / "web"
    assert world.remote.place.folder.stat().st_mode & 0o077 == 0


async def test_what_was_heard_before_holds_from_the_beginning(world: World) -> None:

    world.before = Heard(NOON, (share(NANOS),))
    world.join()
    Teams(world.paths, world.house.guard)
    assert await world.house.call(await world.house.session())
    assert world.remote.exchanges == 0


async def test_it_is_heard_of_again_when_a_call_lacks_room(world: World, teams: Teams) -> None:
    world.remote.granted = 0
    await teams.sync(None)
    session = await world.house.session()
    world.remote.granted = NANOS
    assert await world.house.call(session)
    assert world.remote.exchanges >= 3


async def test_a_push_lets_it_be_heard_of(world: World, teams: Teams) -> None:
    teams.pushed("/elsewhere")
    teams.pushed(str(world.house.repo))
    await world.remote.again()
    assert world.remote.exchanges == 2


async def test_while_it_is_away_it_is_tried_again_and_recovers_by_itself(world: World, teams: Teams) -> None:
    with world.house.desk.subscribe("team.away", "team.heard") as events:
        world.remote.failing = TeamError("the remote does not answer", "see to the network")
        teams.pushed(str(world.house.repo))
        assert (await anext(events)).type == "team.away"
        told = teams.view()["teams"][0]
        assert (told["state"], told["problem"]) == ("away", "the remote does not answer; see to the network")
        assert await world.house.call(await world.house.session())  # within what was handed over
        await world.remote.again()
        world.remote.failing = None
        assert (await anext(events)).type == "team.heard"
    assert teams.view()["teams"][0]["state"] == "ok"


async def test_a_fault_of_ours_is_no_end(world: World, teams: Teams) -> None:
    world.remote.failing = ZeroDivisionError("secret")
    with pytest.raises(TeamError, match="internal error"):
        await teams.sync("web")
    assert teams.view()["teams"][0]["problem"] == "internal error: ZeroDivisionError"
    world.remote.failing = None
    await teams.sync("web")
    assert teams.view()["teams"][0]["problem"] is None


async def test_one_that_never_answers_is_left(world: World, teams: Teams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_daemon, "DEADLINE_S", 0.01)

    async def never(own: Own) -> Heard:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(world.remote, "sync", never)
    with pytest.raises(TeamError, match="did not answer in time"):
        await teams.sync("web")


async def test_what_can_be_asked(world: World, teams: Teams) -> None:
    await teams.lease("web", "2.50")
    await teams.change(None, "month", "+50", "a release")
    await teams.change("web", "month", "-10", "less to do")
    await teams.leave("web")
    assert world.remote.said[1:] == [
        "lease 2500000000", "change month 50000000000 a release", "change month -10000000000 less to do", "leave",
    ]  # fmt: skip
    assert teams.view()["teams"][0]["budgets"][0]["granted"] == NANOS + 2_500_000_000


async def test_nothing_begins_any_more_on_what_is_given_back(world: World, teams: Teams) -> None:
    session = await world.house.session()
    assert await world.house.call(session)
    await teams.leave("web")
    assert not await world.house.call(session)
    with pytest.raises(TeamError, match="has left it"):
        await teams.sync("web")
    assert world.remote.said[-1] == "leave"


async def test_who_cannot_give_back_takes_part_as_before(world: World, teams: Teams) -> None:
    world.before = Heard(NOON, (share(NANOS),))
    world.remote.failing = TeamError("no network")
    with pytest.raises(TeamError, match="no network"):
        await teams.leave("web")
    assert await world.house.call(await world.house.session())


async def test_what_was_handed_over_ahead_holds_when_its_window_begins_without_a_network(
    world: World, teams: Teams
) -> None:
    world.house.clock.now_us += 15 * 24 * 3_600_000_000
    world.remote.failing = TeamError("no network")
    session = await world.house.session()
    assert not await world.house.call(session)
    world.remote.before = Heard(NOON, (share(NANOS), share(NANOS, world.house.clock.now_us)))
    with pytest.raises(TeamError, match="no network"):
        await teams.sync("web")
    assert await world.house.call(session)


async def test_what_cannot_be_asked(world: World, teams: Teams) -> None:
    with pytest.raises(UsageError, match="in no team shop"):
        await teams.sync("shop")
    with pytest.raises(UsageError, match="needs a reason"):
        await teams.change("web", "month", "5", " ")
    with pytest.raises(UsageError, match="in dollars"):
        await teams.lease("web", "5 calls")
    with pytest.raises(UsageError):
        await teams.lease("web", "much")


async def test_memberships_that_change_are_taken_while_it_runs(world: World, teams: Teams) -> None:
    first = world.remote
    save_memberships(world.paths, [])
    teams.reload()
    assert teams.view() == {"teams": []}
    assert await world.house.call(await world.house.session())
    world.join()
    teams.reload()
    await world.remote.again()
    assert first.closed and world.remote is not first
    assert teams.view()["teams"][0]["state"] == "ok"


async def test_one_whose_way_is_not_installed_hands_nothing_over(world: World) -> None:
    world.join(TeamPolicy("web", backend="postgres", mode="leases", budgets=(MONTH,)))
    made = Teams(world.paths, world.house.guard)
    assert not await world.house.call(await world.house.session())
    told = made.view()["teams"][0]
    assert (told["state"], told["problem"]) == ("never", "psycopg is not installed; pip install tokenguard[postgres]")
    with pytest.raises(TeamError, match="psycopg is not installed"):
        await made.sync("web")
