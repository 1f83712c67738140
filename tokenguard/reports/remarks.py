"""What has to be known of a report's numbers, and what stands out in them, as sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from tokenguard.policy.money import usd
from tokenguard.policy.naming import folder_name, printable
from tokenguard.records import Confidence
from tokenguard.reports.keys import UNMARKED
from tokenguard.reports.rows import Rows

_MOST = 3
"""Rows that are said to stand out."""
_LEAST_STEP = 1_000_000
"""Nanodollars by which each turn has to be dearer than the one before, to be told: a tenth of a cent."""
_APART = 0.001
"""A drift of less than a tenth of a percent is told as none."""


def remarks(report: dict[str, Any], width: int) -> list[tuple[str, str]]:
    """(sentence, style) of all there is to say, in lines of this width."""
    told = [(text, "warn") for text in _outstanding(report)]
    told += [(text, "") for text in (*_lengths(report), *_commits(report), *_caches(report), *_apart(report))]
    told += [(text, "dim") for text in _notes(report)]
    return [
        (line if not at else f"  {line}", style)
        for text, style in told
        for at, line in enumerate(textwrap.wrap(text, width - 2, break_long_words=False, break_on_hyphens=False))
    ]


def _outstanding(report: dict[str, Any]) -> Iterator[str]:
    """What costs much more than its tokens would make one think."""
    by = report["by"]
    if len(by) != 1 or by[0] in UNMARKED or len(report["rows"]) < 2:
        return
    spend = "spend" if report["total"]["cost_nanos"] else "notional spend"
    share = "spend_share" if report["total"]["cost_nanos"] else "list_share"
    rows: Rows = report["rows"]
    for row in map(rows.__getitem__, [at for at, dear in enumerate(rows.columns["stands_out"]) if dear][:_MOST]):
        name = row[by[0]]
        called = folder_name(name) if by[0] in ("repo", "worktree") else (name or "-")
        yield f"◀ {printable(called)} has {row['token_share']:.0%} of the tokens and {row[share]:.0%} of the {spend}"


def _lengths(report: dict[str, Any]) -> Iterator[str]:
    """How much dearer the last turns of the length that cost most are."""
    if report["by"] != ["length"]:
        return
    grown = [row for row in report["rows"] if row["growth"] and row["growth"]["first_nanos"]]
    if grown:
        row = max(grown, key=lambda row: row["list_share"])
        growth = row["growth"]
        times = growth["last_nanos"] / growth["first_nanos"]
        more = (
            f", {usd(growth['per_turn_nanos'])} more with every turn" if growth["per_turn_nanos"] >= _LEAST_STEP else ""
        )
        yield f"the last fifth of the turns of sessions of {row['length']} costs {times:.1f} times the first{more}"
    yield "prompt, a turn: of the first fifth of the turns, and of the last"


def _commits(report: dict[str, Any]) -> Iterator[str]:
    """What a commit costs."""
    if "range" in report:
        yield from _range(report)
        return
    if "commit" not in report["by"]:
        return
    rows: Rows = report["rows"]
    listed = list(zip(rows.labels["commit"], rows.listed(), strict=True))
    commits = {commit for commit, _ in listed if commit}
    done = sum(nanos for commit, nanos in listed if commit)
    rest = sum(nanos for commit, nanos in listed if not commit)
    if commits:
        mean = f": {usd(done // len(commits))} a commit" if len(commits) > 1 else ""
        yield f"{_counted(len(commits))} for {usd(done)}{mean}"
    if rest:
        yield f"{usd(rest)} for what was not committed on its branch, or outside of repositories"


def _counted(commits: int) -> str:
    return f"{commits:,} commit{'s' if commits > 1 else ''}"


def _range(report: dict[str, Any]) -> Iterator[str]:
    """What the commits of a range cost, and what was spent beside them."""
    number, done, rest = report["commits"], _listed(report["committed"]), _listed(report["rest"])
    if number:
        yield f"{_counted(number)} for {usd(done)}"
    if rest:
        yield f"{usd(rest)} on the branch for no commit that is there: not committed, or dropped"


def _caches(report: dict[str, Any]) -> Iterator[str]:
    total = report["total"]
    saved = total["saved_nanos"] + total["notional_saved_nanos"]
    if saved > 0 and total["hit_rate"]:
        off = saved / (saved + _listed(total))
        yield f"caches had {total['hit_rate']:.0%} of what was sent and saved {usd(saved)}, {off:.0%} of the price"
    elif saved < 0:
        yield f"caches were written and hardly read: they cost {usd(-saved)} more than they saved"


def _apart(report: dict[str, Any]) -> Iterator[str]:
    """How the numbers are known, where they are not all measured; and how far logs are from what was measured."""
    found = report["apart"]
    if found["estimated"]["calls"] or found["logged"]["calls"]:
        exact = {"measured": "measured", "estimated": "measured in part ≈", "logged": "from logs ≈"}
        parts = [
            f"{words}{' ' if words[-1] != '≈' else ''}{usd(_listed(found[name]))}" for name, words in exact.items()
        ]
        yield " · ".join(part for name, part in zip(exact, parts, strict=True) if found[name]["calls"])
    drift = report.get("drift")
    if drift and drift["sessions"]:
        sessions = f"{drift['sessions']:,} session{'s' if drift['sessions'] > 1 else ''}"
        if abs(drift["drift"]) < _APART:
            yield f"logs agree with what was measured, over {drift['calls']:,} calls in {sessions} that have both"
        else:
            more = "more" if drift["drift"] > 0 else "less"
            yield (
                f"logs tell {abs(drift['drift']):.1%} {more} than was measured ({usd(drift['logged_nanos'])} and"
                f" {usd(drift['measured_nanos'])}), over {drift['calls']:,} calls in {sessions} that have both"
            )


def _notes(report: dict[str, Any]) -> Iterator[str]:
    total = report["total"]
    rows: Rows = report["rows"]
    if any(rows.labels.get("task_inferred", ())):
        yield "~ inferred from what the agent did; tokenguard run --task NAME names a task"
    if total["confidence"] != Confidence.EXACT or total["unpriced"]:
        yield "≈ not exact: estimated, or a bound that the true cost does not pass"
    if total["unpriced"]:
        yield f"{total['unpriced']:,} calls have no known price and are not in the cost"
    if total["notional_nanos"]:
        yield "notional: at list price, but covered by a subscription or run on this machine"


def _listed(sums: dict[str, Any]) -> int:
    nanos: int = sums["cost_nanos"] + sums["notional_nanos"]
    return nanos
