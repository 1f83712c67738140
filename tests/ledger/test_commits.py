from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from msgspec.structs import replace

from tests.ledger.support import in_memory
from tokenguard.ledger import Decision, Ledger, audit, commits, migrations, queries
from tokenguard.ledger.commits import Deed, Squash, closings, rewrites, write
from tokenguard.records import Closing, Rewrite

ONE = Closing("1" * 40, "/src/web", "/src/web", "main", 5, 10, repeats=False, twin="t")
TWO = replace(ONE, hash="2" * 40, branch=None, since_us=10, until_us=20, repeats=True, twin="")


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened


def test_what_is_noted_twice_is_noted_once(conn: sqlite3.Connection) -> None:
    said = Decision(7, "override", "ann", budget="push", key="/src/web", reason="demo")
    deeds: list[Deed] = [ONE, Rewrite("amend", ONE.hash, TWO.hash), TWO, said, replace(said, at_us=8)]
    for _ in range(2):
        write(conn, deeds)
    assert closings(conn) == [ONE, TWO]
    assert rewrites(conn) == [Rewrite("amend", ONE.hash, TWO.hash)]
    assert [(one.at_us, one.kind, one.key) for one in queries.decisions(conn)] == [
        (7, "override", "/src/web"),
        (8, "override", "/src/web"),
    ]
    (last, _) = audit.trail(conn, 5)
    assert (last.at_us, last.kind, last.who, last.budget, last.reason) == (8, "override", "ann", "push", "demo")


def test_closings_of_some_repositories(conn: sqlite3.Connection) -> None:
    api = replace(ONE, hash="3" * 40, repo="/src/api")
    write(conn, [ONE, api, TWO])
    assert closings(conn, ["/src/web"]) == [ONE, TWO]
    assert closings(conn, ["/src/api", "/src/nowhere"]) == [api]


def test_the_next_commit_of_a_working_tree_is_made_of_what_is_squashed(conn: sqlite3.Connection) -> None:
    elsewhere, copied = replace(ONE, hash="3" * 40, worktree="/src/tree"), replace(TWO, hash="4" * 40)
    after = replace(ONE, hash="5" * 40)
    deeds: list[Deed] = [Squash("/src/web", ("a", "b")), elsewhere, copied, ONE, after]
    for _ in range(2):
        write(conn, deeds)
    assert rewrites(conn) == [Rewrite("squash", "a", ONE.hash), Rewrite("squash", "b", ONE.hash)]


def test_what_was_to_be_squashed_and_was_not(conn: sqlite3.Connection) -> None:
    write(conn, [Squash("/src/web", ("a", "b"))])
    write(conn, [Squash("/src/web", ("c",))])
    write(conn, [ONE])
    assert rewrites(conn) == [Rewrite("squash", "c", ONE.hash)]


async def test_the_ledger_notes_commits(ledger: Ledger) -> None:
    await ledger.note([ONE])
    assert commits.closings(ledger.read()) == [ONE]


def test_decisions_from_before_are_kept_and_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = migrations.STEPS
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as old:
        monkeypatch.setattr(migrations, "STEPS", steps[:12])
        migrations.migrate(old)
        old.execute("INSERT INTO decisions (at_us, kind, who, reason) VALUES (1, 'deny', 'ann', 'no')")
        monkeypatch.setattr(migrations, "STEPS", steps)
        migrations.migrate(old)
        assert queries.decisions(old) == [Decision(1, "deny", "ann", reason="no")]
        write(old, [Decision(2, "override", "ann")])
        for statement in ("DELETE FROM decisions", "UPDATE decisions SET who = 'bob'"):
            with pytest.raises(sqlite3.IntegrityError, match="decisions are append-only"):
                old.execute(statement)
