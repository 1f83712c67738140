from __future__ import annotations

from msgspec.structs import replace

from tests.ledger.support import START_US, call, in_memory, settlement
from tokenguard.ledger import places, writes
from tokenguard.records import Session


def test_sessions_and_charges_tell() -> None:
    conn = in_memory()
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


def test_what_was_known_better_wins() -> None:
    conn = in_memory()
    for number, repo in enumerate(("/src/zoo", "/src/web", "/src/zoo"), 1):
        writes.settle(conn, settlement(replace(call(number), repo=repo, worktree="/src/zoo")))
    assert places.trees(conn) == {"/src/zoo": "/src/web"}


def test_branches_are_those_of_charges() -> None:
    conn = in_memory()
    where = [("/src/web", "main"), ("/src/web", "login"), ("/src/web", None), ("/src/api", "other"), (None, "stray")]
    for number, (repo, branch) in enumerate(where, 1):
        writes.settle(conn, settlement(replace(call(number), repo=repo, branch=branch)))
    assert places.branches(conn, "/src/web") == {"main", "login"}
    assert places.branches(conn, "/src/none") == set()
