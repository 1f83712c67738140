"""The screen of days, weeks and months."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import ContentSwitcher

from tests.tui.past import DAILY, NOW, Past, ledger, past, told
from tokenguard_tui.screens.history import History
from tokenguard_tui.widgets.chart import Chart
from tokenguard_tui.widgets.course import points
from tokenguard_tui.widgets.heading import Heading
from tokenguard_tui.widgets.heat import Heat
from tokenguard_tui.widgets.series import Series


def heading(app: Past) -> str:
    return str(app.screen.query_one(Heading).content)


def parts(app: Past) -> list[str]:
    """What the list of parts shows, without its colours."""
    found = app.screen.query_one(Series)
    options = [found.get_option_at_index(index) for index in range(found.option_count)]
    return [" ".join(str(option.prompt).split()[1:]) for option in options if (option.id or "").startswith("=")]


@pytest.mark.parametrize("size", [(20, 6), (38, 12), (80, 24), (160, 50)])
async def test_it_is_there_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with past(tmp_path, "3", size) as (app, _):
        assert isinstance(app.screen, History)
        text = app.text()
        assert "today  $4.00" in text
        assert all(len(line) <= size[0] for line in text.splitlines())
        if size[0] >= 38:
            assert "≈$6.00" in heading(app) and "█" in text
        assert app.screen.query_one("#below > Heat", Heat).region.area > 0 or size[0] < 80


async def test_what_is_to_come_stands_behind_the_present_slot(tmp_path: Path) -> None:
    async with past(tmp_path, "3", (80, 24)) as (app, _):
        *_, bottom = [line for line in app.text().splitlines() if line.startswith(" " * 7) and line.count("█") >= 6]
        # Hours at three cells each: 9 and 13 were, 16 is likely.
        assert [index for index in range(24) if bottom[7 + 3 * index : 9 + 3 * index] == "██"] == [9, 13, 16]
        assert "≈$6.00 by midnight" in heading(app)


async def test_keys_lead_through_time(tmp_path: Path) -> None:
    async with past(tmp_path, "3", (80, 24)) as (app, pilot):
        shown: list[str] = []
        for key in ("left", "left", "right", "w", "left", "m", "left", "d"):
            await pilot.press(key)
            await app.settled(pilot)
            shown.append(heading(app).split("  ")[0])
            offered = app.screen.active_bindings["right"].binding.action == "later"
            assert offered is (key == "left" or shown[-1] == "yesterday")
        assert shown == [
            *("yesterday", "Mon Nov 16", "yesterday"),
            *("this week", "Nov 9 to 15", "November", "October", "today"),
        ]
        await pilot.press("right")
        await app.settled(pilot)
        assert heading(app).startswith("today")


async def test_it_is_stacked_of_models_agents_or_repositories(tmp_path: Path) -> None:
    async with past(tmp_path, "3", (80, 24)) as (app, pilot):
        await pilot.press("w")
        shown: list[list[str]] = []
        for _ in range(3):
            await app.settled(pilot)
            shown.append(parts(app))
            await pilot.press("b")
        models, agents, repositories = shown
        assert models == ["opus-4.5 5 81% $13.00", "gpt-5.1-codex 3 19% $3.00"]
        assert agents == ["claude 5 81% $13.00", "codex 3 19% $3.00"]
        # Two that are called the same are told apart.
        assert repositories == ["src/web 3 56% $9.00", "other/web 2 25% $4.00", "api 3 19% $3.00"]


async def test_it_is_measured_in_dollars_at_list_price_or_in_tokens(tmp_path: Path) -> None:
    async with past(tmp_path, "3", (80, 24), ledger(billing="subscription")) as (app, pilot):
        shown = [heading(app)]
        for _ in range(3):
            await pilot.press("v")
            await app.settled(pilot)
            shown.append(heading(app))
        at_list, tokens, spend, again = (line.split("  ")[1] for line in shown)
        assert (at_list, tokens, spend, again) == (
            "$4.00 at list price",
            "202k tokens",
            "$0.00",
            "$4.00 at list price",
        )


async def test_one_part_alone(tmp_path: Path) -> None:
    async with past(tmp_path, "3", (80, 24)) as (app, pilot):
        await pilot.press("w", "down", "down", "enter")
        await app.settled(pilot)
        assert "only gpt-5.1-codex" in heading(app) and "  $1 " in app.text()
        await pilot.press("enter")
        await app.settled(pilot)
        assert "only" not in heading(app)
        await pilot.press("enter", "b")
        await app.settled(pilot)
        assert "only" not in heading(app), "the part is not there any more"


async def test_parts_can_be_searched(tmp_path: Path) -> None:
    async with past(tmp_path, "3", (80, 24)) as (app, pilot):
        await pilot.press("slash", *"pus", "left", "left", "left", "o")
        await app.settled(pilot)
        assert [part.split()[0] for part in parts(app)] == ["opus-4.5"]
        assert heading(app).startswith("today")


@pytest.mark.parametrize(
    ("size", "views"), [((80, 24), ["course", "columns"]), ((38, 12), ["course", "hours", "columns"])]
)
async def test_one_key_changes_the_chart(tmp_path: Path, size: tuple[int, int], views: list[str]) -> None:
    async with past(tmp_path, "3", size) as (app, pilot):
        for view in views:
            await pilot.press("c")
            await app.settled(pilot)
            assert app.screen.query_one(ContentSwitcher).current == view
            if view == "course":
                assert any("\u2800" < char <= "\u28ff" for char in app.text()), app.text()
            if view == "hours":
                assert "Sun" in app.text()


async def test_only_ascii_is_drawn_where_there_is_no_more(tmp_path: Path) -> None:
    async with past(tmp_path, "3", (80, 24)) as (app, pilot):
        app.state.plain = True
        for chart in ("columns", "course"):
            await app.settled(pilot)
            body = "\n".join(app.text().splitlines()[1:-1])
            assert body.isascii() and "##" in body, chart
            await pilot.press("c")


async def test_without_shades_signs_tell_parts_apart(tmp_path: Path) -> None:
    async with past(tmp_path, "3", (80, 24)) as (app, pilot):
        app.theme = "ansi-dark"
        await pilot.press("w")
        await app.settled(pilot)
        assert "########" in app.text() and "========" in app.text() and "█" not in app.text()


async def test_nothing_says_so(tmp_path: Path) -> None:
    async with past(tmp_path, "3", (80, 24), ledger(days=0)) as (app, pilot):
        await pilot.press("left")
        await app.settled(pilot)
        assert "nothing in this time" in app.text() and "yesterday  $0.00" in app.text()
        await pilot.press("c")
        await app.settled(pilot)
        assert "yesterday  $0.00" in app.text()


async def test_a_daemon_that_does_not_answer(tmp_path: Path) -> None:
    async with past(tmp_path, "3", (80, 24)) as (app, pilot):
        app.problem = "the daemon is older than this dashboard"
        await pilot.press("w")
        await app.settled(pilot)
        # The last answer stays, under its own name, and it is said why there is no other.
        assert heading(app).startswith("today") and app.problem in heading(app)
        app.state.lost("the daemon has ended")
        await app.settled(pilot)
        assert "the daemon has ended" in heading(app)
        app.problem, app.state.away = "", None
        await app.settled(pilot)
        assert heading(app).startswith("this week") and "daemon" not in heading(app)


async def test_names_cannot_command_the_terminal(tmp_path: Path) -> None:
    named = [one._replace(repo="/src/\x1b[31mweb") for one in DAILY]
    async with past(tmp_path, "3", (80, 24), ledger(daily=named)) as (app, pilot):
        await pilot.press("w", "b", "b")
        await app.settled(pilot)
        assert "\x1b" not in app.text() and "[31mweb" in app.text()


async def test_the_mouse_tells_what_is_below_it(tmp_path: Path) -> None:
    async with past(tmp_path, "3", (80, 24)) as (app, pilot):
        await pilot.press("w")
        await app.settled(pilot)
        chart, heat = app.screen.query_one(Chart), app.screen.query_one("#below > Heat", Heat)
        for x, said in (
            (10, "Mon Nov 16  $6.00\nopus-4.5  $5.00\ngpt-5.1-codex  $1.00"),
            (30, "Wed Nov 18  $4.00\nopus-4.5  $3.00\ngpt-5.1-codex  $1.00\nstill to come  ≈$2.00, up to $2.00"),
            (40, "Thu Nov 19  $0.00\nstill to come  ≈$6.00, up to $6.00"),
            (2, "None"),
        ):
            await pilot.hover(chart, (x, 3))
            assert str(chart.tooltip) == said
        await pilot.hover(heat, (1 + 4 + 9, 2))
        assert str(heat.tooltip) == "Mon 09:00  $2.25 on average"
        await pilot.hover(heat, (1, 2))
        assert heat.tooltip is None


def test_the_course_goes_on_from_now() -> None:
    with closing(ledger()) as conn:
        known = told(conn, "/v1/history", {"window": "day", "measure": "spend"})
    line, band = points(known, NOW)
    assert line[0] == (0.0, 0) and line[-1] == (14.5, 4_000_000_000)
    assert band[0] == (14.5, *[4_000_000_000] * 3) and band[-1][:2] == (24.0, 6_000_000_000)
    # It can be some seconds old, and then the hour may have changed.
    late, _ = points(known, NOW + timedelta(hours=1))
    assert late[-1][0] == 15


def test_a_course_without_a_future() -> None:
    past_day: dict[str, Any] = {"slots": ["a", "b"], "series": [{"values": [1, 2]}, {"values": [3, 0]}], "course": []}
    assert points(past_day, NOW) == ([(0.0, 0), (1.0, 4), (2.0, 6)], [])
