"""Calls and the commits that they were for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.ledger.support import START_US, call, in_memory, settlement
from tokenguard.attribution.commits import Commit, History
from tokenguard.ledger import Where, writes
from tokenguard.reports import commits, report

MINUTE_US = 60_000_000


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What git tells: commits after 10 and 70 minutes on main, after 30 on feat."""
    lines = {"main": (10, 70), "feat": (30,)}

    class Told(History):
        def __init__(self, repo: str, since_us: int) -> None:
            assert since_us <= START_US + MINUTE_US
            made = {
                name: tuple(Commit(f"{name}-{at}", START_US + at * MINUTE_US, f"at {at}", ()) for at in times)
                for name, times in lines.items()
            }
            self.made = made if repo == "/src/web" else {}
            self.commits = {commit.hash: commit for line in self.made.values() for commit in line}

        def lines(self, branches: Iterable[str]) -> dict[str, tuple[Commit, ...]]:
            return {name: self.made[name] for name in branches if name in self.made}

    monkeypatch.setattr(commits, "History", Told)


def spend(conn: sqlite3.Connection, *calls: tuple[float, str | None, str | None]) -> None:
    for number, (minutes, repo, branch) in enumerate(calls, 1):
        made = replace(call(number, started_us=START_US + round(minutes * MINUTE_US)), repo=repo, branch=branch)
        writes.settle(conn, settlement(made, 10**number))


def by(conn: sqlite3.Connection, *keys: str, since_us: int | None = None) -> list[tuple[Any, ...]]:
    found = report(conn, keys, since_us, None, Where(), UTC)
    return [(*(row[key] for key in keys), row["cost_nanos"]) for row in found["rows"]]


def test_a_call_is_for_the_next_commit_on_its_branch(conn: sqlite3.Connection) -> None:
    web = "/src/web"
    spend(
        conn,
        (1, web, "main"),
        (10, web, "main"),
        (10.02, web, "main"),
        (69, web, "main"),
        (5, web, "feat"),
        (31, web, "feat"),
        (5, "/src/api", "main"),
        (5, None, None),
    )
    assert sorted(by(conn, "commit"), key=str) == [
        ("feat-30", 10**5),
        ("main-10", 10 + 100),
        ("main-70", 1_000 + 10_000),
        (None, 10**6 + 10**7 + 10**8),
    ]
    rows = {row["commit"]: row for row in report(conn, ["commit"], None, None, Where(), UTC)["rows"]}
    assert (rows["main-70"]["subject"], rows["main-70"]["committed_at"]) == ("at 70", "2025-11-21T11:10:00+00:00")
    assert (rows[None]["subject"], rows[None]["committed_at"]) == (None, None)


def test_commits_go_with_other_keys(conn: sqlite3.Connection) -> None:
    spend(conn, (1, "/src/web", "main"), (61, "/src/web", "main"), (65, "/src/web", "feat"))
    assert by(conn, "hour", "commit") == [
        ("2025-11-21T10:00+00:00", "main-10", 10),
        ("2025-11-21T11:00+00:00", None, 1_000),
        ("2025-11-21T11:00+00:00", "main-70", 100),
    ]
    assert by(conn, "branch", "commit") == [("feat", None, 1_000), ("main", "main-70", 100), ("main", "main-10", 10)]


def test_a_whole_process_asks_git(conn: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    spend(conn, (1, str(tmp_path), "main"))
    assert by(conn, "commit") == [(None, 10)]
