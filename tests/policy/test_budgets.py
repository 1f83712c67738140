from __future__ import annotations

from datetime import UTC

import pytest
from msgspec.structs import replace

from tokenguard.policy.budgets import (
    Slot,
    Standing,
    applies,
    branch_key,
    ident,
    severity,
    short_key,
    slots_ahead,
    slots_of,
)
from tokenguard.policy.windows import Window
from tokenguard.records import Budget, Call, Unit

CALL = Call(
    1, "bcdfg", "claude", "anthropic", "anthropic-messages", "claude-opus-5-5", 10, repo="/x/web", branch="main"
)


def slots(*budgets: Budget, call: Call = CALL) -> list[tuple[str, str]]:
    return [(slot.budget.name, slot.key) for slot in slots_of(budgets, call, lambda _: UTC)]


@pytest.mark.parametrize(
    ("scope", "key", "label"),
    [
        ("session", "bcdfg", "bcdfg/b"),
        ("repo", "/x/web", "web/b"),
        ("branch", branch_key("/x/web", "main"), "web/main/b"),
        ("agent", "claude", "claude/b"),
        ("model", "claude-opus-5-5", "claude-opus-5-5/b"),
        ("provider", "anthropic", "anthropic/b"),
        ("user", "", "b"),
        ("global", "", "b"),
    ],
)
def test_each_scope_has_its_key_and_label(scope: str, key: str, label: str) -> None:
    (slot,) = slots_of([Budget("b", 1, scope=scope)], CALL, lambda _: UTC)
    assert (slot.key, slot.label) == (key, label)


@pytest.mark.parametrize("scope", ["repo", "branch", "task"])
def test_a_call_without_a_key_is_not_counted(scope: str) -> None:
    assert slots(Budget("b", 1, scope=scope), call=replace(CALL, repo=None, branch=None)) == []


def test_the_same_branch_in_two_repositories_is_not_the_same() -> None:
    other = replace(CALL, repo="/y/web")
    budget = Budget("b", 1, scope="branch")
    assert slots(budget) != slots(budget, call=other)


@pytest.mark.parametrize(
    ("match", "counted"),
    [
        ((), True),
        ((("model", "claude-opus-*"),), True),
        ((("model", "claude-opus-?-5"),), True),
        ((("model", "opus"),), False),
        ((("model", "CLAUDE-*"),), False),
        ((("model", "claude-*"), ("branch", "release/*")), False),
        ((("task", "*"),), False),
    ],
)
def test_every_pair_of_a_match_must_match(match: tuple[tuple[str, str], ...], counted: bool) -> None:
    budget = Budget("b", 1, match=match)
    assert applies(budget, CALL) is counted
    assert slots(budget) == ([("b", "")] if counted else [])


def test_slots_ahead_leave_open_what_a_session_has_not_chosen_yet() -> None:
    session = replace(CALL, model="", provider="")
    opus = Budget("opus", 1, match=(("model", "claude-opus-*"),))
    elsewhere = Budget("api", 1, match=(("repo", "/x/api"),))
    assert [slot.budget.name for slot in slots_ahead([opus, elsewhere], session, lambda _: UTC)] == ["opus"]
    assert slots(opus, call=session) == []


def standing(
    limit: int, spent: int, reserved: int = 0, *, at_limit: str = "refuse", mode: str = "calibrated"
) -> Standing:
    return Standing(Slot(Budget("b", limit, at_limit=at_limit, mode=mode), "", Window()), limit, spent, reserved)


def test_refusing_budgets_come_first_then_the_tightest() -> None:
    warns, holds = standing(100, 200, at_limit="warn"), standing(100, 100, at_limit="hold")
    loose, tight = standing(100, 101), standing(100, 150)
    assert sorted([warns, loose, holds, tight], key=severity) == [tight, loose, holds, warns]


def test_what_is_kept_for_landing_is_not_there_for_calls() -> None:
    kept = Standing(Slot(Budget("b", 100), "", Window()), 100, 80, 5, held_back=20)
    assert kept.remaining == -5 and kept.used_up and kept.level == "warn"


@pytest.mark.parametrize(
    ("billing", "counts", "counted"),
    [
        ("metered", "billed", True),
        ("credits", "billed", True),
        ("subscription", "billed", False),
        ("local", "billed", False),
        ("subscription", "all", True),
    ],
)
def test_dollars_that_nobody_pays_count_only_where_all_do(billing: str, counts: str, counted: bool) -> None:
    call = replace(CALL, billing=billing)
    assert applies(Budget("b", 1, counts=counts), call) is counted
    assert applies(Budget("b", 1, unit=Unit.TOKENS, counts=counts), call)


def test_a_provider_s_own_window_counts_its_subscription_only() -> None:
    budget = Budget("b", 90, unit=Unit.PERCENT, official="anthropic/five_hour")
    assert applies(budget, replace(CALL, billing="subscription"))
    assert not applies(budget, CALL)
    assert not applies(budget, replace(CALL, billing="subscription", provider="chatgpt"))


def test_a_repository_s_budget_is_not_the_user_s_of_the_same_name() -> None:
    own = Budget("day", 1, scope="repo", source="/home/u/.config/tokenguard/config.toml")
    theirs = Budget("day", 1, scope="repo", source="/x/web/tokenguard.toml", match=(("repo", "/x/web"),))
    run = Budget("day", 1, scope="session", source="run")
    (mine,), (other,) = slots_of([own], CALL, lambda _: UTC), slots_of([theirs], CALL, lambda _: UTC)
    assert (mine.label, other.label) == ("web/day", "web:day")
    assert len({ident(own), ident(theirs), ident(run)}) == 3
    assert ident(replace(theirs, source="/x/web-fix/tokenguard.toml")) == ident(theirs), "another worktree of it"


@pytest.mark.parametrize(
    ("spent", "level"),
    [(0, "ok"), (49, "ok"), (50, "info"), (74, "info"), (75, "warn"), (90, "soft"), (99, "soft"), (100, "hard")],
)  # fmt: skip
def test_levels(spent: int, level: str) -> None:
    assert standing(100, spent).level == level


def test_keys_are_shortened_for_people() -> None:
    assert short_key("repo", "/home/x/web/") == "web"
    assert short_key("branch", branch_key("/home/x/web", "feat/login")) == "web/feat/login"
    assert short_key("agent", "claude") == "claude"


def test_a_budget_of_nothing_is_fine_as_long_as_nothing_is_spent() -> None:
    assert (standing(0, 0).level, standing(0, 1).level) == ("ok", "hard")
