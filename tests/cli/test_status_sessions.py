"""Sessions in the status."""

from __future__ import annotations

from typing import Any

from tests.cli.statuses import NOON, STATUS, session, totals
from tokenguard.cli.status import lines


def sub_agent(name: str, kind: str | None, model: str, **rest: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "model": model, **rest}


def test_sub_agents_stand_below_their_session_those_of_a_kind_together() -> None:
    subs = [
        sub_agent("a1", "Explore", "claude-haiku-5-5", **totals(100_000_000, 7)),
        sub_agent("01a1fd56-5f27", None, "claude-opus-5-5", **totals(2_000_000_000, 3)),
        sub_agent("a2", "Explore", "claude-haiku-5-5", **totals(90_000_000, 5, "estimated")),
    ]
    sessions = [session("/src/web", "main", **totals(6_210_000_000, 41), sub_agents=subs)]
    assert lines({**STATUS, "sessions": sessions}, NOON)[-3:] == [
        "  claude  web         main       41 calls    $6.21",
        "  └ sub   Explore ×2  haiku-5.5  12 calls  ≈$0.190",
        "  └ sub   01a1fd56    opus-5.5    3 calls    $2.00",
    ]


def test_a_session_stands_below_the_one_in_which_it_was_started() -> None:
    sessions = [
        session("/src/web", "main", **totals(1_000_000_000, 2), state="suspended", your_turn=True),
        session("/src/api", "main", **{**totals(3_000_000_000, 3), "id": "other"}),
        session("/src/web", "main", **{**totals(2_000_000_000, 2), "id": "inner", "agent": "codex", "parent": "bcdfg"}),
        session(
            "/src/web", "main", **{**totals(4_000_000_000, 2), "id": "innermost", "agent": "pi", "parent": "inner"}
        ),
        session(None, None, **{**totals(0, 0), "id": "orphan", "agent": "llm", "parent": "gone", "task": "look"}),
    ]
    shown = [line.rstrip() for line in lines({**STATUS, "sessions": sessions}, NOON)[4:]]
    assert shown == [
        "  claude   web  main   2 calls  $1.00  suspended",
        "  └ codex  web  main   2 calls  $2.00",
        "    └ pi   web  main   2 calls  $4.00",
        "  claude   api  main   3 calls  $3.00",
        "  llm                 no calls  $0.00  look",
    ]


def test_an_agent_that_waits_for_its_person_says_so() -> None:
    def told(**rest: Any) -> str:
        sessions = [session("/src/web", "main", **totals(1_000_000_000, 2), your_turn=True, **rest)]
        return lines({**STATUS, "sessions": sessions}, NOON)[-1]

    assert told().endswith("$1.00  your turn")
    assert "your turn" not in told(state="waiting")


def test_what_still_runs_of_an_ended_session_is_said() -> None:
    one = session("/src/web", "main", **totals(1_000_000_000, 2), state="ended", left=[{"pid": 123, "name": "hub"}])
    assert lines({**STATUS, "sessions": [one]}, NOON)[-1].endswith("$1.00  ended · hub (pid 123) still runs")
