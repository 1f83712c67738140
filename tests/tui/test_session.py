"""The screen of one session: what it shows, and what its keys do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.tui.answering import NOW, Answering, answering, rows, until
from tests.tui.detail import AT_US, DETAIL, REFUSED, turn
from tests.tui.told import STATUS
from tokenguard_tui.screens.confirm import Confirm
from tokenguard_tui.screens.now import Now
from tokenguard_tui.screens.raising import Raising
from tokenguard_tui.screens.session import SessionView
from tokenguard_tui.widgets import curves, processes, turns
from tokenguard_tui.widgets.heading import Heading
from tokenguard_tui.widgets.holds import Holds
from tokenguard_tui.widgets.processes import Processes
from tokenguard_tui.widgets.sessions import Sessions
from tokenguard_tui.widgets.subagents import SubAgents
from tokenguard_tui.widgets.turns import Turns

PATH = "/v1/sessions/s1"
STEER = f"{PATH}/steer"
AGENT = {"pid": 4711, "started_us": AT_US}


async def yes(app: Answering, pilot: Pilot[None], key: str) -> None:
    """Press a key, and say yes once it is asked."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, Confirm), "it does not ask")
    await pilot.press("y")


@pytest.mark.parametrize("size", [(40, 14), (80, 24), (160, 50)])
async def test_enter_on_a_session_opens_it_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with answering(tmp_path, size, {PATH: DETAIL}) as (app, pilot):
        sessions = app.screen.query_one(Sessions)
        sessions.focus()
        await pilot.press("end", "enter")
        await until(pilot, lambda: isinstance(app.screen, SessionView), "it is not opened")
        await app.look(pilot)
        assert str(app.screen.query_one(Heading).content).startswith("claude  web  feat/login  $6.21")
        assert rows(app, Processes)[0].split()[:2] == ["claude", "4711"]
        newest, second, *_ = rows(app, Turns)
        assert newest.split()[0] == "10:12:00" and "refused" in newest
        assert "≈$0.220" in second and "96.0k" in second
        (explores,) = rows(app, SubAgents)
        assert app.screen.query_one(SubAgents).display is (size[1] > 24)
        if size[1] > 24:
            shown = ["Explore", "haiku-4.5", "12", "64.0k", "400k", "4.0k", "$0.190"]
            assert explores.split() == shown
        assert all(len(line) <= size[0] for line in (*rows(app, Turns), *rows(app, Processes)))
        assert app.screen.max_scroll_y == 0
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Now), "it does not close")


async def test_what_is_said_of_a_turn(tmp_path: Path) -> None:
    async with answering(tmp_path, (80, 24), {PATH: DETAIL}) as (app, pilot):
        app.push_screen(SessionView("s1"))
        await app.look(pilot)
        remark = app.screen.query_one("#remark", Static)
        assert "used up (19.97 of 20.00 USD); denied by ada: too dear" in str(remark.content)
        await pilot.press("j", "j", "j")
        await pilot.pause()
        assert str(remark.content).splitlines() == [
            "it asked for claude-opus-5-5",
            "claude-sonnet-5  anthropic  edit  ok  12.3 s",
        ]


async def test_turns_stand_in_the_order_that_is_wanted(tmp_path: Path) -> None:
    async with answering(tmp_path, (100, 40), {PATH: DETAIL}) as (app, pilot):
        app.push_screen(SessionView("s1"))
        await app.look(pilot)
        for first, last in (("10:11:00", "10:12:00"), ("10:11:00", "10:12:00"), ("10:12:00", "10:01:00")):
            await pilot.press("o")
            await app.look(pilot)
            shown = [line.split()[0] for line in rows(app, Turns)]
            assert (shown[0], shown[-1]) == (first, last)
        assert app.said == ["dearest first", "largest context first", "newest first"]


@pytest.mark.parametrize(("key", "deed"), [("p", "pause"), ("x", "stop")])
async def test_processes_are_only_touched_after_a_yes(tmp_path: Path, key: str, deed: str) -> None:
    async with answering(tmp_path, (80, 24), {PATH: DETAIL}) as (app, pilot):
        app.push_screen(SessionView("s1"))
        await app.look(pilot)
        for no in ("n", "escape"):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, Confirm), "it does not ask")
            asked = " ".join(str(one.content) for one in app.screen.query(Static))
            assert f"{deed} claude (process 4711) and the 2 processes below it?" in asked
            await pilot.press(no)
            await until(pilot, lambda: isinstance(app.screen, SessionView), "it does not close")
            assert app.done == []
        await yes(app, pilot, key)
        await until(pilot, lambda: app.said, "nothing is said")
        assert app.done == [(STEER, {"deed": deed, **AGENT})]
        assert isinstance(app.screen, SessionView) and app.said[0].startswith("claude is ")


async def test_what_is_paused_can_be_resumed_and_what_runs_cannot(tmp_path: Path) -> None:
    paused = {**DETAIL, "processes": [{**DETAIL["processes"][0], "stopped": True}]}
    async with answering(tmp_path, (80, 24), {PATH: DETAIL}) as (app, pilot):
        app.push_screen(SessionView("s1"))
        await app.look(pilot)
        assert {"p", "x"} <= set(app.screen.active_bindings) and "r" not in app.screen.active_bindings
        await pilot.press("r")
        assert isinstance(app.screen, SessionView)
        app.answers[PATH] = paused
        app.screen.renew()
        await app.look(pilot)
        assert {"r", "x"} <= set(app.screen.active_bindings) and "p" not in app.screen.active_bindings
        assert "paused" in rows(app, Processes)[0]
        await yes(app, pilot, "r")
        await until(pilot, lambda: app.said, "nothing is said")
        assert app.done == [(STEER, {"deed": "resume", **AGENT})]


async def test_why_it_was_not_done_is_said(tmp_path: Path) -> None:
    async with answering(tmp_path, (80, 24), {PATH: DETAIL}) as (app, pilot):
        app.problem = "claude is another process by now; look at its session again"
        app.push_screen(SessionView("s1"))
        await app.look(pilot)
        await yes(app, pilot, "x")
        await until(pilot, lambda: app.said, "nothing is said")
        assert app.said == [app.problem]


async def test_the_fullest_budget_is_raised_with_a_reason(tmp_path: Path) -> None:
    async with answering(tmp_path, (80, 24), {PATH: DETAIL}) as (app, pilot):
        app.push_screen(SessionView("s1"))
        await app.look(pilot)
        await pilot.press("plus")
        await until(pilot, lambda: isinstance(app.screen, Raising), "it does not ask")
        await pilot.pause()
        for wrong, why in (
            (("enter",), "by how much"),
            (tuple("two"), "is not an amount"),
            (("ctrl+u", *"3 calls"), "it counts usd, not calls"),
            (("ctrl+u", "0"), "an amount of 0 raises nothing"),
            (("ctrl+u", "5"), "a raise needs a reason"),
        ):
            await pilot.press(*("space" if key == " " else key for key in wrong))
            await pilot.pause()
            assert why in str(app.screen.query_one("#problem", Static).content)
            await pilot.press("enter")
        await pilot.press("tab", *"due", "tab", *"4x")
        await pilot.pause()
        assert "is not a time" in str(app.screen.query_one("#problem", Static).content)
        await pilot.press("backspace", "h", "enter")
        await until(pilot, lambda: app.said, "nothing is said")
        body = {"name": "web/day", "amount": "5", "reason": "due", "ttl": "4h"}
        assert app.done == [("/v1/budgets/raise", body)]


async def test_a_call_of_it_that_waits_is_answered_here(tmp_path: Path) -> None:
    own, other = ({**STATUS["holds"][0], "id": ident, "session": ident} for ident in ("s1", "s2"))
    async with answering(tmp_path, (80, 24), {PATH: DETAIL}) as (app, pilot):
        app.state.status({**STATUS, "holds": []})
        app.push_screen(SessionView("s1"))
        await app.look(pilot)
        assert not {"a", "d"} & set(app.screen.active_bindings)
        app.state.status({**STATUS, "holds": [other, own]})
        await app.look(pilot)
        (hold,) = rows(app, Holds)
        assert "opus-5.5" in hold and {"a", "d", "plus", "p", "x"} <= set(app.screen.active_bindings)
        await pilot.press("d")
        await until(pilot, lambda: app.done, "it is not answered")
        assert app.done == [("/v1/holds/s1", {"answer": "deny"})]


async def test_a_session_that_has_ended_or_is_not_known(tmp_path: Path) -> None:
    about = {**DETAIL["session"], "state": "ended", "ended_at": "2026-11-21T10:13:00Z", "exit_code": 2}
    ended: dict[str, Any] = {"session": about, "models": [], "turns": [], "budgets": [], "processes": []}
    async with answering(tmp_path, (80, 24), {PATH: ended}) as (app, pilot):
        app.push_screen(SessionView("s1"))
        await app.look(pilot)
        assert str(app.screen.query_one(Heading).content).endswith("ended 10:13 with 2")
        assert rows(app, Processes) == ["no process of it is known"] and rows(app, Turns) == ["no call yet"]
        assert not {"p", "r", "x", "plus"} & set(app.screen.active_bindings)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Now), "it does not close")
        app.push_screen(SessionView("s2"))
        await app.look(pilot)
        assert "there is no /v1/sessions/s2" in str(app.screen.query_one(Heading).content)
        await pilot.press("x", "plus", "escape")
        await until(pilot, lambda: isinstance(app.screen, Now), "it does not close")


async def test_what_comes_when_it_is_over_changes_nothing(tmp_path: Path) -> None:
    async with answering(tmp_path, (80, 24), {}) as (app, _):
        pass
    app.draw()


class TestTurns:
    def line(self, one: dict[str, Any], width: int = 120) -> list[str]:
        (_, (_, line)) = turns.lines([one], NOW, width)
        return line.plain.split()

    def test_a_turn(self) -> None:
        shown = ["10:03:00", "opus-5.5", "32.0k", "24.0k", "6.0k", "303", "$0.060", "edit"]
        assert self.line(turn(3)) == shown

    def test_tools_that_the_provider_runs_are_counted(self) -> None:
        assert self.line(turn(3, fees={"web_search": 2}))[-2:] == ["web_search", "2"]

    def test_one_that_runs(self) -> None:
        shown = self.line(turn(3, outcome="running", cost_nanos=None, usage={}, task_type=None))
        assert shown == ["10:03:00", "opus-5.5", "…"]

    def test_what_a_sub_agent_did(self) -> None:
        assert self.line(turn(3, request_class="sub-agent", subagent_type="Explore"))[-1] == "Explore"

    def test_hostile_names_are_harmless(self) -> None:
        shown = self.line(turn(3, model="\x1b[31mx", task_type="edit", outcome="o\x07k"))
        assert not any(char in "".join(shown) for char in "\x1b\x07")

    def test_a_remark_has_all_that_is_odd(self) -> None:
        said, about = turns.remark({**REFUSED, "billing": "subscription", "confidence": "bound"})
        assert said.startswith("the day budget")
        assert about == "claude-opus-5-5  anthropic  edit  refused  subscription  bound"


class TestCurves:
    def test_columns_are_the_turns_of_the_conversation(self) -> None:
        cost, context, cached = (line.plain for line in curves.lines(DETAIL["turns"], 78, plain=False))
        assert cost.split()[:2] == ["COST", "$0.220"] and context.split()[:2] == ["CONTEXT", "96.0k"]
        assert cached.split()[:2] == ["CACHED", "91%"]
        assert {len(line.split()[-1]) for line in (cost, context, cached)} == {10}  # the title is none

    @pytest.mark.parametrize("width", [1, 20, 38, 78, 200])
    def test_they_fit(self, width: int) -> None:
        for line in curves.lines(DETAIL["turns"] * 30, width, plain=True):
            assert len(line) <= max(width, 24) and line.plain.isascii()

    def test_nothing_is_drawn_of_nothing(self) -> None:
        assert curves.lines([REFUSED], 78, plain=False) == []


class TestProcesses:
    def test_how_busy_each_is(self) -> None:
        shares = processes.busy({(1, 5): 10.0, (2, 5): 1.0}, {(1, 5): 11.0, (2, 6): 3.0}, 2.0)
        assert shares == {(1, 5): 0.5}

    @pytest.mark.parametrize("plain", [True, False])
    def test_each_below_its_parent(self, plain: bool) -> None:
        shares = {(4711, AT_US): 0.5}
        lines = [line.plain for _, line in processes.lines(DETAIL["processes"], shares, 60, plain)][1:]
        assert lines[0].split() == ["claude", "4711", "50%", "312M"]
        assert [line.index(name) for line, name in zip(lines, ("claude", "node", "rg"), strict=True)] == (
            [0, 3, 5] if plain else [0, 2, 4]
        )
        assert lines[2].split()[-1] == "1.4G"
        assert not plain or all(line.isascii() for line in lines)


class Ending(Answering):
    """A dashboard whose timers have something to draw when nothing is left on its screen."""

    async def _close_all(self) -> None:
        await self.screen.remove_children()
        self.draw()
        self.said.append("it has ended")
        await super()._close_all()


async def test_nothing_is_drawn_once_it_ends(tmp_path: Path) -> None:
    app = Ending(tmp_path, {PATH: DETAIL})
    async with app.run_test(size=(80, 24)) as pilot:
        app.state.status(STATUS)
        app.push_screen(SessionView("s1"))
        await app.look(pilot)
    assert app.said == ["it has ended"]
