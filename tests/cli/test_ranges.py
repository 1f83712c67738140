"""Reports on ranges of commits, their notes, and what `tokenguard ci check` makes of those; in real repositories."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cli.support import Cli
from tests.support.committing import World
from tokenguard.ledger import Ledger

DOLLAR = 1_000_000_000


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A branch of three commits for $1, $2 and nothing, and $0.50 that nobody has committed."""
    ledger = Ledger.open(tmp_path / "ledger.db")
    made = World(tmp_path, ledger)
    made.commit("base")
    made.git("checkout", "-q", "-b", "feat")
    await made.work(DOLLAR, "one")
    await made.spend(2 * DOLLAR)
    made.commit("two", "`two` | for @all")
    made.commit("three")
    await made.spend(DOLLAR // 2)
    await made.commits.take(made.hook_folder)
    monkeypatch.setenv("TOKENGUARD_HOME", str(tmp_path))
    monkeypatch.chdir(made.top)
    yield made
    await ledger.close()


@pytest.fixture
def cli(cli: Cli, world: World) -> Cli:
    """In the home and the repository of the world."""
    return cli


def test_a_range_is_told_commit_by_commit_with_the_rest(cli: Cli) -> None:
    told = cli("report", "--range", "main..HEAD", "--json").document
    assert [(row["subject"], row["cost_nanos"]) for row in told["rows"]] == [
        ("one", DOLLAR),
        ("`two` | for @all", 2 * DOLLAR),
        ("three", 0),
        (None, DOLLAR // 2),
    ]
    assert [told[name]["cost_nanos"] for name in ("committed", "rest", "total")] == [
        3 * DOLLAR,
        DOLLAR // 2,
        7 * DOLLAR // 2,
    ]
    assert (told["range"], told["commits"]) == ("main..HEAD", 3)


def test_a_range_as_a_table(cli: Cli) -> None:
    lines = cli("report", "--range", "main..HEAD").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert " 3 commits for $3.00" in lines
    assert " $0.500 on the branch for no commit that is there: not committed, or dropped" in lines


def test_a_range_in_markdown(cli: Cli) -> None:
    head, rule, one, two, *_ = cli("report", "--range", "main..HEAD", "--markdown").out.splitlines()
    assert head == "| Commit | Subject | Calls | Tokens | Cost |"
    assert rule == "| --- | --- | --: | --: | --: |"
    assert one.endswith("` | one | 1 | 1.0B | $1.00 |")
    assert " | &#96;two&#96; &#124; for &#64;&#8203;all | " in two


def test_a_range_by_other_keys(cli: Cli) -> None:
    told = cli("report", "--range", "main..HEAD", "--by", "agent,commit", "--json").document
    assert [(row["agent"], row["cost_nanos"]) for row in told["rows"]] == [
        ("claude", DOLLAR),
        ("claude", 2 * DOLLAR),
        ("claude", DOLLAR // 2),
    ]
    rows = list(csv.DictReader(io.StringIO(cli("report", "--range", "main..HEAD", "--by", "model", "--csv").out)))
    assert [row["cost_nanos"] for row in rows] == [str(7 * DOLLAR // 2)]
    told = cli("report", "--range", "main..HEAD", "--agent", "codex", "--json").document
    assert told["total"]["cost_nanos"] == 0


def test_the_head_of_a_linked_working_tree_is_meant_there(
    cli: Cli, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = world.folder / "tree"
    world.git("worktree", "add", "-q", "-b", "side", str(tree), "feat~1")
    monkeypatch.chdir(tree)
    told = cli("report", "--range", "main..HEAD", "--json").document
    assert [row["subject"] for row in told["rows"]] == ["one", "`two` | for @all"]
    assert cli("report", "--range", "main..HEAD", "--repo", str(world.top), "--json").document["commits"] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--range", "main"], '"main" is not a range of commits'),
        (["--range", "main...HEAD"], '"main...HEAD" is not a range of commits'),
        (["--range", "nowhere..HEAD"], '"nowhere" is no commit in '),
        (["--range", "--all..HEAD"], '"--all" is no commit in '),
        (["--range", "main..HEAD", "--by", "day"], 'a range of commits cannot be grouped by "day"'),
        (["--range", "main..HEAD", "--since", "7d"], "--range and --since exclude each other"),
        (["--range", "main..HEAD", "--dearest"], "--range and --dearest exclude each other"),
        (["--range", "main..HEAD", "--repo", "/"], "--repo / is not in a repository"),
        (["--notes"], "--notes goes with --range"),
        (["--markdown"], "--json and --markdown exclude each other"),
    ],
)
def test_wrong_usage(cli: Cli, options: list[str], message: str) -> None:
    outcome = cli("report", "--json", *options)
    assert outcome.code == 2
    assert message in outcome.err


def check(cli: Cli, *options: str) -> tuple[int, str]:
    outcome = cli("ci", "check", "--range", "main..feat", *options)
    return outcome.code, outcome.out + outcome.err


def test_notes_carry_what_commits_cost_to_where_there_is_no_ledger(
    cli: Cli, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = cli("report", "--range", "main..HEAD", "--notes")
    assert "3 notes written to refs/notes/tokenguard" in outcome.err
    assert "no notes written" in cli("report", "--range", "main..HEAD", "--notes").err
    clone = world.folder / "clone"
    world.git("clone", "-q", str(world.top), str(clone))
    world.git("branch", "-q", "main", "origin/main", tree=clone)
    world.git("fetch", "-q", "origin", "refs/notes/tokenguard:refs/notes/tokenguard", tree=clone)
    monkeypatch.chdir(clone)
    monkeypatch.setenv("TOKENGUARD_HOME", str(world.folder / "nothing"))
    assert check(cli, "--limit", "3", "--strict") == (0, "main..feat: $3.00 of $3.00 in 3 commits\n")
    assert check(cli, "--limit", "2.99") == (1, "main..feat: $3.00 in 3 commits, over the limit of $2.99\n")
    assert check(cli, "--limit", "1 call") == (1, "main..feat: 2 calls in 3 commits, over the limit of 1 call\n")
    told = cli("ci", "check", "--range", "main..feat", "--limit", "20", "--json").document
    assert (told["spent"], told["over"], told["passed"], told["unknown"]) == (3 * DOLLAR, False, True, [])


def test_what_has_no_note_is_not_known(cli: Cli, world: World) -> None:
    code, said = check(cli, "--limit", "20")
    assert code == 0
    assert said.startswith("main..feat: $0.00 of $20.00 in 3 commits\n")
    assert "the cost of 3 of 3 commits is not known" in said
    assert check(cli, "--limit", "20", "--strict")[0] == 1
    cli("report", "--range", "main..HEAD~1", "--notes")
    world.git("notes", "--ref=tokenguard", "add", "-m", '{"tokenguard": 1, "cost_nanos": -5}', "feat")
    code, said = check(cli, "--limit", "20", "--strict")
    assert (code, "the cost of 1 of 3 commits is not known" in said) == (1, True)


def test_a_ledger_can_be_asked_in_place_of_notes(cli: Cli, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = str(world.paths.ledger)
    monkeypatch.setenv("TOKENGUARD_HOME", str(world.folder / "nothing"))
    moved = world.folder / "moved"
    world.top.rename(moved)
    monkeypatch.chdir(moved)
    assert check(cli, "--limit", "3", "--ledger", ledger) == (0, "main..feat: $3.00 of $3.00 in 3 commits\n")
    assert check(cli, "--limit", "2", "--ledger", ledger)[0] == 1


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS makes no such names")
def test_a_folder_whose_name_is_no_text(cli: Cli, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = world.top.rename(world.folder / os.fsdecode(b"od\xffd"))
    monkeypatch.chdir(odd)
    assert "3 commits" in cli("report", "--range", "main..HEAD").out
    assert cli("report", "--repo", ".", "--by", "repo").out == " no calls in this time\n"
    assert cli("report", "--task", "od\udcffd").code == 0


def test_a_limit_that_a_shell_has_eaten(cli: Cli) -> None:
    outcome = cli("ci", "check", "--range", "main..feat", "--limit", "0", "--json")
    assert outcome.code == 2
    assert outcome.document["error"]["message"].startswith("--limit is 0, which allows nothing")


async def test_what_was_squashed_counts_once_although_both_have_notes(cli: Cli, world: World) -> None:
    cli("report", "--range", "main..feat", "--notes")
    world.git("checkout", "-q", "main")
    world.git("merge", "-q", "--squash", "feat")
    world.git("commit", "-q", "-m", "all of it")
    await world.commits.take(world.hook_folder)
    # As whoever sees the squashed commit only.
    cli("report", "--range", "main~1..main", "--notes")
    world.git("merge", "-q", "-m", "both", "feat")
    notes = [json.loads(world.git("notes", "--ref=tokenguard", "show", one)) for one in ("main~1", "feat~2", "feat~1")]
    assert [note["cost_nanos"] for note in notes] == [7 * DOLLAR // 2, DOLLAR, 2 * DOLLAR]
    outcome = cli("ci", "check", "--range", "main~2..main", "--limit", "20")
    assert outcome.out == "main~2..main: $3.50 of $20.00 in 5 commits\n"
