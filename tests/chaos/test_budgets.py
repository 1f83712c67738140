"""A sample of the runs against budgets, and proof that they can fail; `python -m tests.chaos.budgets` makes 10,000."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from statistics import mean
from typing import Any

import pytest

from tests.chaos import truth
from tests.chaos.budgets import USABLE, Outcome, at_least, at_most, run, run_sockets, shortfalls, table
from tests.chaos.forgone import Forgone
from tests.chaos.scenarios import REALISTIC
from tests.chaos.stage import Watched
from tokenguard.guard import Admission
from tokenguard.records import Amount, Budget, Call, Facts, Reading, Unit, Verdict
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
    outcomes = run(range(24), SEED, 1)
    assert not broken(outcomes), "\n".join(broken(outcomes))
    assert not [apart for one in outcomes for apart in one.apart]
    assert {one.kind for one in outcomes} == {"trace", "chaos"}
    assert sum(one.refused for one in outcomes) > 100
    # How often calibrated budgets are passed takes many more runs to tell; how far, and what can be used, does not.
    used = [window.used for one in outcomes if one.worth >= REALISTIC for window in one.windows]
    assert mean(used) > USABLE, table(outcomes)
    assert max(used) < 1.3, table(outcomes)


def test_budgets_hold_over_sockets() -> None:
    found = run_sockets(range(0, 6, 2), SEED)
    assert not [what for one in found for what in one.broken], found
    assert sum(one.refused for one in found) > 0


class Careless(Watched):
    """Adds up what is charged, and lets through what is not over by then: it reserves nothing."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self.charged: Counter[tuple[str, str, str]] = Counter()

    async def admit(self, call: Call, facts: Facts, count: Any = None) -> Admission:
        for budget, slot in self._slots(call):
            if self.charged[slot] >= budget.limit:
                text = "it is used up"
                return Admission(call, Verdict("refuse", budget.name, text), DIALECTS[call.dialect].refuse(text))
        self.join(call)
        return Admission(call, Verdict("allow"))

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        super().tell(kind, data)
        if kind == "call.settled":
            for budget, slot in self._slots(self.begun[data["id"]]):
                self.charged[slot] += truth.measured(budget, truth.amount_of(data["cost_nanos"], data["usage"]))

    def _slots(self, call: Call) -> Iterator[tuple[Budget, tuple[str, str, str]]]:
        for budget in self.config.budgets:
            key = truth.key_of(budget, call)
            if key is not None and truth.span_us(budget) is None:
                yield budget, (budget.name, key, truth.window_of(budget, call.started_us))


class Forgetful(Watched):
    """Drops every seventh settlement."""

    def settle(self, call: Call, reading: Reading, *, status: int | None, outcome: str) -> None:
        if call.id % 7:
            super().settle(call, reading, status=status, outcome=outcome)


class Generous(Watched):
    """Settles at less than was billed."""

    def settle(self, call: Call, reading: Reading, *, status: int | None, outcome: str) -> None:
        super().settle(call, Reading(), status=500, outcome=outcome)


def test_a_guard_that_reserves_nothing_is_caught() -> None:
    found = shortfalls(run(range(24), SEED, 1, Careless))
    for what in ("strict budget", "has no reservation", "were passed, more than"):
        assert any(what in one for one in found), what


@pytest.mark.parametrize(("guard", "what"), [(Forgetful, "reservations"), (Generous, "was charged")])
def test_a_guard_that_settles_wrongly_is_caught(guard: type[Watched], what: str) -> None:
    assert any(what in one for one in shortfalls(run(range(4), SEED, 1, guard)))


def test_rates_are_judged_by_what_chance_allows() -> None:
    assert at_most(0, 100) == pytest.approx(1 - 0.01 ** (1 / 100), rel=1e-3)
    assert at_least(100, 100) == pytest.approx(0.01 ** (1 / 100), rel=1e-3)
    assert at_least(7, 100) < 0.05 < at_least(14, 100)
    assert at_most(3, 3) == 1.0
    assert math.isclose(at_least(0, 10), 0.0)


def test_room_is_counted_once_for_all_that_were_refused() -> None:
    budget = Budget(name="all", limit=100, unit=Unit.CALLS, scope="global", window="total")
    books = truth.Books([budget])
    forgone = Forgone(books)

    def call(number: int) -> Call:
        return Call(number, "s", "claude", "anthropic", "anthropic-messages", "opus", 1)

    books.add(call(1), Amount(calls=10))
    # Each of them would have fitted by itself, and two of them together.
    assert [forgone.refused(number, call(number), Amount(calls=40), on_a_plan=False) for number in (2, 3, 4)] == [
        True
    ] * 3
    assert forgone.calls == 2
    # Whoever is let through after all takes the room only once.
    forgone.admitted(2)
    books.add(call(5), Amount(calls=40))
    assert not forgone.refused(6, call(6), Amount(calls=60), on_a_plan=False)
    assert forgone.refused(7, call(7), Amount(calls=10), on_a_plan=False)
    assert forgone.calls == 3
