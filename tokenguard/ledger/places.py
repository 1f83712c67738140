"""Where work was done, as far as charges tell: what logs say of folders that are gone is understood by it."""

from __future__ import annotations

import sqlite3

from tokenguard.ledger.conditions import asked_of, condition
from tokenguard.ledger.groups import sums_in
from tokenguard.ledger.rollups import HOUR_US, PLACES
from tokenguard.ledger.rows import fetch
from tokenguard.ledger.values import Where

Place = tuple[str | None, str | None, str | None]
"""Repository, branch and working tree."""

_SEEN = """SELECT worktree, repo FROM sessions WHERE worktree IS NOT NULL AND repo IS NOT NULL
    UNION SELECT worktree, repo FROM rollup_keys WHERE worktree IS NOT NULL AND repo IS NOT NULL"""
_TREES = f"SELECT worktree, repo FROM ({_SEEN}) ORDER BY worktree <> repo, repo"

_WORKED_IN = """SELECT DISTINCT k.repo, k.branch, k.worktree FROM rollup_keys AS k
    WHERE k.id IN (SELECT r.key FROM rollups AS r WHERE r.size = ? AND r.start >= ? AND r.start < ?)"""


def worked_in(conn: sqlite3.Connection, where: Where, since_us: int, until_us: int) -> list[Place]:
    """The places of the charges in the span, and it may be of those in the hours in which it begins and ends."""
    if not asked_of(where) <= PLACES.keys:
        found = sums_in(conn, ["repo", "branch", "worktree"], where, [(since_us, until_us)], ["calls"])
        # Where calls are read besides sums, both may have a place.
        return list(dict.fromkeys((repo, branch, worktree) for _, repo, branch, worktree, _ in found.rows()))
    terms, values = condition(where, "k", "k")
    hours = [PLACES.size, since_us // HOUR_US, -(-until_us // HOUR_US)]
    rows = fetch(conn, " AND ".join([_WORKED_IN, *terms]), [*hours, *values])
    return [(repo, branch, worktree) for repo, branch, worktree in rows]


def trees(conn: sqlite3.Connection) -> dict[str, str]:
    """Working tree -> its repository.

    One that was taken for a repository of its own before it was known better belongs to the other one.
    """
    return dict(conn.execute(_TREES).fetchall())


def branches(conn: sqlite3.Connection, repo: str) -> set[str]:
    """The branches of a repository on which something was charged."""
    rows = conn.execute("SELECT DISTINCT branch FROM rollup_keys WHERE repo = ? AND branch IS NOT NULL", (repo,))
    return {branch for (branch,) in rows}
