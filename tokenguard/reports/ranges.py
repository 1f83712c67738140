"""What a range of commits cost, such as those of a branch or a pull request; each call is counted once.

Calls for commits that were amended, rebased, squashed or picked count for what became of these in the range. What was
asked on its branch meanwhile and is for no commit that is there stands beside them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.attribution.commits import Commit, branch_of, described, of_range
from tokenguard.errors import UsageError
from tokenguard.ledger.charges import numbers_of
from tokenguard.ledger.commits import closings, rewrites
from tokenguard.ledger.found import Found
from tokenguard.ledger.queries import first_charge, grouped, grouped_in, last_charge, snapshot
from tokenguard.ledger.sums import TOTALLED
from tokenguard.ledger.values import Where
from tokenguard.policy.committing import Heritage, Standing
from tokenguard.records import Closing, Totals
from tokenguard.reports.apart import APART, told_apart
from tokenguard.reports.columns import at
from tokenguard.reports.commits import Committed, about
from tokenguard.reports.cuts import HOUR_US, cut
from tokenguard.reports.keys import STORED
from tokenguard.reports.ordering import ordered
from tokenguard.reports.rows import Rows, rows_of, sums, told

KEYS = ("commit", *sorted(STORED))
"""What a range can be grouped by."""

_MONTH_US = 31 * 86_400_000_000
"""How long before a commit that no hook has noted work for it can have begun."""

_PLACE = ("repo", "branch", "worktree")

_Labels = tuple[str | None, ...]
_Place = tuple[str | None, str | None, str | None]


def range_report(
    conn: sqlite3.Connection,
    folder: str,
    repo: str,
    name: str,
    by: Sequence[str],
    where: Where,
    tz: tzinfo,
    now_us: int,
) -> dict[str, Any]:
    """The cost of the commits `A..B` of a repository, in all places where they were worked on.

    Git is asked in `folder`; `repo` is what calls call it.

    As `report`, by any combination of `KEYS`, with the number of `commits`, and the sums of what is `committed` and of
    the `rest`: of what is for no commit on any branch, and was asked on the branch that `B` names. By `commit`, commits
    stand in their order, those without a call too, and the rest last. Raises `UsageError`.
    """
    keys = list(dict.fromkeys(by))
    if wrong := [key for key in keys if key not in KEYS]:
        raise UsageError(f'a range of commits cannot be grouped by "{wrong[0]}"', f"use {', '.join(KEYS)}")
    with snapshot(conn):
        commits = of_range(folder, name)
        asked = Asked(conn, repo, commits, branch_of(folder, name.partition("..")[2]), where, now_us)
        simple = list(asked.parts(APART))
        stored = [key for key in keys if key != "commit"]
        parts = list(asked.parts(stored)) if stored else simple
    places = {"commit": {commit.hash: place for place, commit in enumerate(commits)}}
    known = {commit.hash: commit for commit in commits}
    found: dict[_Labels, Totals] = {(hash,): Totals() for hash in known} if keys == ["commit"] else {}
    for part in parts:
        told = {**dict(zip(stored, part.values, strict=False)), "commit": part.hash}
        labels = tuple(told[key] for key in keys)
        found[labels] = found.get(labels, Totals()) + part.totals
    done = sum((part.totals for part in simple if part.hash is not None), Totals())
    rest = sum((part.totals for part in simple if part.hash is None), Totals())
    return {
        "range": name,
        "commits": len(commits),
        "by": keys,
        "rows": _rows(found, keys, places, known, done + rest, tz),
        "committed": sums(done),
        "rest": sums(rest),
        "total": sums(done + rest),
        "apart": told_apart((part.values, part.totals) for part in simple),
    }


def _rows(
    found: Mapping[_Labels, Totals],
    keys: Sequence[str],
    places: Mapping[str, Mapping[str, int]],
    known: Mapping[str, Commit],
    whole: Totals,
    tz: tzinfo,
) -> Rows:
    labels = {key: [label[place] for label in found] for place, key in enumerate(keys)}
    sums = Found.of_rows(TOTALLED, [numbers_of(totals) for totals in found.values()])
    order = ordered(labels, map(sums.column, ("cost_nanos", "notional_nanos")), places)
    named = at(labels, order)
    if "commit" in keys:
        named |= told("commit", (about(known.get(hash or ""), tz) for hash in named["commit"]))
    return rows_of(named, sums.at(order), whole)


class Part(Struct, frozen=True):
    """A part of what some commits cost."""

    hash: str | None
    """Which of them; None is the rest."""
    first: str | None
    """The commit for which it was first."""
    values: _Labels
    """Of the keys that were asked for."""
    totals: Totals


class Asked:
    """The calls that belong to some commits of a repository, and the rest on a branch."""

    def __init__(
        self,
        conn: sqlite3.Connection,
        repo: str,
        commits: Sequence[Commit],
        branch: str | None,
        where: Where,
        now_us: int,
    ) -> None:
        self._conn, self._repo, self._branch = conn, repo, branch
        closed = closings(conn)
        heritage = Heritage(closed, rewrites(conn))
        self._standing = Standing(heritage, {commit.hash: commit.twin for commit in commits})
        ours = [one for one in closed if self._standing.of(one.hash) is not None]
        begun = _begun(repo, branch, commits, closed)
        self._rest_us = min([one.since_us for one in (*ours, *begun)] + [one.at_us for one in commits], default=now_us)
        unnoted = [commit.at_us - _MONTH_US for commit in commits if commit.hash not in heritage.known]
        since_us = max(0, min([self._rest_us, *unnoted]))
        self._scopes = [
            scope
            for one in sorted({repo, *(one.repo for one in ours)})
            if (scope := _Scope.of(conn, replace(where, repo=one), since_us, self._rest_us)) is not None
        ]

    def parts(self, keys: Sequence[str]) -> Iterator[Part]:
        """All sums by commit and by keys."""
        for scope in self._scopes:
            for place, at_us, values, totals in scope.groups(self._conn, keys):
                first = scope.committed.first(*place, at_us)
                hash = None if first is None else self._standing.of(first)
                if hash is not None or self._is_rest(scope, place, at_us, first):
                    yield Part(hash, first, values, totals)

    def _is_rest(self, scope: _Scope, place: _Place, at_us: int, first: str | None) -> bool:
        repo, branch, _ = place
        if repo != self._repo or branch is None or branch != self._branch or at_us < self._rest_us:
            return False
        return first is None or scope.committed.standing.of(first) is None


def _begun(repo: str, branch: str | None, commits: Sequence[Commit], closed: Sequence[Closing]) -> list[Closing]:
    """What was committed on a branch since it left the commits that it is compared with, there still or not."""
    known = {commit.hash: commit for commit in commits}
    line = commits[-1:]
    while line and line[0].parents and line[0].parents[0] in known:
        line = [known[line[0].parents[0]]]
    base = described(repo, line[0].parents[:1]) if line else None
    if not base or branch is None:
        return []
    (left,) = base.values()
    return [one for one in closed if (one.repo, one.branch) == (repo, branch) and one.until_us > left.committed_us]


class _Scope:
    """The time in which calls of a repository can belong to the range."""

    @classmethod
    def of(cls, conn: sqlite3.Connection, where: Where, since_us: int, rest_us: int) -> _Scope | None:
        """None where there were none."""
        first, last = first_charge(conn, since_us, None), last_charge(conn, since_us, None)
        if first is None or last is None:
            return None
        return cls(conn, where, (max(since_us, first // HOUR_US * HOUR_US), last + 1), rest_us)

    def __init__(self, conn: sqlite3.Connection, where: Where, span: tuple[int, int], rest_us: int) -> None:
        self._where = where
        places = grouped(conn, _PLACE, where, *span)
        self.committed = Committed(conn, (group.key for group in places), span[0])
        edges = [*self.committed.edges(), rest_us]
        self._spans = cut((), span, UTC, (), edges).spans

    def groups(self, conn: sqlite3.Connection, keys: Sequence[str]) -> Iterator[tuple[_Place, int, _Labels, Totals]]:
        """Where, since when, the values of the keys, and the sums."""
        for number, group in grouped_in(conn, [*_PLACE, *keys], self._where, self._spans):
            repo, branch, worktree, *values = group.key
            yield (repo, branch, worktree), self._spans[number][0], tuple(values), group.totals
