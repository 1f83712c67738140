"""The files of runs: what stands in them, and when they have to be looked at again."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tokenguard.config.paths import Paths
from tokenguard.policy.budgets import Slot, Standing
from tokenguard.policy.windows import FOREVER
from tokenguard.records import Budget, Unit
from tokenguard.status_files.files import Files
from tokenguard.status_files.sessions import SessionBoard

NOON_US = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()) * 1_000_000
MIDNIGHT_US = NOON_US + 12 * 3_600_000_000
HEAD = f"tokenguard 1 {os.getpid()}\n"

Refused = dict[str, tuple[Standing, int] | None]


class Runs:
    """A desk that says what it was told to."""

    def __init__(self, refused: Refused, hour_nanos: int = 0) -> None:
        self.refused = refused
        self.hour_nanos = hour_nanos
        self.asked = 0
        self._counted = False

    async def written(self) -> None:
        self._counted = True

    def status(self) -> dict[str, Any]:
        self.asked += 1
        assert self._counted, "what was charged is not among the sums yet"
        cost = {"confidence": "exact", "unpriced": 0}
        sessions = [{"id": name, "agent": "claude", "repo": "/x/web", "branch": "main"} for name in self.refused]
        totals = {"today": {"cost_nanos": 2_000_000_000, **cost}, "hour": {"cost_nanos": self.hour_nanos, **cost}}
        return {"totals": totals, "sessions": sessions, "budgets": [], "windows": [], "holds": []}

    def runs(self) -> list[str]:
        return list(self.refused)

    def refused_prompt(self, session_id: str) -> tuple[Standing, int] | None:
        return self.refused[session_id]


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenguard.status_files.sessions.local_zone", lambda: UTC)


def used_up(resets_us: int | None = None) -> Standing:
    slot = Slot(Budget("few", 3, unit=Unit.CALLS, window="day", timezone="UTC"), "", FOREVER)
    return Standing(slot, 3, 3, 0, resets_us=resets_us)


async def written(runs: Runs, folder: Path) -> tuple[dict[str, str], float]:
    """What stands below the state folder, and when it is to be looked at again."""
    wanted = await SessionBoard(Paths(folder, folder), runs, lambda: NOON_US).wanted()
    files = Files()
    files.carry_out(files.plan(wanted.files, 0), 0)
    return below(folder), wanted.until_us


def below(folder: Path) -> dict[str, str]:
    """The texts of the files below a folder."""
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


async def test_a_run_has_a_verdict_and_a_line(tmp_path: Path) -> None:
    found, until_us = await written(Runs({"bcdfg": None}), tmp_path)
    assert found == {
        "hooks/sessions/bcdfg/verdict": f"{HEAD}0 ok\n",
        "hooks/sessions/bcdfg/line": f"{HEAD}$2.00 today\n",
    }
    assert until_us == MIDNIGHT_US, "then today is another day"


async def test_a_verdict_says_what_a_refusal_says_until_when(tmp_path: Path) -> None:
    found, until_us = await written(Runs({"bcdfg": (used_up(MIDNIGHT_US), NOON_US + 1_500_000)}), tmp_path)
    head, line = found["hooks/sessions/bcdfg/verdict"].splitlines()
    expires, action, message = line.split(" ", 2)
    assert (head, int(expires), action) == (HEAD.strip(), NOON_US // 1_000_000 + 2, "block")
    assert message.startswith("tokenguard stopped this request: the day budget few is used up (3 of 3 calls). ")
    assert "It resets at 00:00. To go on: tokenguard budget raise few" in message
    assert until_us == NOON_US + 1_500_000


async def test_what_lasts_until_something_changes_does_not_expire(tmp_path: Path) -> None:
    found, until_us = await written(Runs({"bcdfg": (used_up(), 0)}), tmp_path)
    assert found["hooks/sessions/bcdfg/verdict"].splitlines()[1].startswith("0 block tokenguard stopped ")
    assert until_us == MIDNIGHT_US


async def test_a_speed_grows_old(tmp_path: Path) -> None:
    found, until_us = await written(Runs({"bcdfg": None}, hour_nanos=3_000_000_000), tmp_path)
    assert found["hooks/sessions/bcdfg/line"] == f"{HEAD}$2.00 today · $3.00/h\n"
    assert until_us == NOON_US + 60_000_000


async def test_without_runs_nothing_is_asked_or_written(tmp_path: Path) -> None:
    runs = Runs({})
    found, until_us = await written(runs, tmp_path)
    assert (found, runs.asked, until_us) == ({}, 0, float("inf"))


async def test_a_line_that_is_set_up_is_written_in_every_style(tmp_path: Path) -> None:
    (tmp_path / "hooks" / "bars").mkdir(parents=True)
    found, until_us = await written(Runs({}), tmp_path)
    today = "$2.00 today\n"
    assert found == {"hooks/bars/now": f"{HEAD}{today * 3}ok\n"}
    assert until_us == MIDNIGHT_US


async def test_of_a_line_and_runs_one_question_is_asked(tmp_path: Path) -> None:
    (tmp_path / "hooks" / "bars").mkdir(parents=True)
    runs = Runs({"bcdfg": None})
    found, until_us = await written(runs, tmp_path)
    assert (len(found), runs.asked, until_us) == (3, 1, MIDNIGHT_US)


async def test_a_line_that_is_not_wanted_any_more_makes_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "hooks" / "bars"
    folder.mkdir(parents=True)
    files = Files()
    wanted = await SessionBoard(Paths(tmp_path, tmp_path), Runs({}), lambda: NOON_US).wanted()
    folder.rmdir()
    files.carry_out(files.plan(wanted.files, 0), 0)
    assert not folder.exists()


async def test_no_id_leads_elsewhere(tmp_path: Path) -> None:
    found, _ = await written(Runs({"../../x": None, "bcdfg": None}), tmp_path)
    assert sorted(found) == ["hooks/sessions/bcdfg/line", "hooks/sessions/bcdfg/verdict"]


async def test_many_runs_are_one_question(tmp_path: Path) -> None:
    runs = Runs(dict.fromkeys(("bcdfg", "cdfgh", "dfghj")))
    found, _ = await written(runs, tmp_path)
    assert (len(found), runs.asked) == (6, 1)


async def test_what_a_killed_daemon_has_left_goes_once(tmp_path: Path) -> None:
    left = tmp_path / "hooks" / "sessions" / "cdfgh"
    left.mkdir(parents=True)
    (left / "verdict").write_text("0 ok\n")
    board = SessionBoard(Paths(tmp_path, tmp_path), Runs({}), lambda: NOON_US)
    await board.wanted()
    assert below(tmp_path) == {}
    left.mkdir(parents=True)
    (left / "verdict").write_text("0 ok\n")
    await board.wanted()
    assert list(below(tmp_path)) == ["hooks/sessions/cdfgh/verdict"]


async def test_a_status_that_takes_long_is_asked_for_less_often(tmp_path: Path) -> None:
    ticks = iter([0.0, 0.5, 1.0, 10.49, 10.5, 10.6])
    runs = Runs({"bcdfg": None})
    board = SessionBoard(Paths(tmp_path, tmp_path), runs, lambda: NOON_US, lambda: next(ticks))
    await board.wanted()  # takes half a second
    again = await board.wanted()
    assert (runs.asked, again.until_us) == (1, NOON_US + 9_500_000)
    await board.wanted()
    assert runs.asked == 1
    await board.wanted()
    assert runs.asked == 2
