from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.attribution.moves import Making, Move, left_before, making, moves


def log(*lines: str) -> list[Move]:
    """From `HASH MESSAGE`, a second apart."""
    return [Move(line[0], at * 1_000_000, line[2:], "0") for at, line in enumerate(lines, 1)]


def made(*lines: str) -> Making | None:
    """How the last one was made."""
    return making(log(*lines), lines[-1][0])


@pytest.mark.parametrize(
    ("lines", "since_s"),
    [
        (["a commit (initial): a"], None),
        (["a clone: from x", "b commit: b"], 1),
        (["a commit: a", "b commit: b"], 1),
        (["a commit: a", "c checkout: moving from main to feat", "b commit: b"], 1),
        (["a commit: a", "b commit (amend): a"], 1),
        (["a commit: a", "b commit (merge): b"], 1),
        (["a commit: a", "p pull: Fast-forward", "m merge x: Fast-forward", "r reset: moving to m", "b commit: b"], 1),
        (["a revert: x", "b commit: b"], 1),
        (
            [
                "a commit: a",
                "s rebase (start): checkout x",
                "p rebase (pick): a",
                "p rebase (finish): x",
                "b commit: b",
            ],
            1,
        ),
        (["a commit: a", "s rebase (start): checkout x", "a rebase (abort): updating HEAD", "b commit: b"], 1),
        (["a commit: a", "s rebase -i (start): checkout x", "b commit (amend): b"], 2),
        (
            ["a commit: a", "s pull --rebase (start): checkout x", "p pull --rebase (pick): a"]
            + ["p pull --rebase (finish): returning to refs/heads/main", "b commit: b"],
            1,
        ),
        (
            ["s rebase (start): checkout x", "a commit: within", "f rebase (finish): x"]
            + ["t rebase (start): checkout y", "b commit: b"],
            4,
        ),
    ],
)
def test_work_on_a_commit_begins_with_the_one_that_somebody_made_before(lines: list[str], since_s: int | None) -> None:
    assert made(*lines) == Making(since_s if since_s is None else since_s * 1_000_000, repeats=False)


@pytest.mark.parametrize(
    ("lines", "since_s"),
    [
        (["a commit: a", "s rebase (start): checkout x", "p rebase (pick): a"], 2),
        (["a commit: a", "s rebase (start): checkout x", "p rebase (pick): a", "q rebase (squash): b"], 3),
        (["a commit: a", "s rebase (start): checkout x", "p rebase (continue): a"], 2),
        (["a commit: a", "p cherry-pick: x"], 2),
        (["a commit: a", "p commit (cherry-pick): x"], 1),
    ],
)
def test_what_repeats_others_closes_nothing_that_was_open_before(lines: list[str], since_s: int) -> None:
    assert made(*lines) == Making(since_s * 1_000_000, repeats=True)


def test_the_latest_making_of_a_commit_counts() -> None:
    found = log("a commit: a", "b commit: b", "a reset: moving to a", "b rebase (finish): returning to x")
    assert making(found, "b") == Making(1_000_000, repeats=False)
    assert making(found, "c") is None


@pytest.mark.parametrize(
    ("lines", "tip"),
    [
        (["a commit: a", "b commit: b"], None),
        (["a commit: a", "b commit: b", "a reset: moving to HEAD~1", "c commit: c"], "b"),
        (["a commit: a", "b commit: b", "a reset: moving to a", "x reset: moving to x", "c commit: c"], "b"),
        (["a commit: a", "b commit: b", "a reset: moving to a", "x checkout: moving from y to z", "c commit: c"], None),
        (["a commit: a", "b commit: b", "a reset: moving to a", "c commit: c", "d commit: d"], None),
        (["a reset: moving to a", "c commit: c"], None),
    ],
)
def test_what_head_was_taken_away_from(lines: list[str], tip: str | None) -> None:
    assert left_before(log(*lines), lines[-1][0]) == tip


def test_lines_of_git(tmp_path: Path) -> None:
    old, new = "0" * 40, "a" * 40
    who = "Ann > O'Neil <ann@example.com>"
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "HEAD").write_bytes(
        f"{old} {new} {who} 1763719200 +0100\tcommit (initial): caf\xe9\nnonsense\n{old} {new} {who} 17\n".encode(
            "latin-1"
        )
    )
    assert moves(tmp_path) == [Move(new, 1_763_719_200_000_000, "commit (initial): caf\N{REPLACEMENT CHARACTER}", old)]
    assert moves(tmp_path / "nowhere") == []
