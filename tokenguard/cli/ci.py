"""`tokenguard ci`: what commits cost and a team has spent, checked where there is no daemon."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import click
from msgspec.structs import asdict

from tokenguard.attribution import notes as git_notes
from tokenguard.attribution.commits import Commit, of_range
from tokenguard.cli import output
from tokenguard.cli.amounts import AMOUNT, Limit, confirm_zero
from tokenguard.cli.commands import Commands, examples
from tokenguard.cli.ranges import Range, find_range
from tokenguard.errors import UsageError
from tokenguard.ledger import queries
from tokenguard.policy import money
from tokenguard.records import Confidence, Unit
from tokenguard.reports.notes import Cost, Note, notes, read, together

_OVER = 1
_NAMED = 5
"""Commits that a sentence names."""


@click.group(cls=Commands, epilog=examples("tokenguard ci check --range origin/main..HEAD --limit 20"))
def ci() -> None:
    """Check what commits cost, and what a team has spent, where no daemon runs."""


@ci.command(
    epilog=examples(
        "tokenguard ci check --range origin/main..HEAD --limit 20",
        "tokenguard ci check --range v1.2..HEAD --limit '5M tokens' --ledger ledger.db",
        "tokenguard ci check --team",
    )
)
@click.option("--range", "name", metavar="A..B", help="The commits, such as origin/main..HEAD.")
@click.option("--limit", type=AMOUNT, help="What they may cost together.")
@click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read a ledger in place of the notes of the commits.",
)
@click.option(
    "--counts",
    type=click.Choice(["billed", "all"]),
    default="billed",
    help="all: dollars that a subscription covered, too.",
)
@click.option("--strict", is_flag=True, help="Fail, too, if the cost of a commit is not known.")
@click.option("--team", is_flag=True, help="Fail if a limit of the team that is checked out is used up.")
@click.option("--login", metavar="SETTINGS", default="", help="Of a team in PostgreSQL: 'user=ci passfile=...'.")
@click.option("--yes", is_flag=True, help="A limit of 0 is meant.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(name: str | None, limit: Limit | None, team: bool, login: str, as_json: bool, **how: Any) -> int:
    """Fail if the commits of a range cost more than a limit, or if a limit of the team is used up.

    What commits cost stands in their notes, where tokenguard report --range A..B --notes has put it: fetch
    refs/notes/tokenguard. The exit code is 1 over the limit.
    """
    if (name is None) is not (limit is None) or (name is None and not team):
        raise UsageError("it is not said what is to be checked", "--range A..B with --limit AMOUNT, or --team")
    checks: list[_Checked] = []
    if name is not None and limit is not None:
        checks.append(_check_commits(name, limit, **how))
    if team:
        checks.append(_check_team(login))
    passed = all(one.passed for one in checks)
    if as_json:
        output.say_json({**{key: value for one in checks for key, value in one.told.items()}, "passed": passed})
        return 0 if passed else _OVER
    for one in checks:
        for line in one.said:
            output.say(line)
    return 0 if passed else _OVER


class _Checked(NamedTuple):
    passed: bool
    said: Sequence[str]
    told: Mapping[str, Any]


def _check_team(login: str) -> _Checked:
    from tokenguard.cli.team.pipeline import spent_by_team  # needs much that commits spare us

    found = spent_by_team(login)
    passed = not any(one.used_up for one in found)
    return _Checked(passed, [one.sentence() for one in found], {"team": [one.as_json() for one in found]})


def _check_commits(name: str, limit: Limit, *, ledger: Path | None, counts: str, strict: bool, yes: bool) -> _Checked:
    confirm_zero(limit, "--limit", yes)
    commits = find_range(None, name)
    made = of_range(commits.folder, name)
    found = _from_ledger(ledger, commits, made) if ledger else _from_notes(commits, made)
    unknown = [commit.hash for commit in made if (note := found.get(commit.hash)) is None or note.unpriced]
    cost = together(found.values())
    spent = _spent(cost, limit.unit, counts)
    failed = spent > limit.value or (strict and bool(unknown))
    if unknown:
        output.note(_missing(unknown, len(made)))
    told = {"range": name, "source": "ledger" if ledger else "notes", "commits": len(made), "unknown": unknown}
    sums = {"unit": limit.unit, "limit": limit.value, "spent": spent, "over": spent > limit.value, **asdict(cost)}
    exact = all(note.confidence == Confidence.EXACT for note in found.values())
    said = _sentence(name, spent, limit, len(made), about=not exact)
    return _Checked(not failed, [said], {**told, **sums})


def _from_notes(commits: Range, made: Sequence[Commit]) -> dict[str, Note]:
    """Commit -> its note, of those that have one that can be read."""
    texts = git_notes.read(commits.folder, [commit.hash for commit in made])
    return {hash: note for hash, text in texts.items() if (note := read(text)) is not None}


def _from_ledger(file: Path, commits: Range, made: Sequence[Commit]) -> Mapping[str, Note]:
    with closing(queries.connect_readonly(file)) as conn:
        return notes(conn, commits.repo, made, time.time_ns() // 1000)


def _spent(cost: Cost, unit: Unit, counts: str) -> int:
    if unit is Unit.USD:
        return cost.cost_nanos + (cost.notional_nanos if counts == "all" else 0)
    return cost.tokens if unit is Unit.TOKENS else cost.calls


def _sentence(name: str, spent: int, limit: Limit, commits: int, *, about: bool) -> str:
    told = money.usd(spent, about=about) if limit.unit is Unit.USD else money.amount(spent, limit.unit)
    most = money.limit(limit.value, limit.unit)
    if spent > limit.value:
        return f"{name}: {told} in {output.counted(commits, 'commit')}, over the limit of {most}"
    return f"{name}: {told} of {most} in {output.counted(commits, 'commit')}"


def _missing(unknown: Sequence[str], commits: int) -> str:
    named = ", ".join(hash[:8] for hash in unknown[:_NAMED]) + (", ..." if len(unknown) > _NAMED else "")
    return (
        f"the cost of {len(unknown)} of {output.counted(commits, 'commit')} is not known ({named}); where it was spent:"
        " tokenguard report --range A..B --notes; git push origin refs/notes/tokenguard"
    )
