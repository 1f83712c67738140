"""Calls and the commits that hooks have noted: whatever was noted, each call has one commit, and nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ledger.support import START_US, call, in_memory, settlement
from tokenguard.attribution.commits import Commit
from tokenguard.ledger import Where, writes
from tokenguard.ledger.commits import Deed, write
from tokenguard.records import Closing, Rewrite
from tokenguard.reports import commits, report

MINUTE_US = 60_000_000
WEB, API = "/src/web", "/src/api"


class Told:
    """What git tells: the commits at these minutes on main, of which some are on a branch still."""

    written: tuple[int, ...] = ()
    standing_: tuple[str, ...] = ()
    here: tuple[str, ...] = ()

    def __init__(self, repo: str, since_us: int) -> None:
        self.line = tuple(Commit(f"git-{at}", START_US + at * MINUTE_US, f"at {at}", ()) for at in self.written)
        self.commits = {commit.hash: commit for commit in self.line}

    def lines(self, branches: list[str]) -> dict[str, tuple[Commit, ...]]:
        return dict.fromkeys(branches, self.line)

    def standing(self) -> dict[str, Commit]:
        return {hash: Commit(hash, 0, "", ()) for hash in self.standing_}


@pytest.fixture(autouse=True)
def git(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Told]]:
    monkeypatch.setattr(commits, "History", Told)

    def described(repo: str, hashes: set[str]) -> dict[str, Commit]:
        return {}

    def made_here(repo: str) -> dict[str, list[str]]:
        return {"main": list(Told.here)}

    monkeypatch.setattr(commits, "described", described)
    monkeypatch.setattr(commits, "made_here", made_here)
    yield Told
    Told.written, Told.standing_, Told.here = (), (), ()


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened


def made(hash: str, since: float, until: float, tree: str = WEB) -> Closing:
    return Closing(hash, WEB, tree, "main", START_US + round(since * MINUTE_US), START_US + round(until * MINUTE_US))


def spend(conn: sqlite3.Connection, *calls: tuple[float, str | None]) -> None:
    """Calls of so many minutes after the beginning, in these working trees; each costs ten times the one before."""
    for number, (minutes, tree) in enumerate(calls, 1):
        one = call(number, started_us=START_US + round(minutes * MINUTE_US))
        writes.settle(conn, settlement(replace(one, repo=WEB, branch="main", worktree=tree), 10 ** (number - 1)))


def by_commit(conn: sqlite3.Connection) -> dict[str | None, int]:
    found = report(conn, ["commit"], None, None, Where(), UTC)
    assert sum(row["cost_nanos"] for row in found["rows"]) == found["total"]["cost_nanos"]
    return {row["commit"]: row["cost_nanos"] for row in found["rows"]}


def test_a_call_is_for_the_commit_that_closed_its_time_in_its_working_tree(conn: sqlite3.Connection) -> None:
    spend(conn, (0, WEB), (9.99, WEB), (10, WEB), (15, "/src/tree"), (15, None))
    write(conn, [made("one", 0, 10), made("two", 10, 20), made("there", 0, 20, "/src/tree")])
    # Of whom no working tree is known, it is the main one.
    assert by_commit(conn) == {"one": 11, "two": 10_100, "there": 1_000}


def test_what_hooks_have_not_seen_goes_by_git(conn: sqlite3.Connection, git: type[Told]) -> None:
    git.written = (10, 40, 50, 70)
    spend(conn, (5, WEB), (15, WEB), (35, WEB), (45, WEB), (65, WEB))
    write(conn, [made("noted", 10, 30), made("again", 40, 50)])
    # The last one is nobody's: whoever wrote what came then, it was not here.
    assert by_commit(conn) == {"git-10": 1, "noted": 10, "git-40": 100, "again": 1_000, None: 10_000}
    git.here = ("git-70",)
    assert by_commit(conn)["git-70"] == 10_000


def test_of_several_heirs_that_one_counts_which_is_there(conn: sqlite3.Connection, git: type[Told]) -> None:
    spend(conn, (5, WEB))
    write(
        conn, [made("a", 0, 10), Rewrite("amend", "a", "b"), Rewrite("rebase", "b", "c"), Rewrite("rebase", "a", "d")]
    )
    assert by_commit(conn) == {"d": 1}
    git.standing_ = ("b", "c")
    assert by_commit(conn) == {"c": 1}
    git.standing_ = ("a",)
    assert by_commit(conn) == {"a": 1}


_TREES = st.sampled_from([WEB, "/src/tree", None])
_MINUTES = st.integers(0, 300)
_HASHES = st.sampled_from("abcdefgh")
_CLOSINGS = st.builds(made, _HASHES, _MINUTES, _MINUTES, st.sampled_from([WEB, "/src/tree"]))
_REWRITES = st.builds(Rewrite, st.sampled_from(["amend", "rebase", "squash"]), _HASHES, _HASHES)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(_MINUTES, _TREES), max_size=8),
    st.lists(st.one_of(_CLOSINGS, _REWRITES), max_size=12),
    st.lists(_HASHES, max_size=3),
    st.lists(_MINUTES, max_size=3),
)
def test_every_nanodollar_is_for_one_commit_or_none(
    calls: list[tuple[float, str | None]], deeds: list[Deed], there: list[str], written: list[int]
) -> None:
    Told.standing_, Told.written = tuple(there), tuple(sorted(set(written)))
    with closing(in_memory()) as conn:
        spend(conn, *calls)
        write(conn, deeds)
        found = by_commit(conn)
        # The same commit is noted once.
        noted: dict[str, Closing] = {}
        for deed in deeds:
            if isinstance(deed, Closing):
                noted.setdefault(deed.hash, deed)
        closed: dict[str, list[int]] = {}
        for number, (minutes, tree) in enumerate(calls):
            at_us = START_US + round(minutes * MINUTE_US)
            covering = [
                one for one in noted.values() if one.worktree == (tree or WEB) and one.since_us <= at_us < one.until_us
            ]
            if covering:
                closed.setdefault(covering[0].hash, []).append(number)
        assert sum(found.values()) == sum(10**number for number in range(len(calls)))
        for hash, numbers in closed.items():
            # Each call is a digit: all those of a commit are for one of its heirs.
            assert any(
                all(found.get(heir, 0) // 10**number % 10 == 1 for number in numbers) for heir in _heirs(hash, deeds)
            )


def _heirs(hash: str, deeds: list[Deed]) -> set[str]:
    found, before = {hash}, set[str]()
    while found != before:
        before = found
        found = found | {one.new for one in deeds if isinstance(one, Rewrite) and one.old in found}
    return found
