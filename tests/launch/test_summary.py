"""The last line of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.launch.support import SUMMARY
from tokenguard.errors import UsageError
from tokenguard.launch.summary import intercepted, left, line, save


def model(name: str, nanos: int, confidence: str = "exact") -> dict[str, Any]:
    return {"model": name, "cost_nanos": nanos, "confidence": confidence}


def budget(
    label: str, spent: int, limit: int, level: str = "ok", unit: str = "usd", scope: str = "repo"
) -> dict[str, Any]:
    return {"label": label, "spent": spent, "limit": limit, "level": level, "unit": unit, "scope": scope}


def summary(**changes: Any) -> dict[str, Any]:
    return {**SUMMARY, "calls": 41, "cost_nanos": 6_213_000_000, **changes}


def inner(agent: str, calls: int, nanos: int, confidence: str = "exact", *, notional: int = 0) -> dict[str, Any]:
    sums = {"calls": calls, "cost_nanos": nanos, "notional_nanos": notional, "confidence": confidence}
    return {"id": "x", "agent": agent, "running": False, **sums}


OPUS, HAIKU = model("claude-opus-5-5", 6_020_000_000), model("claude-haiku-5-5-20260901", 193_000_000)
DAY = budget("web/day", 16_400_000_000, 20_000_000_000, "warn")

RUN = budget("bcdfghj/session", 2_500_000_000, 5_000_000_000, "info", scope="session")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"calls": 0}, "tokenguard  no calls"),
        ({"calls": 0, "budgets": [RUN]}, "tokenguard  no calls  this run 50% of $5"),
        ({"calls": 0, "refused": 1}, "tokenguard  no calls, 1 refused"),
        (
            {"calls": 0, "budgets": [budget("a\nb\x1b[31m/day", 1, 2, scope="task")]},
            "tokenguard  no calls  a\ufffdb\ufffd[31m/day 50% of $0.000000002",
        ),
        (
            {"calls": 0, "budgets": [budget("plan", 95, 90, "hard", "percent", "global")]},
            "tokenguard  no calls  plan 95% of 90%",
        ),
        ({"calls": 1}, "tokenguard  $6.21 in 1 call"),
        ({"calls": 1, "refused": 2}, "tokenguard  $6.21 in 1 call, 2 refused"),
        ({"models": [OPUS]}, "tokenguard  $6.21 in 41 calls  (opus-5.5)"),
        (
            {"models": [OPUS, HAIKU], "budgets": [DAY]},
            "tokenguard  $6.21 in 41 calls  (opus-5.5 $6.02 · haiku-5.5 $0.193)  web/day 82% of $20",
        ),
        (
            {"confidence": "bound", "models": [OPUS, model("new", 2_000_000_000, "bound")]},
            "tokenguard  ≈$6.21 in 41 calls  (opus-5.5 $6.02 · new ≈$2.00)",
        ),
        ({"unpriced": 2}, "tokenguard  $6.21 in 41 calls  2 of unknown cost"),
        (
            {"inner": [inner("codex", 17, 1_070_000_000), inner("pi", 0, 0)], "models": [OPUS]},
            "tokenguard  $6.21 in 41 calls, $1.07 of it in 17 calls of codex within  (opus-5.5)",
        ),
        (
            {"inner": [inner("pi", 1, 10_000_000, "bound"), inner("pi", 2, 0, notional=40_000_000)]},
            "tokenguard  $6.21 in 41 calls, ≈$0.010 and ≈$0.040 notional of it in 3 calls of pi within",
        ),
        (
            {"id": "inner", "budgets": [{**RUN, "key": "outer"}]},
            "tokenguard  $6.21 in 41 calls  the run around it 50% of $5",
        ),
        ({"id": "outer", "budgets": [{**RUN, "key": "outer"}]}, "tokenguard  $6.21 in 41 calls  this run 50% of $5"),
        ({"notional_nanos": 0}, "tokenguard  $6.21 in 41 calls"),
        (
            {"cost_nanos": 0, "notional_nanos": 6_213_000_000, "models": [OPUS]},
            "tokenguard  $0.00, $6.21 notional, in 41 calls  (opus-5.5)",
        ),
        (
            {"notional_nanos": 193_000_000, "models": [OPUS, HAIKU | {"cost_nanos": 0, "notional_nanos": 193_000_000}]},
            "tokenguard  $6.21, $0.193 notional, in 41 calls  (opus-5.5 $6.02 · haiku-5.5 $0.193 notional)",
        ),
        (
            {"notional_nanos": 10**9, "models": [OPUS | {"notional_nanos": 10**9}, HAIKU], "confidence": "bound"},
            "tokenguard  ≈$6.21, ≈$1.00 notional, in 41 calls  (opus-5.5 $6.02 and $1.00 notional · haiku-5.5 $0.193)",
        ),
    ],
)
def test_the_line(changes: dict[str, Any], expected: str) -> None:
    assert line(summary(**changes)) == expected


def test_the_fullest_budget_is_named_and_every_one_with_a_level() -> None:
    dollar = 10**9
    budgets = [
        budget("a", dollar, 10 * dollar),
        budget("b", 99 * dollar, 100 * dollar, "soft"),
        budget("c", 1_300_000, 2_000_000, "info", "tokens"),
        budget("d", 3 * dollar, 10 * dollar),
        budget("e", 3, 3, "hard", "calls"),
    ]
    told = line(summary(budgets=budgets)).split("calls  ", 1)[1]
    assert told == "e 100% of 3 calls  b 99% of $100  c 65% of 2.0M tokens"
    assert line(summary(budgets=[budgets[0], budgets[3]])).endswith("calls  d 30% of $10")


def test_the_file(tmp_path: Path) -> None:
    save(tmp_path / "cost.json", summary(models=[OPUS]), 3)
    assert json.loads((tmp_path / "cost.json").read_text()) == {**summary(models=[OPUS]), "exit_code": 3}


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--summary .* cannot be written"):
        save(tmp_path, summary(), 0)


def process(name: str, pid: int, session: str | None = None) -> dict[str, Any]:
    return {"name": name, "pid": pid, "session": session}


@pytest.mark.parametrize(
    ("found", "leaves", "expected"),
    [
        ([], "its hub", []),
        ([process("hub.js", 7)], "", ["hub.js (pid 7) still runs: what it spends counts in this session"]),
        (
            [process("hub.js", 7)],
            "its hub",
            ["hub.js (pid 7) still runs (Cline leaves its hub): what it spends counts in this session"],
        ),
        (
            [process(name, pid) for pid, name in enumerate(("a", "b\x1b", "c", "d", "e"), 1)],
            "",
            ["a (pid 1), b\ufffd (pid 2), c (pid 3) and 2 more still run: what they spend counts in this session"],
        ),
        (
            [process("codex", 9, "bcd")],
            "",
            ["codex (pid 9) still runs, in a session of its own within this one"],
        ),
    ],
)
def test_what_has_outlived_the_agent_is_named(found: list[dict[str, Any]], leaves: str, expected: list[str]) -> None:
    assert list(left({"left": found}, "Cline", leaves)) == expected


def test_of_an_intercepted_run_in_which_all_is_well_nothing_is_said() -> None:
    assert list(intercepted(summary(proxied=3))) == []
    # Its calls came by a base URL, or from a run within.
    assert list(intercepted(summary(proxied=0))) == []
    assert list(intercepted({**SUMMARY, "refused": 1})) == []
    assert list(intercepted({**SUMMARY, "inner": [inner("claude", 1, 1)]})) == []


def test_of_one_from_which_nothing_came_it_is_said_that_it_may_have_gone_elsewhere() -> None:
    (said,) = intercepted(SUMMARY)
    assert "unseen" in said and "Node.js before 22.21" in said


def test_of_one_that_talked_to_strangers_only_it_is_said_to_whom() -> None:
    (said,) = intercepted({**SUMMARY, "proxied": 4, "others": ["models.corp", "example.com"]})
    assert said.startswith("it talked to models.corp, example.com: ") and "[providers.NAME]" in said
    # Most programs do beside their calls.
    assert list(intercepted(summary(proxied=4, others=["example.com"]))) == []


def test_of_one_that_took_no_certificates_it_is_said_what_to_do() -> None:
    said = list(intercepted(summary(proxied=3, untrusting=["api.openai.com", "api.x.ai"])))
    assert [text.split()[2] for text in said] == ["api.openai.com", "api.x.ai"]
    assert all("give it its base URL" in text and "without --intercept" in text for text in said)
