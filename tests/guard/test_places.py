"""What counts in a place, as git hooks tell of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.house import NOON, Clock, House, answer, request
from tokenguard.config.budgets import parse_budgets, read_repository_budgets
from tokenguard.errors import UsageError
from tokenguard.guard.places import Look, Places
from tokenguard.records import Budget, Session

DOLLAR = 50_000
"""Tokens of output that cost one dollar."""
HOUR_US = 3_600_000_000


def budget(**table: object) -> Budget:
    (made,) = parse_budgets([{"name": "day", "limit": "$10", "window": "day", "at_limit": "warn", **table}], Path("c"))
    return made


def look(house: House) -> Look:
    return Places(house.guard.counting, lambda: house.guard.config.budgets, house.guard.now).look()


def spent(house: House, branch: str | None = None, own: tuple[Budget, ...] = ()) -> dict[str, float]:
    """Dollars by label: of every branch, or what counts on one besides."""
    seen = look(house)
    repo = str(house.repo)
    held = seen.anywhere(repo, own) if branch is None else seen.on(repo, branch, own)
    return {standing.slot.label: standing.spent / 1e9 for standing, _ in held}


async def test_what_belongs_to_a_place_is_told_and_nothing_else(house: House) -> None:
    scopes = ("global", "user", "repo", "branch", "session", "agent", "model", "provider", "task")
    house.budgets(*(budget(name=scope, scope=scope) for scope in scopes))
    await house.call(await house.session(), output=DOLLAR)
    assert spent(house) == {"global": 1, "user": 1, "web/repo": 1}
    assert spent(house, "main") == {"web/main/branch": 1}
    assert spent(house, "other") == {"web/other/branch": 0}


async def test_nobody_has_to_call_for_it_to_be_told(house: House) -> None:
    house.budgets(budget(scope="repo"))
    await house.call(await house.session(), output=DOLLAR)
    await house.reopen(budget(scope="repo"))
    assert spent(house) == {"web/day": 1}
    assert house.desk.status()["budgets"][0]["label"] == "web/day"


async def test_budgets_of_some_models_are_told_whatever_is_called_next(house: House) -> None:
    house.budgets(
        budget(name="opus", match={"model": "claude-opus-*"}),
        budget(name="gpt", match={"model": "gpt*", "billing": "metered"}),
        budget(name="elsewhere", match={"repo": "/src/*"}),
        budget(name="release", match={"branch": "release/*"}),
    )
    await house.call(await house.session(), output=DOLLAR)
    assert spent(house) == {"opus": 1, "gpt": 0}
    assert spent(house, "release/1") == {"release": 0}
    assert spent(house, "main") == {}


async def test_what_is_reserved_is_apart(house: House) -> None:
    house.budgets(budget())
    session = await house.session()
    call = house.begin(session)
    await house.guard.admit(call, request())
    ((standing, resets),) = look(house).anywhere(str(house.repo), ())
    assert standing.spent == 0 < standing.reserved
    assert resets is not None and resets.isoformat() == "2026-11-22T00:00:00+00:00"
    house.guard.settle(call, answer(output=DOLLAR), status=200, outcome="ok")
    assert spent(house) == {"day": 1}


async def test_a_new_day_begins_with_nothing(house: House, clock: Clock) -> None:
    house.budgets(budget(), budget(name="rolling", window="rolling 2d"))
    await house.call(await house.session(), output=DOLLAR)
    clock.now_us = NOON + 12 * HOUR_US - 1
    assert spent(house) == {"day": 1, "rolling": 1}
    clock.now_us += 1
    assert spent(house) == {"day": 0, "rolling": 1}
    clock.now_us = NOON + 48 * HOUR_US
    assert spent(house) == {"day": 0, "rolling": 0}


async def test_a_raise_counts_until_it_ends_whether_somebody_calls_or_not(house: House, clock: Clock) -> None:
    house.budgets(budget())
    await house.session()
    assert Places(house.guard.counting, tuple, house.guard.now).until_us == float("inf")
    await house.desk.grants.raise_budget("day", "5", "release", "1h")
    places = Places(house.guard.counting, lambda: house.guard.config.budgets, house.guard.now)
    assert places.until_us == NOON + HOUR_US

    def limit() -> float:
        ((standing, _),) = places.look().anywhere(str(house.repo), ())
        return standing.limit / 1e9

    assert limit() == 15
    clock.now_us = NOON + HOUR_US
    assert limit() == 10


async def test_a_clock_that_is_set_back_brings_nothing_back(house: House, clock: Clock) -> None:
    house.budgets(budget())
    await house.call(await house.session(), output=DOLLAR)
    clock.now_us = NOON + 13 * HOUR_US
    assert spent(house) == {"day": 0}
    clock.now_us = NOON
    assert spent(house) == {"day": 0}


async def test_what_a_crash_left_open_is_told_once_it_is_presumed(house: House, clock: Clock) -> None:
    house.budgets(budget())
    await house.guard.admit(house.begin(await house.session()), request())
    await house.reopen(budget())
    assert spent(house) == {"day": 0}
    clock.now_us += HOUR_US
    await house.guard.tick()
    assert spent(house)["day"] > 0


async def test_branches_that_are_called_on_are_known(house: House) -> None:
    house.budgets(budget(scope="branch"), budget(name="repo", scope="repo"))
    assert look(house).branches(str(house.repo)) == []
    await house.call(await house.session(), output=DOLLAR)
    assert look(house).branches(str(house.repo)) == ["main"]
    assert look(house).branches("/src/other") == []


class TestWorkingTrees:
    """Each working tree has a file of its own; what they count is one."""

    def own(self, house: House, folder: str, limit: str = "$10") -> tuple[Budget, ...]:
        tree = house.folder / folder
        tree.mkdir(exist_ok=True)
        (tree / "tokenguard.toml").write_text(f'[[budget]]\nname = "day"\nlimit = "{limit}"\nwindow = "day"\n')
        return read_repository_budgets(tree, str(house.repo))

    async def call(self, house: House, session: Session | None = None) -> None:
        assert await house.call(session or await house.session(), output=DOLLAR)
        await house.guard.counting.tally.written()

    async def test_what_is_spent_by_the_rules_of_one_is_spent_in_all(self, house: House) -> None:
        own = (*self.own(house, "web"), *self.own(house, "login", "$5"))
        assert spent(house, own=own) == {"web:day": 0, "login:day": 0}
        session = await house.session()
        for number in range(1, 4):
            await self.call(house, session)
            assert spent(house, own=own) == {"web:day": number, "login:day": number}

    async def test_what_is_spent_by_rules_that_have_changed_since_is_spent(self, house: House) -> None:
        self.own(house, "web", "$20")
        session = await house.session()
        for number in range(1, 4):
            await self.call(house, session)
            assert spent(house, own=self.own(house, "web", "$5")) == {"web:day": number}

    async def test_looking_shows_nothing_more_in_the_status(self, house: House) -> None:
        own = (*self.own(house, "web"), *self.own(house, "login"))
        await self.call(house)
        spent(house, own=own)
        assert [row["label"] for row in house.desk.status()["budgets"]] == ["web:day"]

    @pytest.mark.parametrize("runs", [True, False])
    @pytest.mark.parametrize("limit", ["$10", "$5"])
    @pytest.mark.parametrize("label", ["web:day", "login:day"])
    async def test_a_raise_by_the_name_in_one_is_one_in_all(
        self, house: House, limit: str, label: str, runs: bool
    ) -> None:
        own = (*self.own(house, "web"), *self.own(house, "login", limit))
        await self.call(house)
        if not runs:
            await house.reopen()
        assert spent(house, own=own) == {"web:day": 1, "login:day": 1}
        await house.desk.grants.raise_budget(label, "5", "release", None)
        limits = [held.limit / 1e9 for held, _ in look(house).anywhere(str(house.repo), own)]
        assert limits == [15.0, 15.0 if limit == "$10" else 10.0]

    async def test_a_copy_of_the_same_name_is_no_other_budget(self, house: House) -> None:
        (own,) = self.own(house, "web")
        moved = replace(own, source=str(house.folder / "elsewhere" / "web" / "tokenguard.toml"))
        await self.call(house)
        look(house).anywhere(str(house.repo), (own, moved))
        assert (await house.desk.grants.raise_budget("web:day", "5", "release", None))["limit"] == 15e9

    async def test_what_was_seen_yesterday_is_not_raised_today(self, house: House, clock: Clock) -> None:
        own = self.own(house, "web")
        look(house).anywhere(str(house.repo), own)
        clock.now_us += 24 * HOUR_US
        with pytest.raises(UsageError, match="there is no budget web:day"):
            await house.desk.grants.raise_budget("web:day", "5", "release", None)
        look(house).anywhere(str(house.repo), own)
        await house.desk.grants.raise_budget("web:day", "5", "release", None)

    async def test_repositories_of_the_same_name_are_told_apart_by_their_paths(self, house: House) -> None:
        house.budgets(budget(scope="repo"), budget(scope="branch", name="b"))
        other = house.folder / "forks" / "web"
        (other / ".git").mkdir(parents=True)
        (other / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        for cwd in (house.repo, other):
            await self.call(house, await house.session(cwd=cwd))
        with pytest.raises(UsageError, match="web/day is more than one budget") as raised:
            await house.desk.grants.raise_budget("web/day", "5", "release", None)
        assert raised.value.hint is not None
        names = raised.value.hint.removeprefix("name one: ").split(", ")
        assert sorted(names) == sorted([f"{house.repo}/day", f"{other}/day"])
        raised_one = await house.desk.grants.raise_budget(f"{other}/day", "5", "release", None)
        assert (raised_one["key"], raised_one["limit"]) == (str(other), 15e9)
        assert (await house.desk.grants.raise_budget(f"{other}/main/b", "5", "release", None))["limit"] == 15e9
        own = self.own(house, "web")
        look(house).anywhere(str(house.repo), own)
        assert (await house.desk.grants.raise_budget(f"{house.repo}:day", "5", "release", None))["label"] == "web:day"

    async def test_budgets_of_several_repositories_are_still_told_apart(self, house: House) -> None:
        house.budgets(budget(scope="repo"))
        seen = look(house)
        for repo in (str(house.repo), "/src/api"):
            seen.anywhere(repo, ())
        await house.call(await house.session(), output=DOLLAR)
        await house.desk.grants.raise_budget("web/day", "5", "release", None)
        elsewhere = house.folder / "api" / ".git"
        elsewhere.mkdir(parents=True)
        (elsewhere / "HEAD").write_text("ref: refs/heads/main\n")
        await house.session(cwd=elsewhere.parent)
        with pytest.raises(UsageError, match="day is more than one budget; name one: (web|api)/day, (web|api)/day"):
            await house.desk.grants.raise_budget("day", "5", "release", None)
