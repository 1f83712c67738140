from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tokenguard.policy.budgets import Slot, Standing, applies
from tokenguard.policy.prompting import could_refuse, refusing, rests_on_billing
from tokenguard.policy.windows import FOREVER
from tokenguard.records import Budget, Call, Unit

CALL = Call(0, "bcdfg", "claude", "", "", "", 10, repo="/x/web", branch="main", billing="metered")
"""Of a session whose last call was paid by key; what the next one asks is not known."""


def standing(spent: int, limit: int = 100, held_back: int = 0, **budget: Any) -> Standing:
    return Standing(Slot(Budget("b", limit, **budget), "", FOREVER), limit, spent, 0, held_back)


def refuses(one: Standing, call: Call = CALL) -> bool:
    return could_refuse(one.slot.budget, call) and refusing([one]) is one


@pytest.mark.parametrize(
    ("spent", "limit", "used_up"), [(99, 100, False), (100, 100, True), (101, 100, True), (0, 0, True)]
)
def test_a_budget_that_is_used_up_refuses(spent: int, limit: int, used_up: bool) -> None:
    assert refuses(standing(spent, limit)) is used_up


@pytest.mark.parametrize("at_limit", ["warn", "hold", "downgrade"])
def test_what_may_still_go_on_is_not_refused(at_limit: str) -> None:
    assert not refuses(standing(100, at_limit=at_limit))


@pytest.mark.parametrize(
    ("match", "certain"),
    [
        ((("repo", "*/web"),), True),
        ((("repo", "*/web"), ("branch", "main")), True),
        ((("repo", "*/api"),), False),
        ((("model", "*"),), False),
        ((("provider", "anthropic"),), False),
        ((("agent", "claude"), ("model", "claude-opus-*")), False),
    ],
)
def test_only_what_holds_for_every_call_counts(match: tuple[tuple[str, str], ...], certain: bool) -> None:
    assert refuses(standing(100, match=match)) is certain


@pytest.mark.parametrize(
    ("billing", "budget", "certain"),
    [
        ("", {}, False),
        ("metered", {}, True),
        ("credits", {}, True),
        ("subscription", {}, False),
        ("local", {}, False),
        ("", {"counts": "all"}, True),
        ("subscription", {"counts": "all"}, True),
        ("", {"unit": Unit.TOKENS}, True),
        ("subscription", {"unit": Unit.CALLS}, True),
    ],
)
def test_dollars_count_for_whom_they_are_billed(billing: str, budget: dict[str, Any], certain: bool) -> None:
    assert refuses(standing(100, **budget), replace(CALL, billing=billing)) is certain


def test_a_window_of_the_provider_s_is_left_to_it() -> None:
    assert not refuses(standing(100, official="anthropic/five_hour", unit=Unit.PERCENT))


@pytest.mark.parametrize(
    ("spent", "release", "certain"),
    [(89, "command", False), (90, "command", True), (90, "auto", False), (100, "auto", True)],
)
def test_a_landing_reserve_that_opens_by_itself_opens(spent: int, release: str, certain: bool) -> None:
    assert refuses(standing(spent, held_back=10, landing=10, landing_release=release)) is certain


def test_of_several_the_tightest_is_told() -> None:
    loose, tight = standing(100), standing(300)
    assert refusing([loose, tight, standing(0)]) is tight
    assert refusing([]) is None


@pytest.mark.parametrize(("budget", "rests"), [({}, True), ({"counts": "all"}, False), ({"unit": Unit.TOKENS}, False)])
def test_what_rests_on_who_pays(budget: dict[str, Any], rests: bool) -> None:
    assert rests_on_billing(standing(0, **budget).slot.budget) is rests


@given(
    model=st.sampled_from(["claude-opus-5-5", "claude-haiku-4-5", "gpt-6.1"]),
    provider=st.sampled_from(["anthropic", "openai"]),
    match=st.lists(
        st.sampled_from([("model", "claude-*"), ("provider", "openai"), ("repo", "*/web"), ("agent", "claude")]),
        max_size=3,
    ),
    unit=st.sampled_from([Unit.USD, Unit.CALLS]),
    counts=st.sampled_from(["billed", "all"]),
    billing=st.sampled_from(["", "metered", "subscription"]),
)
def test_whatever_a_refused_session_asks_for_counts_in_that_budget(
    model: str, provider: str, match: list[tuple[str, str]], unit: Unit, counts: str, billing: str
) -> None:
    one = standing(100, match=tuple(match), unit=unit, counts=counts)
    call = replace(CALL, billing=billing)
    if refuses(one, call):
        assert applies(one.slot.budget, replace(call, model=model, provider=provider))
