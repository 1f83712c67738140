"""What hooks read, from calls that were made, at any place and time. Wrong verdicts are the worst that can happen."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from tests.status_files.hooked import DOLLAR, Hooked, budget
from tests.support import tabled
from tests.support.house import NOON, Clock, answer, request
from tokenguard.config import hook_paths
from tokenguard.config.sections import HookSettings
from tokenguard.guard.places import Places
from tokenguard.status_files import RepositoryBoard

HOUR_US = 3_600_000_000


async def spend(hooked: Hooked, dollars: float, *, branch: str = "main", where: Path | None = None) -> None:
    house = hooked.house
    if where is None and hooked.git("branch", "--show-current") != branch:
        hooked.git("checkout", "-q", "-B", branch)
    assert await house.call(await house.session(cwd=where), output=int(DOLLAR * dollars))
    await house.guard.counting.tally.written()


async def test_where_nothing_is_spent_all_is_well(hooked: Hooked) -> None:
    hooked.house.budgets(budget())
    assert await hooked.file() == f"tokenguard 1 {os.getpid()}\n* * 0 ok ok\n"


async def test_trees_whose_commits_are_told_have_a_file_of_their_own(hooked: Hooked) -> None:
    tabled.put(hooked.house.repo / ".git")
    hooked.board.known = (hooked.repository(),)
    files = (await hooked.board.wanted()).files
    assert files[hooked.folder / hook_paths.LOGGED].text == f"tokenguard 1 {os.getpid()}\n.\n"
    assert set(files) == {hooked.folder / name for name in (hook_paths.LOGGED, hook_paths.STATUS)}


async def test_verdicts_follow_what_is_spent(hooked: Hooked) -> None:
    hooked.house.budgets(budget(scope="repo"))
    await spend(hooked, 8.9)
    assert (await hooked.says("commit"), await hooked.says("push")) == ("ok", "ok")
    await spend(hooked, 0.2)
    assert (await hooked.says("commit"), await hooked.says("push")) == ("warn web/day", "warn web/day")
    await spend(hooked, 1)
    assert (await hooked.says("commit"), await hooked.says("push")) == ("warn web/day", "block web/day")
    (first, last) = await hooked.lines()
    assert first[2] == str((NOON + 12 * HOUR_US) // 1_000_000) and last == ["*", "*", "0", "ok", "ok"]
    assert first[5] == (
        "web/day is used up ($10.10 of $10.00, resets 00:00). "
        "To go on: tokenguard budget raise web/day --amount 10 --reason WHY"
    )


async def test_what_the_message_says_helps(hooked: Hooked) -> None:
    hooked.house.budgets(budget(scope="repo"))
    await spend(hooked, 25)
    message = (await hooked.lines())[0][5]
    words = shlex.split(message.partition("To go on: ")[2])
    assert words[:3] == ["tokenguard", "budget", "raise"]
    await hooked.house.desk.grants.raise_budget(words[3], words[5], "a release", None)
    assert await hooked.says("push") != "block web/day"


async def test_a_raise_lets_pass_and_stops_again_when_it_ends(hooked: Hooked, clock: Clock) -> None:
    hooked.house.budgets(budget(scope="repo", window="month"))
    await spend(hooked, 11)
    await hooked.house.desk.grants.raise_budget("web/day", "10", "a release", "1h")
    assert await hooked.says("push") == "ok"
    hooked.board.known = (hooked.repository(),)
    assert (await hooked.board.wanted()).until_us == NOON + HOUR_US
    clock.now_us = NOON + HOUR_US
    assert await hooked.says("push") == "block web/day"


async def test_a_file_that_nobody_writes_any_more_ends_at_the_reset(hooked: Hooked) -> None:
    hooked.house.budgets(budget(), budget(name="month", limit="$12", window="month"))
    await spend(hooked, 11)
    midnight = NOON + 12 * HOUR_US
    assert await hooked.says("push", now_us=midnight - 1) == "block day"
    assert await hooked.says("push", now_us=midnight) == "warn month"
    assert await hooked.says("push", now_us=NOON + 10 * 24 * HOUR_US) == "ok"


async def test_it_is_to_be_asked_again_at_the_reset(hooked: Hooked, clock: Clock) -> None:
    hooked.house.budgets(budget(), budget(name="month", limit="$12", window="month"))
    await spend(hooked, 11)
    hooked.board.known = (hooked.repository(),)
    midnight = NOON + 12 * HOUR_US
    wanted = await hooked.board.wanted()
    assert (wanted.until_us, [text.until_s for text in wanted.files.values()]) == (midnight, [midnight // 1_000_000])
    clock.now_us = NOON + 10 * 24 * HOUR_US
    assert await hooked.says("push") == "ok"
    wanted = await hooked.board.wanted()
    assert (wanted.until_us, [text.until_s for text in wanted.files.values()]) == (float("inf"), [0])


async def test_calls_in_flight_are_not_spent(hooked: Hooked) -> None:
    hooked.house.budgets(budget(limit="$0.04"))
    house = hooked.house
    call = house.begin(await house.session())
    assert (await house.guard.admit(call, request())).refusal is None
    assert house.desk.status()["budgets"][0]["reserved"] > 40_000_000
    assert await hooked.says("push") == "ok"
    house.guard.settle(call, answer(output=DOLLAR), status=200, outcome="ok")
    assert await hooked.says("push") == "block day"


async def test_a_changed_budget_holds_at_once(hooked: Hooked) -> None:
    hooked.house.budgets(budget(limit="$20"))
    await spend(hooked, 11)
    assert await hooked.says("push") == "ok"
    hooked.house.budgets(budget(limit="$11"))
    assert await hooked.says("push") == "block day"
    hooked.house.budgets()
    assert await hooked.says("push") == "ok"


async def test_another_daemon_says_the_same(hooked: Hooked) -> None:
    rules = budget(), budget(name="branch", scope="branch", limit="$12")
    hooked.house.budgets(*rules)
    await spend(hooked, 11)
    before = await hooked.file()
    house = hooked.house
    await house.reopen(*rules)
    hooked.board = RepositoryBoard(Places(house.guard.counting, lambda: house.guard.config.budgets, house.guard.now))
    assert await hooked.file() == before
    assert "main/branch at 91% too" in before


async def test_what_a_crash_left_open_counts_once_it_is_presumed(hooked: Hooked, clock: Clock) -> None:
    rules = budget(limit="$0.10")
    house = hooked.house
    house.budgets(rules)
    await house.guard.admit(house.begin(await house.session()), request())
    await house.reopen(rules)
    hooked.board = RepositoryBoard(Places(house.guard.counting, lambda: house.guard.config.budgets, house.guard.now))
    assert await hooked.says("push") == "ok"
    clock.now_us += HOUR_US
    await house.guard.tick()
    assert await hooked.says("push") == "block day"


async def test_a_clock_that_is_set_back_or_ahead(hooked: Hooked, clock: Clock) -> None:
    hooked.house.budgets(budget())
    await spend(hooked, 11)
    clock.now_us = NOON - 48 * HOUR_US
    assert await hooked.says("push") == "block day"
    clock.now_us = NOON + 13 * HOUR_US
    assert await hooked.says("push") == "ok"
    clock.now_us = NOON
    assert await hooked.says("push") == "ok"


class TestBranches:
    async def test_each_has_its_own_verdict_and_those_that_are_new_have_none(self, hooked: Hooked) -> None:
        hooked.house.budgets(budget(scope="branch"))
        await spend(hooked, 11, branch="feat/login")
        await spend(hooked, 9.5, branch="main")
        await spend(hooked, 1, branch="fix")
        said = {name: await hooked.says("push", branch=name) for name in ("feat/login", "main", "fix", "new", "-")}
        assert said == {
            "feat/login": "block web/feat/login/day",
            "main": "warn web/main/day",
            "fix": "ok",
            "new": "ok",
            "-": "ok",
        }

    async def test_a_line_of_a_branch_tells_of_what_counts_everywhere_too(self, hooked: Hooked) -> None:
        hooked.house.budgets(budget(scope="branch"), budget(name="repo", scope="repo", limit="$12"))
        await spend(hooked, 11.9, branch="feat/login")
        assert await hooked.says("push", branch="feat/login") == "block web/feat/login/day"
        assert await hooked.says("push", branch="new") == "warn web/repo"
        tomorrow = NOON + 13 * HOUR_US
        assert await hooked.says("push", branch="feat/login", now_us=tomorrow) == "ok"

    async def test_a_call_on_a_branch_is_seen_before_it_is_looked_for_again(self, hooked: Hooked) -> None:
        hooked.house.budgets(budget(scope="branch"))
        hooked.board.known = (hooked.repository(),)
        await spend(hooked, 11)
        (text,) = (await hooked.board.wanted()).files.values()
        assert "* main " in text.text

    async def test_a_budget_of_some_branches_speaks_on_all_of_them_and_nowhere_else(self, hooked: Hooked) -> None:
        hooked.house.budgets(budget(match={"branch": "release/*"}))
        hooked.git("branch", "release/2")
        await spend(hooked, 11, branch="release/1")
        names = ("release/1", "release/2", "main", "-")
        assert [await hooked.says("push", branch=name) for name in names] == ["block day", "block day", "ok", "ok"]

    async def test_a_branch_of_the_same_name_elsewhere_is_another(self, hooked: Hooked, tmp_path: Path) -> None:
        hooked.house.budgets(budget(scope="branch"))
        hooked.git("init", "-q", "-b", "main", "api", where=tmp_path)
        await spend(hooked, 11, where=tmp_path / "api")
        assert await hooked.says("push") == "ok"


class TestWorkingTrees:
    async def test_all_of_a_repository_are_one(self, hooked: Hooked, tmp_path: Path) -> None:
        hooked.house.budgets(budget(scope="repo"))
        hooked.git("worktree", "add", "-q", "-b", "login", str(tmp_path / "login"))
        await spend(hooked, 11, where=tmp_path / "login")
        assert await hooked.says("push") == await hooked.says("push", tree="login", branch="login") == "block web/day"
        assert [line[:2] for line in await hooked.lines()] == [["*", "*"], ["*", "*"]]

    async def test_one_with_rules_of_its_own_has_lines_of_its_own(self, hooked: Hooked, tmp_path: Path) -> None:
        hooked.house.budgets(budget(scope="branch", name="branch", limit="$100"))
        hooked.git("worktree", "add", "-q", "-b", "login", str(tmp_path / "login"))
        (tmp_path / "login" / "tokenguard.toml").write_text(
            '[[budget]]\nname = "tight"\nlimit = 1\nwindow = "day"\n[hooks]\ncommit = "block"\n'
        )
        await spend(hooked, 11)
        assert await hooked.says("commit") == "ok"
        assert await hooked.says("commit", tree="login", branch="login") == "block web:tight"
        assert [line[0] for line in await hooked.lines()] == ["login", "login", "*"]
        hooked.house.budgets(budget(scope="branch", name="branch", limit="$11"))
        assert await hooked.says("commit", tree="login", branch="main") == "block web:tight"
        assert "; web/main/branch is used up too." in await hooked.file()
        assert await hooked.says("commit", branch="main") == "warn web/main/branch"
        assert await hooked.says("push", branch="login") == "ok"

    async def test_what_is_spent_by_the_rules_of_another_counts(self, hooked: Hooked, tmp_path: Path) -> None:
        (hooked.house.repo / "tokenguard.toml").write_text('[[budget]]\nname = "own"\nlimit = 4\nwindow = "day"\n')
        hooked.git("worktree", "add", "-q", "-b", "login", str(tmp_path / "login"))
        (tmp_path / "login" / "tokenguard.toml").write_text('[[budget]]\nname = "own"\nlimit = 9\nwindow = "day"\n')
        hooked.board.known = (hooked.repository(),)
        session = await hooked.house.session(cwd=tmp_path / "login")
        seen: list[list[str]] = []
        for _ in range(4):
            assert await hooked.house.call(session, output=DOLLAR)
            (text,) = (await hooked.board.wanted()).files.values()  # at once, while the ledger still writes
            seen.append([line.split(" ")[4] for line in text.text.splitlines()[1:]])
        assert seen[:3] == [["ok", "ok"]] * 3
        assert seen[3] == ["ok", "block", "ok"]

    async def test_a_repository_cannot_silence_what_the_user_wants_to_hear(self, hooked: Hooked) -> None:
        hooked.house.budgets(budget())
        (hooked.house.repo / "tokenguard.toml").write_text(
            '[[budget]]\nname = "day"\nlimit = 1000\nwindow = "day"\nat_limit = "warn"\n'
            '[hooks]\npush = "off"\nwarn_at = "hard"\n'
        )
        await spend(hooked, 9.5)
        assert await hooked.says("push") == "warn day"
        await spend(hooked, 1)
        assert await hooked.says("push") == "block day"


async def test_nothing_is_said_where_hooks_are_switched_off(hooked: Hooked) -> None:
    hooked.house.budgets(budget())
    hooked.hooks = HookSettings(commit="off", push="off")
    await spend(hooked, 11)
    assert await hooked.lines() == [["*", "*", "0", "ok", "ok"]]


async def test_without_a_repository_nothing_is_counted(hooked: Hooked) -> None:
    hooked.house.budgets(budget(scope="repo"))
    assert (await hooked.board.wanted()).files == {}
    assert hooked.house.guard.counting.books.counts() == []


HOSTILE = [
    "$(touch owned)",
    "`touch owned`",
    '";touch owned;"',
    "'; touch owned; '",
    "a b",
    "%s%n",
    "-n",
    "\\n\\0",
    "*",
]


@pytest.mark.parametrize("name", [*HOSTILE, "a\nb * 0 ok ok", "\x1b[2J", "\u202edrawkcab", "a\rb", "\u2028"])
async def test_no_name_of_a_folder_breaks_the_file(hooked: Hooked, tmp_path: Path, name: str) -> None:
    hooked.house.budgets(budget(scope="repo"))
    top = tmp_path / name
    top.mkdir()
    hooked.git("init", "-q", "-b", "main", where=top)
    await spend(hooked, 11, where=top)
    text = await hooked.file(hooked.install(top / ".git"))
    lines = text.split("\n")
    assert len(lines) == 4 and lines[3] == "" and all(line.isprintable() for line in lines)
    assert lines[1].split(" ")[3:5] == ["warn", "block"]
    words = shlex.split(lines[1].partition("To go on: ")[2])
    assert words[4:] == ["--amount", "10", "--reason", "WHY"]
    if name.isprintable():
        assert words[3] == f"{name}/day"
    await hooked.house.desk.grants.raise_budget(words[3], words[5], "as it was said", None)


@pytest.mark.parametrize(
    "name", ["$(touch${IFS}owned)", "`id`", "a;b", "a|b", "a'b", 'a"b', "a&b", "ä\u00a0b", "{a,b}", "!"]
)
async def test_no_name_of_a_branch_breaks_the_file(hooked: Hooked, name: str) -> None:
    hooked.house.budgets(budget(scope="branch"))
    await spend(hooked, 11, branch=name)
    assert await hooked.says("push", branch=name) == f"block web/{name}/day".replace("\u00a0", "\ufffd")
    assert await hooked.says("push", branch="other") == "ok"
