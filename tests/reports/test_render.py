from __future__ import annotations

import io
from typing import Any

import pytest
from msgspec import to_builtins
from rich.console import Console

from tokenguard.records import Usage
from tokenguard.reports.render import table

DOLLAR = 1_000_000_000


def sums(calls: int, nanos: int, usage: Usage, confidence: str = "exact", unpriced: int = 0) -> dict[str, Any]:
    counted = {"calls": calls, "usage": to_builtins(usage), "cost_nanos": nanos}
    return {**counted, "notional_nanos": 0, "confidence": confidence, "unpriced": unpriced}


def answer(by: list[str], *rows: dict[str, Any], total: dict[str, Any] | None = None) -> dict[str, Any]:
    whole = total or sums(41, 6_210_000_000, Usage(118_000, 3_100_000, output=22_000))
    return {"by": by, "since": None, "until": None, "rows": list(rows), "total": whole}


def lines(report: dict[str, Any], width: int = 80) -> list[str]:
    """What a terminal without colours shows, without the spaces at the ends."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table(report))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def row(nanos: int, tokens: float, spend: float, **keys: str | None) -> dict[str, Any]:
    counted = sums(41, nanos, Usage(90_000, 3_100_000, 20_000, 8_000, 22_000))
    return {**keys, **counted, "token_share": tokens, "spend_share": spend}


def test_one_key_shows_tokens_by_bucket_and_both_shares() -> None:
    shown = lines(
        answer(
            ["model"],
            row(6_020_000_000, 0.2, 0.7, model="opus-5.5"),
            row(193_000_000, 0.8, 0.003, model="haiku-5.5"),
        )
    )
    assert shown == [
        " MODEL      CALLS    IN  CACHED    OUT  TOKENS  SPEND    COST",
        " opus-5.5      41  118k    3.1M  22.0k     20%    70%   $6.02",
        " haiku-5.5     41  118k    3.1M  22.0k     80%    <1%  $0.193",
        "",
        " total         41  118k    3.1M  22.0k                  $6.21",
    ]


def test_more_keys_get_the_room_and_say_the_same_once() -> None:
    shown = lines(
        answer(
            ["repo", "model"],
            row(6 * DOLLAR, 0.2, 0.7, repo="/src/web", model="opus"),
            row(1 * DOLLAR, 0.2, 0.1, repo="/src/web", model="haiku"),
            row(1 * DOLLAR, 0.2, 0.1, repo=None, model="haiku"),
        )
    )
    assert shown == [
        " REPO   MODEL  CALLS  TOKENS  SPEND   COST",
        " web    opus      41    3.2M    70%  $6.00",
        "        haiku     41    3.2M    10%  $1.00",
        " -      haiku     41    3.2M    10%  $1.00",
        "",
        " total            41    3.2M         $6.21",
    ]


def test_what_is_not_exact_says_so() -> None:
    rough = {**row(2 * DOLLAR, 1, 1, day="2026-11-21"), "confidence": "bound", "unpriced": 2}
    shown = lines(answer(["day"], rough, total=sums(4, 2 * DOLLAR, Usage(1), "bound", unpriced=2)))
    assert shown[1].endswith("≈$2.00")
    assert shown[3].endswith("≈$2.00")
    assert shown[-2:] == [
        " ≈ not exact: estimated, or a bound that the true cost does not pass",
        " 2 calls have no known price and are not in the cost",
    ]


def test_what_is_notional_stands_apart() -> None:
    billed = {**row(2 * DOLLAR, 0.5, 1, billing="metered")}
    covered = {**row(0, 0.5, 0, billing="subscription"), "notional_nanos": 12 * DOLLAR}
    total = {**sums(82, 2 * DOLLAR, Usage(1)), "notional_nanos": 12 * DOLLAR}
    assert lines(answer(["billing"], billed, covered, total=total)) == [
        " BILLING       CALLS    IN  CACHED    OUT  TOKENS  SPEND   COST  NOTIONAL",
        " metered          41  118k    3.1M  22.0k     50%   100%  $2.00",
        " subscription     41  118k    3.1M  22.0k     50%     0%  $0.00    $12.00",
        "",
        " total            82     1       0      0                 $2.00    $12.00",
        "",
        " notional: at list price, but covered by a subscription or run on this machine",
    ]


def test_where_nothing_is_billed_there_are_no_shares_of_it() -> None:
    covered = {**row(0, 1, 0, model="opus"), "notional_nanos": 12 * DOLLAR}
    shown = lines(answer(["model"], covered, total={**covered}))
    assert shown[1].split() == ["opus", "41", "118k", "3.1M", "22.0k", "100%", "$0.00", "$12.00"]


def test_nothing_is_a_sentence() -> None:
    assert lines(answer(["day"])) == [" no calls in this time"]


def test_repositories_with_the_same_folder_name_are_told_apart() -> None:
    paths = ["/home/a/work/web", "/home/a/fork/web", "/home/a/api"]
    shown = lines(answer(["repo"], *(row(1, 0, 0, repo=path) for path in paths)))
    assert [line.split()[0] for line in shown[1:4]] == ["work/web", "fork/web", "api"]


def test_hours_leave_out_their_offset() -> None:
    shown = lines(answer(["hour"], row(1, 0, 0, hour="2026-11-21T10:00+01:00")))
    assert shown[1].startswith(" 2026-11-21 10:00  ")


@pytest.mark.parametrize("width", [80, 60])
def test_where_it_is_narrow_names_are_cut_and_numbers_never(width: int) -> None:
    long = {"repo": "/src/" + "r" * 50, "task": "words " * 10, "model": "claude-opus-5-5-20261121"}
    report = answer(list(long), {**row(123_456 * DOLLAR, 0.2, 0.7, **long)})
    shown = lines(report, width)
    assert len(shown) == 4, "a row is a line"
    assert max(map(len, shown)) <= width
    assert shown[1].split()[-4:] == ["41", "3.2M", "70%", "$123,456.00"]
    assert "…" in shown[1]


def test_names_cannot_steer_the_terminal() -> None:
    shown = lines(answer(["model"], row(1, 0, 0, model="\x1b[2J[bold red]x\n\u202ey")))
    assert shown[1].startswith(" \ufffd[2J[bold red]x\ufffd\ufffdy ")


def test_kinds_of_work_that_were_inferred_are_marked() -> None:
    named = {**row(DOLLAR, 0.5, 0.5, task="login"), "task_inferred": False}
    inferred = {**row(DOLLAR, 0.5, 0.5, task="~edit"), "task_inferred": True}
    note = " ~ inferred from what the agent did; tokenguard run --task NAME names a task"
    assert lines(answer(["task"], named, inferred))[-1] == note
    assert note not in lines(answer(["task"], named))
