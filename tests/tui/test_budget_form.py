from __future__ import annotations

from typing import Any

import pytest

from tests.tui.limits import BUDGETS
from tokenguard.config.budget_table import BudgetTable
from tokenguard_tui import budget_form

DAY = {"name": "day", "limit": "20", "window": "day"}


def test_every_key_of_a_budget_can_be_typed() -> None:
    assert {key.name for key in budget_form.KEYS} == set(BudgetTable.__struct_fields__)


@pytest.mark.parametrize(
    ("typed", "key", "why"),
    [
        ({"name": " "}, "name", "such as opus-day"),
        ({"limit": ""}, "limit", "such as 20"),
        ({"name": "a b"}, "name", "letters, digits"),
        ({"limit": "twenty"}, "limit", '"twenty" is not an amount'),
        ({"limit": "0"}, "limit", "refuses every call"),
        ({"window": ""}, "window", "window is missing"),
        ({"window": "fortnight"}, "window", "is not known"),
        ({"scope": "planet"}, "scope", "use one of session, repo"),
        ({"match": "model"}, "match", "write model=claude-opus-*"),
        ({"match": "colour=red"}, "match", "is not known"),
        ({"levels": "50,x"}, "levels", '"x" is not a whole number'),
        ({"levels": "90,50,10"}, "levels", "must rise"),
        ({"at_limit": "downgrade"}, "at_limit", "needs downgrade"),
        ({"overshoot": "often"}, "overshoot", "write 5% or 0.05"),
        ({"overshoot": "90%"}, "overshoot", "is not a probability"),
        ({"clamp": "maybe"}, "clamp", "use one of yes, no"),
        ({"month_start": "3"}, "month_start", "it needs a window of month"),
        ({"landing_release": "auto"}, "landing_release", "it needs landing"),
        ({"landing": "30"}, "landing", "less than the limit"),
        ({"timezone": "Mars"}, "timezone", "use an IANA name"),
        ({"match": "billing=subscription"}, "", "it counts nothing"),
    ],
)
def test_what_is_wrong_is_said_of_its_key(typed: dict[str, str], key: str, why: str) -> None:
    found = budget_form.problem(DAY | typed)
    assert found[0] == key and why in found[1], found
    assert not found[1].startswith("budget:")


def test_what_is_typed_becomes_a_table() -> None:
    typed = DAY | {"match": "model=opus-* agent=codex", "levels": "10, 20,30", "forecast": "yes", "scope": " repo "}
    assert budget_form.problem(typed) == ("", "")
    assert budget_form.table_of(typed | {"clamp": " "}) == {
        "name": "day",
        "limit": "20",
        "window": "day",
        "scope": "repo",
        "match": {"model": "opus-*", "agent": "codex"},
        "levels": [10, 20, 30],
        "forecast": True,
    }


@pytest.mark.parametrize("one", BUDGETS["budgets"], ids=lambda one: one["name"])
def test_a_table_that_nobody_changes_stays_as_it_is(one: dict[str, Any]) -> None:
    table = one["table"]
    texts = budget_form.texts_of(table)
    assert budget_form.problem(texts) == ("", "")
    assert budget_form.table_of(texts) == table


def test_zero_or_nothing_at_all_is_no_budget() -> None:
    assert budget_form.problem({})[0] == "name"
