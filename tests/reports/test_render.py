from __future__ import annotations

from typing import Any

import pytest
from msgspec import to_builtins

from tests.reports.made import made
from tokenguard.records import Usage
from tokenguard.reports.layout import cells
from tokenguard.reports.render import table

DOLLAR = 1_000_000_000


def sums(calls: int, nanos: int, usage: Usage, confidence: str = "exact", unpriced: int = 0) -> dict[str, Any]:
    counted = {"calls": calls, "usage": to_builtins(usage), "cost_nanos": nanos, "notional_nanos": 0}
    hit = usage.cache_read / usage.prompt if usage.prompt else None
    caches = {"hit_rate": hit, "saved_nanos": 0, "notional_saved_nanos": 0}
    return {**counted, "confidence": confidence, "unpriced": unpriced, **caches}


def answer(by: list[str], *rows: dict[str, Any], total: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    whole = total or sums(41, 6_210_000_000, Usage(118_000, 3_100_000, output=22_000))
    nothing = sums(0, 0, Usage())
    apart = {"measured": whole, "estimated": nothing, "logged": nothing}
    return {"by": by, "since": None, "until": None, "rows": made(rows), "total": whole, "apart": apart, **more}


def lines(report: dict[str, Any], width: int = 80, most: int = 0) -> list[str]:
    """What a terminal without colours shows."""
    return table(report, width, lambda text, _: text, most=most)


def row(nanos: int, tokens: float, spend: float, **keys: Any) -> dict[str, Any]:
    counted = sums(41, nanos, Usage(90_000, 3_100_000, 20_000, 8_000, 22_000))
    shares = {"token_share": tokens, "spend_share": spend, "list_share": spend, "stands_out": spend > 3 * tokens}
    return {**counted, **shares, **keys}


def test_shares_of_tokens_and_of_spend_stand_side_by_side_and_what_is_dear_is_marked() -> None:
    shown = lines(
        answer(
            ["model"],
            row(6_020_000_000, 0.2, 0.7, model="opus-5.5", saved_nanos=41 * DOLLAR),
            row(193_000_000, 0.8, 0.003, model="haiku-5.5"),
            total={**sums(82, 6_213_000_000, Usage(236_000, 6_200_000, output=44_000)), "saved_nanos": 41 * DOLLAR},
        )
    )
    assert shown == [
        " MODEL      CALLS  TOKENS                    COST                    HIT   SAVED",
        " opus-5.5      41    3.2M 20% ██▊           $6.02 70% █████████▋  ◀  96%  $41.00",
        " haiku-5.5     41    3.2M 80% ███████████  $0.193 <1% ▏              96%",
        "",
        " total         82    6.5M                   $6.21                    96%  $41.00",
        "",
        " ◀ opus-5.5 has 20% of the tokens and 70% of the spend",
        " caches had 96% of what was sent and saved $41.00, 87% of the price",
    ]


def test_more_keys_get_the_room_and_say_the_same_once() -> None:
    shown = lines(
        answer(
            ["repo", "model"],
            row(6 * DOLLAR, 0.2, 0.7, repo="/src/web", model="opus"),
            row(1 * DOLLAR, 0.2, 0.1, repo="/src/web", model="haiku"),
            row(1 * DOLLAR, 0.2, 0.1, repo=None, model="haiku"),
        ),
        60,
    )
    assert shown == [
        " REPO   MODEL  CALLS  TOKENS            COST             HIT",
        " web    opus      41    3.2M 20% █▏    $6.00 70% ████ ◀  96%",
        "        haiku     41    3.2M 20% █▏    $1.00 10% ▋       96%",
        " -      haiku     41    3.2M 20% █▏    $1.00 10% ▋       96%",
        "",
        " total            41    3.2M           $6.21             96%",
    ]


def test_the_rows_that_cost_most_are_shown_and_the_others_together() -> None:
    found = [row(nanos * DOLLAR, 0.25, nanos / 20, branch=f"b{nanos}") for nanos in (1, 9, 2, 8)]
    shown = lines(answer(["branch"], *found), most=2)
    assert [line.split()[0] for line in shown[1:3]] == ["b9", "b8"]
    assert shown[3].split()[:5] == ["2", "more", "82", "6.5M", "50%"]
    assert "$3.00 15%" in shown[3]
    assert len(lines(answer(["branch"], *found), most=4)) == 7


def test_what_is_not_exact_says_so() -> None:
    rough = {**row(2 * DOLLAR, 1, 1, day="2026-11-21"), "confidence": "bound", "unpriced": 2}
    shown = lines(answer(["day"], rough, total=sums(4, 2 * DOLLAR, Usage(1), "bound", unpriced=2)))
    assert "≈$2.00" in shown[1]
    assert "≈$2.00" in shown[3]
    assert shown[-2:] == [
        " ≈ not exact: estimated, or a bound that the true cost does not pass",
        " 2 calls have no known price and are not in the cost",
    ]


def test_what_is_notional_stands_apart() -> None:
    billed = {**row(2 * DOLLAR, 0.5, 1, billing="metered"), "list_share": 0.2}
    covered = {**row(0, 0.5, 0, billing="subscription"), "notional_nanos": 12 * DOLLAR, "list_share": 0.8}
    total = {**sums(82, 2 * DOLLAR, Usage(1)), "notional_nanos": 12 * DOLLAR}
    shown = lines(answer(["billing"], billed, covered, total=total))
    assert shown[0].split() == ["BILLING", "CALLS", "TOKENS", "COST", "NOTIONAL", "HIT"]
    assert [word for word in shown[1].split() if word[0] != "█"] == [
        "metered",
        "41",
        "3.2M",
        "50%",
        "$2.00",
        "100%",
        "96%",
    ]
    assert shown[2].split()[-2:] == ["$12.00", "96%"]
    assert shown[-1] == " notional: at list price, but covered by a subscription or run on this machine"


def test_where_nothing_is_billed_the_shares_are_those_at_list_price() -> None:
    opus, haiku = (
        {
            **row(0, tokens, 0, model=name),
            "notional_nanos": nanos * DOLLAR,
            "list_share": share,
            "stands_out": share > 0.5,
        }
        for name, tokens, nanos, share in (("opus", 0.2, 9, 0.9), ("haiku", 0.8, 1, 0.1))
    )
    shown = lines(answer(["model"], opus, haiku, total={**sums(82, 0, Usage(1)), "notional_nanos": 10 * DOLLAR}))
    assert "$0.00 90%" in shown[1]
    assert " ◀ opus has 20% of the tokens and 90% of the notional spend" in shown


def test_sessions_by_length_show_how_their_turns_grow() -> None:
    growth = {"sessions": 2, "turns": 300, "first_nanos": 10_000_000, "last_nanos": 190_000_000}
    growth |= {"first_prompt": 18_000, "last_prompt": 320_000, "per_turn_nanos": 1_200_000}
    short = row(
        3 * DOLLAR, 0.1, 0.04, length="1-5", sessions=41, turns=230, growth={**growth, "last_nanos": 14_000_000}
    )
    long = row(90 * DOLLAR, 0.9, 0.96, length="501+", sessions=3, turns=1_890, growth=growth)
    shown = lines(answer(["length"], short, long))
    assert shown[:5] == [
        " LENGTH  SESSIONS  TURNS        PROMPT           A TURN    COST",
        " 1-5           41    230  18.0k → 320k  $0.010 → $0.014   $3.00  4% ▌",
        " 501+           3  1,890  18.0k → 320k  $0.010 → $0.190  $90.00 96% ████████████",
        "",
        " total         44  2,120                                 $93.00",
    ]
    assert shown[6] == " the last fifth of the turns of sessions of 501+ costs 19.0 times the first,"
    assert shown[7] == "   $0.001 more with every turn"


def test_commits_show_what_they_are_about_and_cost_on_average() -> None:
    done = row(6 * DOLLAR, 0.5, 0.6, commit="a" * 40, subject="Fix the login", committed_at="2026-11-21T10:00:00+01:00")
    more = row(2 * DOLLAR, 0.3, 0.2, commit="b" * 40, subject="Tests", committed_at="2026-11-21T11:00:00+01:00")
    rest = row(1 * DOLLAR, 0.2, 0.2, commit=None, subject=None, committed_at=None)
    shown = lines(answer(["commit"], done, more, rest))
    assert shown[1].startswith(" aaaaaaaa Fix the login  ")
    assert shown[3].startswith(" (not committed)  ")
    assert " 2 commits for $8.00: $4.00 a commit" in shown
    assert " $1.00 for what was not committed on its branch, or outside of repositories" in shown
    assert " 1 commit for $6.00" in lines(answer(["commit"], done, rest))
    both = {**done, "model": "opus"}
    assert lines(answer(["commit", "model"], both))[1].startswith(" aaaaaaaa  opus ")


def test_how_the_numbers_are_known_is_told_where_they_are_not_all_measured() -> None:
    whole = sums(6, 9 * DOLLAR, Usage(1))
    apart = {
        name: sums(2, nanos * DOLLAR, Usage(1)) for name, nanos in (("measured", 5), ("estimated", 1), ("logged", 3))
    }
    drift = {"sessions": 2, "calls": 40, "measured_nanos": 2 * DOLLAR, "logged_nanos": 1_900_000_000, "drift": -0.05}
    shown = lines(answer(["origin"], row(DOLLAR, 1, 1, origin="logged"), total=whole, apart=apart, drift=drift))
    assert " measured $5.00 · measured in part ≈$1.00 · from logs ≈$3.00" in shown
    assert " logs tell 5.0% less than was measured ($1.90 and $2.00), over 40 calls in 2" in shown
    agreed = lines(answer(["origin"], row(DOLLAR, 1, 1, origin="logged"), drift={**drift, "drift": 0.0, "sessions": 1}))
    assert " logs agree with what was measured, over 40 calls in 1 session that have both" in agreed


def test_nothing_is_a_sentence() -> None:
    assert lines(answer(["day"])) == [" no calls in this time"]


def test_repositories_with_the_same_folder_name_are_told_apart() -> None:
    paths = ["/home/a/main/web", "/home/a/fork/web", "/home/a/api"]
    for key in ("repo", "worktree"):
        shown = lines(answer([key], *(row(1, 0, 0, **{key: path}) for path in paths)))
        assert [line.split()[0] for line in shown[1:4]] == ["main/web", "fork/web", "api"]


def test_hours_leave_out_their_offset_and_blocks_tell_their_end() -> None:
    shown = lines(answer(["hour"], row(1, 0, 0, hour="2026-11-21T10:00+01:00")))
    assert shown[1].startswith(" 2026-11-21 10:00  ")
    shown = lines(answer(["block"], row(1, 0, 0, block="2026-11-21T22:00+01:00")))
    assert shown[1].startswith(" 2026-11-21 22:00-03:00  ")


@pytest.mark.parametrize("width", [120, 80, 60])
@pytest.mark.parametrize("keys", [1, 2, 3])
def test_where_it_is_narrow_names_are_cut_and_numbers_never(width: int, keys: int) -> None:
    every = {"repo": "/src/" + "r" * 50, "task": "words " * 10, "model": "claude-opus-5-5-20261121"}
    long = dict(list(every.items())[:keys])
    dear = row(123_456 * DOLLAR, 0.2, 0.7, **long, saved_nanos=987_654 * DOLLAR, notional_nanos=DOLLAR)
    shown = lines(answer(list(long), dear), width)
    assert max(map(cells, shown)) <= width
    assert {"3.2M", "20%", "$123,456.00", "70%"} <= set(shown[1].split())
    assert "…" in shown[1] or width == 120


def test_names_cannot_steer_the_terminal() -> None:
    shown = lines(answer(["model"], row(1, 0, 0, model="\x1b[2J[bold red]x\n\u202ey")))
    assert shown[1].startswith(" \ufffd[2J[bold red]x\ufffd\ufffdy ")
    commit = row(1, 0, 0, commit="c" * 40, subject="\x1b[2Jboo", committed_at=None)
    assert "\x1b" not in "".join(lines(answer(["commit"], commit)))


def test_kinds_of_work_that_were_inferred_are_marked() -> None:
    named = {**row(DOLLAR, 0.5, 0.5, task="login"), "task_inferred": False}
    inferred = {**row(DOLLAR, 0.5, 0.5, task="~edit"), "task_inferred": True}
    note = " ~ inferred from what the agent did; tokenguard run --task NAME names a task"
    assert lines(answer(["task"], named, inferred))[-1] == note
    assert note not in lines(answer(["task"], named))


def test_where_there_is_room_tokens_are_told_by_kind() -> None:
    shown = lines(answer(["model"], row(DOLLAR, 1, 1, model="opus")), 120)
    assert shown[0].split() == ["MODEL", "CALLS", "IN", "CACHED", "OUT", "TOKENS", "COST", "HIT"]
    assert shown[1].split()[:6] == ["opus", "41", "118k", "3.1M", "22.0k", "3.2M"]
