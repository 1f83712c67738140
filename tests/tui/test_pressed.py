"""Keys that mean the same everywhere, each pressed once."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.answering import Answering, answering, until
from tests.tui.limits import BUDGETS, COUNTERS
from tests.tui.test_help import ADVICE
from tests.tui.told import STATUS
from tokenguard import client
from tokenguard_tui.asking import Asked
from tokenguard_tui.screens.budget import BudgetForm
from tokenguard_tui.screens.budgets import BudgetsView
from tokenguard_tui.widgets.limits import Limits


async def budgets(app: Answering, pilot: Pilot[None]) -> Limits:
    """The list of budgets, in front."""
    app.state.status({**STATUS, "budgets": COUNTERS})
    await pilot.press("4")
    await until(pilot, lambda: isinstance(app.screen, BudgetsView), "it is not opened")
    await app.look(pilot)
    shown = app.screen.query_one(Limits)
    await until(pilot, lambda: shown.selected is not None, "nothing is selected")
    return shown


@pytest.mark.parametrize(
    ("key", "mode"),
    [("1", "now"), ("2", "models"), ("3", "history"), ("4", "budgets"), ("5", "team"), ("6", "advice")],
)
async def test_a_digit_goes_to_its_screen(tmp_path: Path, key: str, mode: str) -> None:
    async with answering(tmp_path, (80, 24), {}) as (app, pilot):
        await pilot.press("2" if key == "1" else "1")
        await pilot.press(key)
        await until(pilot, lambda: app.current_mode == mode, f"{key} does not lead there")


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_there_is_always_a_way_out(tmp_path: Path, key: str) -> None:
    async with answering(tmp_path, (80, 24), {}) as (app, pilot):
        await pilot.press(key)
        await until(pilot, lambda: not app.is_running, "it goes on")


@pytest.mark.parametrize(
    ("before", "key", "there"),
    [
        ("home", "down", 1),
        ("home", "j", 1),
        ("end", "up", -2),
        ("end", "k", -2),
        ("end", "home", 0),
        ("end", "g", 0),
        ("home", "end", -1),
        ("home", "G", -1),
        ("home", "pagedown", -1),
        ("end", "pageup", 0),
    ],
)
async def test_keys_go_through_a_list(tmp_path: Path, before: str, key: str, there: int) -> None:
    async with answering(tmp_path, (80, 24), {"/v1/budgets": BUDGETS}) as (app, pilot):
        shown = await budgets(app, pilot)
        idents = [option.id for option in shown.options if not option.disabled]
        await pilot.press(before)
        began = shown.selected
        await pilot.press(key)
        assert shown.selected == idents[there] != began


async def test_keys_go_from_field_to_field_of_a_form(tmp_path: Path) -> None:
    async with answering(tmp_path, (80, 24), {"/v1/budgets": BUDGETS}) as (app, pilot):
        await budgets(app, pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, BudgetForm) and app.focused is not None, "no form")
        first = app.focused
        for there, back in (("down", "up"), ("tab", "shift+tab")):
            await pilot.press(there)
            assert app.focused is not first
            await pilot.press(back)
            assert app.focused is first


@pytest.mark.parametrize(("key", "since"), [("d", "today"), ("w", "7d"), ("m", "30d")])
async def test_advice_is_of_the_time_that_is_chosen(tmp_path: Path, key: str, since: str) -> None:
    asked: list[Asked] = []

    class Noting(Answering):
        def on_asked(self, message: Asked) -> None:  # type: ignore[override]  # no thread is needed here
            asked.append(message)
            super().on_asked(message)

    app = Noting(tmp_path, {"/v1/advice": ADVICE})
    async with app.run_test(size=(80, 24)) as pilot:
        app.state.status(STATUS)
        await pilot.press("6", "w" if key != "w" else "d")
        await app.look(pilot)
        await pilot.press(key)
        await app.look(pilot)
        assert asked[-1].path == "/v1/advice" and dict(asked[-1].query)["since"] == since


async def test_the_daemon_can_be_started_while_there_is_none_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []

    def ensure(*about: object) -> None:
        started.append(about)

    monkeypatch.setattr(client, "ensure", ensure)
    async with answering(tmp_path, (80, 24), {}) as (app, pilot):
        await pilot.press("s")
        await pilot.pause()
        assert not started
        app.state.lost("the daemon is not running")
        app.draw()
        await pilot.press("s")
        await until(pilot, lambda: started, "nobody starts it")
