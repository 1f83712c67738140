"""A sample of the runs against budgets, and proof that they can fail; `python -m tests.chaos.budgets` makes 10,000."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.chaos import truth
from tests.chaos.budgets import Outcome, at_least, at_most, run, run_sockets, shortfalls, table
from tests.chaos.stage import Watched
from tokenguard.guard import Admission, Desk
from tokenguard.records import Call, Facts, Reading, Verdict
from tokenguard.wire import DIALECTS

SEED = 11


def broken(outcomes: list[Outcome]) -> list[str]:
    """What must never be, with the command that plays the run again."""
    return [
        f"{what}\n  python -m tests.chaos.budgets --seed {SEED} --run {one.number}"
        for one in outcomes
        for what in one.broken
    ]


def test_budgets_hold_in_a_sample_of_runs() -> None:
    outcomes = run(range(40), SEED, 1)
    found = shortfalls(outcomes)
    assert not found, f"{table(outcomes)}\n" + "\n".join([*found, *broken(outcomes)])
    assert {one.kind for one in outcomes} == {"trace", "chaos"}
    assert sum(one.refused for one in outcomes) > 100
    assert not [apart for one in outcomes for apart in one.apart]


def test_budgets_hold_over_sockets() -> None:
    found = run_sockets(range(0, 6, 2), SEED)
    assert not [what for one in found for what in one.broken], found
    assert sum(one.refused for one in found) > 0


class Careless(Watched):
    """Looks at what is spent, and lets through what is not over: it reserves nothing."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self.desk = Desk(self, of[0])

    async def admit(self, call: Call, facts: Facts) -> Admission:
        for view in self.desk.status()["budgets"]:
            budget = next(budget for budget in self.config.budgets if budget.name == view["name"])
            key = truth.key_of(budget, call)
            if key is not None and key.replace("\0", ":") == view["key"] and view["spent"] >= view["limit"]:
                text = "it is used up"
                return Admission(call, Verdict("refuse", view["label"], text), DIALECTS[call.dialect].refuse(text))
        self.join(call)
        return Admission(call, Verdict("allow"))


class Forgetful(Watched):
    """Drops every seventh settlement."""

    def settle(self, call: Call, reading: Reading, *, status: int | None, outcome: str) -> None:
        if call.id % 7:
            super().settle(call, reading, status=status, outcome=outcome)


class Generous(Watched):
    """Settles at less than was billed."""

    def settle(self, call: Call, reading: Reading, *, status: int | None, outcome: str) -> None:
        super().settle(call, Reading(), status=500, outcome=outcome)


@pytest.mark.parametrize(
    ("guard", "what"),
    [
        (Careless, "strict budget"),
        (Careless, "has no reservation"),
        (Forgetful, "reservations"),
        (Generous, "was charged"),
    ],
)
def test_a_guard_that_is_wrong_is_caught(guard: type[Watched], what: str) -> None:
    assert any(what in one for one in shortfalls(run(range(12), SEED, 1, guard)))


def test_careless_guards_pass_calibrated_budgets_more_often_than_these_state() -> None:
    assert any("were passed, more than" in one for one in shortfalls(run(range(40), SEED, 1, Careless)))


def test_rates_are_judged_by_what_chance_allows() -> None:
    assert at_most(0, 100) == pytest.approx(1 - 0.01 ** (1 / 100), rel=1e-3)
    assert at_least(100, 100) == pytest.approx(0.01 ** (1 / 100), rel=1e-3)
    assert at_least(7, 100) < 0.05 < at_least(14, 100)
    assert at_most(3, 3) == 1.0
    assert math.isclose(at_least(0, 10), 0.0)
