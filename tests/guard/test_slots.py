"""Which slots calls meet, in the sessions in which theirs was started as well."""

from __future__ import annotations

from collections.abc import Iterable

from tokenguard.guard.slots import Slots
from tokenguard.records import Budget, Call

OWN = Budget("run", 10, scope="session", window="session")
DAY = Budget("day", 10, scope="global", window="day")
OPUS = Budget("opus", 10, scope="global", window="day", match=(("model", "claude-opus-*"),))
CALL = Call(1, "inner", "claude", "anthropic", "", "claude-haiku-5-5", 0)


def slots(*everybodys: Budget) -> Slots:
    """Of a session that has a budget of its own, as the one in which it was started."""

    def above(session: str) -> Iterable[tuple[str, Iterable[Budget]]]:
        return [("outer", (OWN,))] if session == "inner" else []

    return Slots(lambda _session, _repo: (OWN, *everybodys), above)


def test_a_call_meets_the_budgets_of_its_session_and_of_those_around_it() -> None:
    met = [(slot.budget.name, slot.key) for slot in slots(DAY, OPUS).of(CALL)]
    assert met == [("run", "inner"), ("day", ""), ("run", "outer")]


def test_what_a_call_may_still_become_counts_ahead_of_it() -> None:
    open_model = Call(1, "outer", "claude", "anthropic", "", "", 0)
    assert [slot.budget.name for slot in slots(DAY, OPUS).ahead(open_model)] == ["run", "day", "opus"]
    assert [slot.budget.name for slot in slots(DAY, OPUS).ahead(CALL)] == ["run", "day", "run"]


def test_only_budgets_that_are_wanted_are_looked_at() -> None:
    found = slots(DAY).ahead(CALL, lambda budget, call: budget.scope == "session" and call.session == "outer")
    assert [(slot.budget.name, slot.key) for slot in found] == [("run", "outer")]
