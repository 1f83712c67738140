"""The screen of teams: what it shows, and what its key does."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import Static

from tests.tui.answering import NOW, Answering, answering, rows, until
from tests.tui.teams import TEAMS, USD, quota, team
from tests.tui.told import STATUS
from tokenguard_tui.screens.team import Team
from tokenguard_tui.widgets import quotas
from tokenguard_tui.widgets.heading import Heading
from tokenguard_tui.widgets.quotas import Quotas, legend, parts, remarks


@asynccontextmanager
async def opened(
    folder: Path, size: tuple[int, int] = (80, 24), told: object = TEAMS
) -> AsyncGenerator[tuple[Answering, Pilot[None]]]:
    async with answering(folder, size, {"/v1/team": told}) as (app, pilot):
        app.state.status(STATUS)
        await pilot.press("5")
        await until(pilot, lambda: isinstance(app.screen, Team), "it is not opened")
        await app.look(pilot)
        yield app, pilot


def says(app: Answering, where: str) -> str:
    return str(app.screen.query_one(where, Static).content)


@pytest.mark.parametrize("size", [(40, 14), (80, 24), (160, 50)])
async def test_limits_and_members_are_shown_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, size) as (app, _):
        assert "team web" in str(app.screen.query_one(Heading).content)
        month, ann, bob, other, day = rows(app, Quotas)
        assert month.startswith("team:web/month") and "41%" in month and "$190.00" in month
        assert ann.startswith("└ Ann") and bob.startswith("└ Bob") and other.startswith("└ 9c8d")
        assert "92%" in day and "!" in day
        assert all(len(line) <= size[0] for line in (month, ann, bob, other, day))
        assert "9c8d7e6f5a4b3c2d has not been heard of" in says(app, "#remarks")
        assert app.screen.max_scroll_y == 0


async def test_where_there_is_room_all_is_told(tmp_path: Path) -> None:
    async with opened(tmp_path, (160, 50)) as (app, _):
        assert str(app.screen.query_one(Heading).content).endswith("heard 12 s ago")
        month, ann, _, other, day = rows(app, Quotas)
        assert month.split()[1:] == [
            "█" * 11 + "▒" * 4 + "▓" + "░" * 10,
            *("41%", "$205.00", "$62.00", "$25.00", "$190.00", "$18.00", "12", "s"),
        ]
        assert ann.split()[:4] == ["└", "Ann", "Example", "(you)"] and "$18.00" in ann
        assert other.split()[2] == "1188ee00" and other.endswith("Nov 19")
        assert day.split()[2:] == ["92%", "!", "$37.00", "$0.00", "12", "s"], "nothing is handed out of it"
        assert says(app, "#legend") == "█ spent  ▒ held  ▓ presumed  ░ free"


async def test_without_a_team_it_says_how_to_get_one(tmp_path: Path) -> None:
    async with opened(tmp_path, told={"teams": []}) as (app, pilot):
        assert "tokenguard team join" in says(app, "#said") and app.screen.query_one("#said").display
        assert not app.screen.query_one(Quotas).display
        await pilot.press("r")
        assert app.done == []


async def test_the_others_can_be_heard_now(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: app.said, "nothing is said")
        assert (app.done, app.said) == ([("/v1/team/sync", {})], ["the others were heard"])
        app.problem = "the remote is not there; check origin"
        app.said.clear()
        await pilot.press("r")
        await until(pilot, lambda: app.said, "nothing is said")
        assert app.said == ["the remote is not there; check origin"]


async def test_why_nothing_is_heard_stands_below(tmp_path: Path) -> None:
    away = team(problem="the remote is not there", state="away")
    async with opened(tmp_path, told={"teams": [away]}) as (app, _):
        assert says(app, "#remarks").startswith("! web: the remote is not there\n! web: 9c8d7e6f")


async def test_what_nobody_was_heard_of_is_not_made_up(tmp_path: Path) -> None:
    unknown = dict.fromkeys(("others", "held", "presumed", "free", "granted"))
    told = team(budgets=[quota(**unknown, spent=5 * USD)], members=[], heard_at=None)
    async with opened(tmp_path, (160, 50), told={"teams": [told]}) as (app, _):
        (month,) = rows(app, Quotas)
        assert month.split()[2:] == ["1%", "$5.00", "never"]


def test_a_grant_that_has_run_out_is_called_so() -> None:
    told = [team(budgets=[quota(usable=False)], members=[])]
    assert "expired" in quotas.lines(told, NOW, 160, plain=False)[1][1].plain


def test_nothing_from_elsewhere_reaches_the_terminal() -> None:
    hostile = "\x1b]0;x\x07"
    told = [team(problem=hostile, remarks=[hostile], budgets=[quota(label=hostile)])]
    told[0]["members"] = [{**told[0]["members"][0], "name": hostile, "machine": hostile}]
    shown = [line.plain for _, line in quotas.lines(told, NOW, 160, plain=False)] + remarks(told)
    assert not any(char in text for text in shown for char in "\x1b\x07")


def test_ascii_alone_will_do() -> None:
    lines = [line.plain for _, line in quotas.lines([team()], NOW, 100, plain=True)]
    assert all(line.isascii() for line in lines) and legend(plain=True).isascii()


SHARE = st.floats(-0.5, 2, allow_nan=False)


@given(SHARE, SHARE, SHARE, st.integers(1, 60), st.booleans())
def test_a_bar_is_always_as_wide(spent: float, held: float, presumed: float, width: int, plain: bool) -> None:
    bar = parts({"spent": spent, "held": held, "presumed": presumed}, width, plain=plain)
    assert len(bar) == width
    assert spent < 1 or set(bar) == {"#" if plain else "█"}
