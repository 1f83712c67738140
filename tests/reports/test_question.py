"""Questions in the words of the command line and the control API."""

from __future__ import annotations

from contextlib import closing

import pytest
from msgspec.structs import replace

from tests.ledger.support import SECOND_US, START_US, Entry, call, in_memory, settlement, write
from tokenguard.errors import UsageError
from tokenguard.records import Amount
from tokenguard.reports.question import Question, answer

NOW_US = START_US + 3_600 * SECOND_US


def asked(question: Question) -> list[tuple[object, ...]]:
    """(keys..., nanodollars) of each row, of a ledger with one call in each of three repositories."""
    repos = ("/src/web", "/src/web[1]", "/old/web")
    calls = [replace(call(number), repo=repo, branch=f"b{number}") for number, repo in enumerate(repos, 1)]
    with closing(in_memory()) as conn:
        write(conn, [Entry(one, "settled", Amount(calls=1), settlement(one, one.id)) for one in calls])
        found = answer(conn, question, NOW_US)
    return [(*(row[key] for key in found["by"]), row["cost_nanos"]) for row in found["rows"]]


@pytest.mark.parametrize(
    ("repo", "nanos"),
    [
        (None, {1, 2, 3}),
        ("web", {1, 3}),
        ("web*", {1, 2, 3}),
        ("*/src/web", {1}),
        ("/src/web", {1}),
        ("/src/web[1]", {2}),
        ("/src/web*", set[int]()),
        ("eb", set[int]()),
    ],
)
def test_a_repository_is_a_path_or_a_glob(repo: str | None, nanos: set[int]) -> None:
    assert {row[-1] for row in asked(Question(by="repo", repo=repo))} == nanos


def test_keys_are_separated_by_commas() -> None:
    assert asked(Question(by="repo,branch", branch="b2")) == [("/src/web[1]", "b2", 2)]


def test_the_end_is_not_included() -> None:
    second = "2025-11-21T10:00:02"
    assert {row[-1] for row in asked(Question(until=second, timezone="UTC", by="repo"))} == {1}
    assert {row[-1] for row in asked(Question(since=second, timezone="UTC", by="repo"))} == {2, 3}


def test_a_span_that_ends_before_it_begins() -> None:
    with pytest.raises(UsageError, match="until 2d is not after since 1d"):
        asked(Question(since="1d", until="2d"))


@pytest.mark.parametrize(
    ("task", "nanos"), [("edit", {1}), ("~edit", {2}), ("~*", {2, 3}), ("*", {1}), (None, {1, 2, 3, 4})]
)
def test_a_kind_of_work_is_not_a_task_of_that_name(task: str | None, nanos: set[int]) -> None:
    given: list[dict[str, str]] = [
        {"task": "edit", "task_type": "test"},
        {"task_type": "edit"},
        {"task_type": "test"},
        {},
    ]
    calls = [replace(call(number), **fields) for number, fields in enumerate(given, 1)]
    with closing(in_memory()) as conn:
        write(conn, [Entry(one, "settled", Amount(calls=1), settlement(one, one.id)) for one in calls])
        found = answer(conn, Question(by="task", task=task), NOW_US)
    told = {row["cost_nanos"]: (row["task"], row["task_inferred"]) for row in found["rows"]}
    every = {1: ("edit", False), 2: ("~edit", True), 3: ("~test", True), 4: (None, False)}
    assert told == {number: every[number] for number in nanos}
