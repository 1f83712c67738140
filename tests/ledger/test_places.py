from __future__ import annotations

import sqlite3
from contextlib import closing

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ledger.support import START_US, Entry, call, entries, in_memory, instants, settlement, write
from tokenguard.ledger import Where, places, queries, writes
from tokenguard.ledger.queries import FOREVER_US
from tokenguard.ledger.rollups import HOUR_US
from tokenguard.records import Session

ASKED = (Where(), Where(repo="/src/web"), Where(match=(("branch", "m*"),)), Where(agent="claude"), Where(model="opus"))


def test_sessions_and_charges_tell(conn: sqlite3.Connection) -> None:
    session = Session("s1", "claude", START_US, repo="/src/web", worktree="/src/web-login")
    writes.open_session(conn, session, None)
    writes.open_session(conn, Session("s2", "claude", START_US), None)
    for number, worktree in enumerate(("/src/web", None, "/src/web-logout"), 1):
        writes.settle(conn, settlement(replace(call(number), worktree=worktree)))
    assert places.trees(conn) == {
        "/src/web": "/src/web",
        "/src/web-login": "/src/web",
        "/src/web-logout": "/src/web",
    }


def test_what_was_known_better_wins(conn: sqlite3.Connection) -> None:
    for number, repo in enumerate(("/src/zoo", "/src/web", "/src/zoo"), 1):
        writes.settle(conn, settlement(replace(call(number), repo=repo, worktree="/src/zoo")))
    assert places.trees(conn) == {"/src/zoo": "/src/web"}


def test_branches_are_those_of_charges(conn: sqlite3.Connection) -> None:
    where = [("/src/web", "main"), ("/src/web", "login"), ("/src/web", None), ("/src/api", "other"), (None, "stray")]
    for number, (repo, branch) in enumerate(where, 1):
        writes.settle(conn, settlement(replace(call(number), repo=repo, branch=branch)))
    assert places.branches(conn, "/src/web") == {"main", "login"}
    assert places.branches(conn, "/src/none") == set()


def test_a_place_is_told_once_where_charges_and_sums_of_them_are_read() -> None:
    with closing(in_memory()) as conn:
        for number, hour in enumerate((0, 1), 1):
            writes.settle(conn, settlement(call(number, started_us=START_US + hour * HOUR_US + 1)))
        writes.settle(conn, settlement(replace(call(3), agent="codex", repo="/src/api")))
        found = places.worked_in(conn, Where(agent="claude"), START_US + 1, FOREVER_US)
        assert found == [("/src/web", "main", None)]


@settings(deadline=None, max_examples=50)
@given(entries(), instants(300 * 24 * HOUR_US), st.sampled_from(ASKED))
def test_work_was_where_charges_are(written: list[Entry], at: int, where: Where) -> None:
    with closing(in_memory()) as conn:
        write(conn, written)
        for since_us, until_us in ((0, FOREVER_US), (0, START_US + at), (START_US + at, FOREVER_US)):
            groups = queries.grouped(conn, ["repo", "branch", "worktree"], where, since_us, until_us)
            found = places.worked_in(conn, where, since_us, until_us)
            assert len(set(found)) == len(found)
            assert set(found) >= {group.key for group in groups}
            hours = since_us // HOUR_US * HOUR_US, -(-until_us // HOUR_US) * HOUR_US
            around = queries.grouped(conn, ["repo", "branch", "worktree"], where, *hours)
            assert set(found) <= {group.key for group in around}
