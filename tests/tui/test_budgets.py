"""The screen of budgets: what it shows, and what its keys do."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.tui.answering import NOW, Answering, answering, rows, until
from tests.tui.limits import BUDGETS, COUNTERS, HAND
from tests.tui.teams import quota
from tests.tui.told import STATUS
from tokenguard_tui.screens.budget import BudgetForm
from tokenguard_tui.screens.budgets import BudgetsView
from tokenguard_tui.screens.confirm import Confirm
from tokenguard_tui.screens.raising import Raising
from tokenguard_tui.widgets import limits, trail
from tokenguard_tui.widgets.heading import Heading
from tokenguard_tui.widgets.limits import Limits
from tokenguard_tui.widgets.trail import Trail


@asynccontextmanager
async def opened(
    folder: Path, size: tuple[int, int] = (80, 24), told: object = BUDGETS, counters: object = COUNTERS
) -> AsyncGenerator[tuple[Answering, Pilot[None]]]:
    async with answering(folder, size, {"/v1/budgets": told}) as (app, pilot):
        app.state.status({**STATUS, "budgets": counters})
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, BudgetsView), "it is not opened")
        await app.look(pilot)
        yield app, pilot


async def choose(app: Answering, pilot: Pilot[None], name: str) -> None:
    """Select the line that begins so."""
    shown = app.screen.query_one(Limits)
    for index in range(shown.option_count):
        if str(shown.get_option_at_index(index).prompt).startswith(name):
            shown.highlighted = index
    await app.look(pilot)


def says(app: Answering, where: str) -> str:
    return str(app.screen.query_one(where, Static).content)


@pytest.mark.parametrize("size", [(40, 14), (80, 24), (160, 50)])
async def test_budgets_and_counters_are_shown_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, size) as (app, _):
        assert "3 budgets" in str(app.screen.query_one(Heading).content)
        day, web, api, every, own = rows(app, Limits)
        assert [line.split()[:2] for line in (web, api)] == [["└", "web"], ["└", "api"]]
        assert all(part in web for part in ("82%", "!", "$2.60")) and "10%" in api
        assert day.startswith("day") and every.startswith("all") and "✗" in every
        assert own.startswith("web:own") and "288" in own
        raised, denied = rows(app, Trail)
        assert "raised" in raised and "+$5.00" in raised and "denied" in denied
        assert all(len(line) <= size[0] for line in (day, web, api, every, own, raised, denied))
        assert app.screen.max_scroll_y == 0


async def test_only_what_can_be_done_with_the_selected_one_is_offered(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, pilot):
        offered = {"n", "e", "x", "plus", "l"}
        for name, expected, said in (
            ("day", {"n", "e", "x"}, "$20  each repo  day  claude-opus-*  hold  forecast\nset in /c/budgets.toml"),
            ("└ web", {"n", "e", "x", "plus"}, "set in /c/budgets.toml"),
            ("all", {"n", "plus", "l"}, "written by hand in /c/config.toml"),
            ("web:own", {"n", "plus"}, "set in /src/web/tokenguard.toml"),
        ):
            await choose(app, pilot, name)
            assert set(app.screen.active_bindings) & offered == expected, name
            assert said in says(app, "#remark")


async def test_a_team_s_limit_is_not_raised_from_here(tmp_path: Path) -> None:
    async with opened(tmp_path, counters=[*COUNTERS, quota()]) as (app, pilot):
        await choose(app, pilot, "team:web/month")
        assert "set in team:web" in says(app, "#remark")
        assert not {"plus", "e", "x"} & set(app.screen.active_bindings)


async def test_a_budget_is_set_with_what_is_typed(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, pilot):
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, BudgetForm), "there is no form")
        await pilot.pause()
        assert "by which it is seen and raised" in says(app, "#says")
        await pilot.press(*"night", "down", *"twenty")
        await pilot.pause()
        assert says(app, "#says").startswith('✗ limit "twenty" is not an amount')
        assert app.screen.query_one("#field-limit").has_class("wrong")
        await pilot.press("enter")
        assert app.done == []
        await pilot.press("ctrl+u", *"20", "down", *"rep", "right", "down", *"day")
        await pilot.pause()
        assert "when it starts anew" in says(app, "#says") and not app.screen.query(".wrong")
        await pilot.press("enter")
        await until(pilot, lambda: app.said, "nothing is said")
        table = {"name": "night", "limit": "20", "scope": "repo", "window": "day"}
        assert app.done == [("/v1/budgets/set", {"table": table, "new": True})]
        assert app.said == ["night is set"] and isinstance(app.screen, BudgetsView)


async def test_a_budget_is_changed_and_keeps_what_is_not(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, pilot):
        await choose(app, pilot, "└ web")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, BudgetForm), "there is no form")
        await pilot.pause()
        assert says(app, "#title") == "change day" and not app.screen.query("#field-name")
        app.problem = "the disk is full; make room"
        await pilot.press("end", "ctrl+u", *"30", "enter")
        await until(pilot, lambda: "the disk is full" in says(app, "#says"), "why it failed is not said")
        app.problem = ""
        await pilot.press("enter")
        await until(pilot, lambda: app.said, "nothing is said")
        changed = {**BUDGETS["budgets"][0]["table"], "limit": "30"}
        assert app.done == [("/v1/budgets/set", {"table": changed, "new": False})] * 2


async def test_nothing_is_changed_by_leaving(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, pilot):
        for key, dialog in (("e", BudgetForm), ("x", Confirm), ("n", BudgetForm)):
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(app.screen, BudgetsView), "it does not ask")
            assert isinstance(app.screen, dialog)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, BudgetsView), "it does not close")
        assert app.done == [] and app.said == []


async def test_a_budget_is_removed_after_a_yes(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, pilot):
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Confirm), "it does not ask")
        await pilot.press("y")
        await until(pilot, lambda: app.said, "nothing is said")
        assert app.done == [("/v1/budgets/remove", {"name": "day"})]
        assert app.said == ["day is removed"]


async def test_a_counter_is_raised_and_its_reserve_given_out(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, pilot):
        await choose(app, pilot, "web:own")
        await pilot.press("plus")
        await until(pilot, lambda: isinstance(app.screen, Raising), "it does not ask")
        await pilot.press(*"5", "space", *"calls", "tab", *"why", "enter")
        await until(pilot, lambda: app.said, "nothing is said")
        assert app.done == [("/v1/budgets/raise", {"name": "web:own", "amount": "5 calls", "reason": "why"})]
        await choose(app, pilot, "all")
        await pilot.press("l")
        await until(pilot, lambda: len(app.said) == 2, "nothing is said")
        assert app.done[1:] == [("/v1/budgets/land", {"name": "all"})]


async def test_what_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    async with opened(tmp_path, told={"budgets": [], "trail": []}, counters=[]) as (app, pilot):
        assert rows(app, Limits) == ["no budget yet: n sets one"]
        assert rows(app, Trail) == ["nothing was raised, allowed or denied yet"]
        await pilot.press("e", "x", "plus", "l", "enter")
        await app.look(pilot)
        assert isinstance(app.screen, BudgetsView) and app.done == []


async def test_a_daemon_that_does_not_tell(tmp_path: Path) -> None:
    async with opened(tmp_path, told=None) as (app, pilot):
        assert "there is no /v1/budgets" in str(app.screen.query_one(Heading).content)
        await pilot.press("e", "x", "plus", "l", "enter")
        assert isinstance(app.screen, BudgetsView)


def test_hostile_names_are_harmless() -> None:
    one = {**BUDGETS["budgets"][0], "name": "a\x1b[2J", "source": "/c/\x07"}
    counter = {**COUNTERS[0], "label": "x\ny/a", "name": "a\x1b[2J", "source": "/c/\x07"}
    entry = {**BUDGETS["trail"][0], "who": "a\x1b", "reason": "\x07", "budget": "b\n"}
    lines = [*limits.lines([one], [counter], 80, True), *trail.lines([entry], NOW, 80)]
    shown = "".join(line.plain for _, line in lines) + "".join(limits.remark(one))
    assert not any(char in shown for char in "\x1b\x07\n")


def test_numbers_of_a_newer_daemon_are_shown_as_they_come() -> None:
    counter = {**COUNTERS[0], "level": "molten", "limit": 0}
    assert "100%" in limits.lines([], [counter], 80, False)[1][1].plain
    entry = {**BUDGETS["trail"][0], "kind": "sold"}
    assert "sold" in trail.lines([entry], NOW, 80)[1][1].plain


async def test_a_click_selects_and_changes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, pilot):
        await pilot.click(Limits, offset=(4, 4))
        await app.look(pilot)
        assert isinstance(app.screen, BudgetsView)
        assert app.screen.query_one(Limits).selected == f"b:all:{HAND}"


async def test_counters_of_an_older_daemon_stand_alone(tmp_path: Path) -> None:
    async with answering(tmp_path, (80, 24), {"/v1/budgets": BUDGETS}) as (app, pilot):
        await pilot.press("4")
        await app.look(pilot)
        assert "name" not in STATUS["budgets"][0]
        assert any(line.startswith("web/day") for line in rows(app, Limits))
