"""The screen of models."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.past import DAILY, Past, ledger, past
from tokenguard_tui.screens.history import History
from tokenguard_tui.screens.models import Models
from tokenguard_tui.widgets.heading import Heading
from tokenguard_tui.widgets.models import ModelTable
from tokenguard_tui.widgets.rows import TITLES


def rows(app: Past) -> list[str]:
    found = app.screen.query_one(ModelTable)
    options = [found.get_option_at_index(index) for index in range(found.option_count)]
    return [str(option.prompt).rstrip() for option in options if option.id != TITLES]


def heading(app: Past) -> str:
    return str(app.screen.query_one(Heading).content)


@pytest.mark.parametrize("size", [(20, 5), (38, 12), (80, 24), (160, 50)])
async def test_shares_stand_beside_each_other_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with past(tmp_path, "2", size) as (app, _):
        assert isinstance(app.screen, Models)
        opus, codex = rows(app)
        if size[0] >= 38:
            assert opus.startswith("opus-4.5") and "83%" in opus and "$35.00" in opus
            assert codex.startswith("gpt-5") and codex.endswith("$7.00") is (size[0] == 38)
            assert opus.count("█") > codex.count("█") > 0
            assert max(len(opus), len(codex)) <= size[0] - 2
        if size[0] >= 80:
            assert "25.00" in opus and "90%" in opus and "10.00" in codex and "50%" in codex
        assert "7 days  $42.00" in heading(app) or size[0] < 38


async def test_keys_choose_the_time_and_the_order(tmp_path: Path) -> None:
    async with past(tmp_path, "2", (80, 24)) as (app, pilot):
        for key, title in (("d", "today  $4.00"), ("m", "30 days  $124.00"), ("w", "7 days  $42.00")):
            await pilot.press(key)
            await app.settled(pilot)
            assert heading(app).startswith(title)
        for order, first in (("most tokens first", "opus"), ("worst cached first", "gpt"), ("dearest first", "opus")):
            await pilot.press("o")
            await app.settled(pilot)
            assert order in heading(app) and rows(app)[0].startswith(first)


@pytest.mark.parametrize(("key", "title"), [("d", "today"), ("w", "this week"), ("m", "November")])
async def test_enter_shows_when_a_model_was_used(tmp_path: Path, key: str, title: str) -> None:
    async with past(tmp_path, "2", (80, 24)) as (app, pilot):
        await pilot.press(key)
        await app.settled(pilot)
        await pilot.press("down", "down", "enter")
        await app.settled(pilot)
        assert isinstance(app.screen, History)
        assert heading(app).startswith(title) and "only gpt-5.1-codex" in heading(app)


async def test_a_hit_rate_that_fell_is_noticed(tmp_path: Path) -> None:
    async with past(tmp_path, "2", (80, 24), ledger(missed_today=True)) as (app, pilot):
        await pilot.press("d")
        await app.settled(pilot)
        opus, codex = rows(app)
        assert opus.endswith("0%  was 90%") and codex.endswith("0%  was 50%")


async def test_what_nobody_pays_is_called_so(tmp_path: Path) -> None:
    async with past(tmp_path, "2", (80, 24), ledger(billing="subscription")) as (app, _):
        assert "NOTIONAL" in app.text() and "SPEND" not in app.text()
        assert rows(app)[0].count("$35.00") == 1
        assert "$0.00  $42.00 notional" in heading(app)


async def test_without_calls_it_says_what_to_do(tmp_path: Path) -> None:
    async with past(tmp_path, "2", (80, 24), ledger(days=-1)) as (app, _):
        assert rows(app) == ["no calls in this time: tokenguard run claude"]


async def test_a_name_cannot_command_the_terminal_and_providers_are_told_apart(tmp_path: Path) -> None:
    same = [one._replace(model="x\x1b[31m") for one in DAILY]
    async with past(tmp_path, "2", (80, 24), ledger(daily=same)) as (app, _):
        first, second = rows(app)
        assert "\x1b" not in app.text()
        assert "[31m anthropic" in first and "[31m openai" in second


async def test_only_ascii_is_drawn_where_there_is_no_more(tmp_path: Path) -> None:
    async with past(tmp_path, "2", (80, 24)) as (app, pilot):
        app.state.plain = True
        await app.settled(pilot)
        assert all(row.isascii() and "#" in row for row in rows(app)), rows(app)


async def test_without_a_daemon_it_says_so(tmp_path: Path) -> None:
    async with past(tmp_path, "1", (80, 24)) as (app, pilot):
        app.state.lost("the daemon is not running")
        for key in ("2", "3"):
            await pilot.press(key)
            await app.settled(pilot)
            assert heading(app).endswith("the daemon is not running") and "s" in app.screen.active_bindings
        assert not app.questions
