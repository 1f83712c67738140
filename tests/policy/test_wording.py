from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy.budgets import Slot, Standing
from tokenguard.policy.retrying import safe_label
from tokenguard.policy.windows import Window
from tokenguard.policy.wording import cause, plain_refusal, refusal, unapproved
from tokenguard.records import Budget, Unit

# What fifteen real agents were seen to take for a reason to send the request again, or to pay for a compaction.
RETRIED = re.compile(
    "429|500|502|503|504|524|rate limit|rate_limit|too many requests|overloaded|server error|internal error|unavailable"
    "|resource exhausted|timeout|terminated|try again later|context length|exceeds the limit of|too many tokens"
    "|token limit|prompt is too long",
    re.IGNORECASE,
)
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000


def standing(
    *, spent: int, limit: int, unit: Unit = Unit.USD, scope: str = "repo", key: str = "/home/x/web", name: str = "day",
    window: str = "day", reserved: int = 0,
) -> Standing:  # fmt: skip
    budget = Budget(name, limit, scope=scope, unit=unit, window=window)
    return Standing(Slot(budget, key, Window()), limit, spent, reserved)


def test_a_used_up_budget_is_named_with_its_figures_reset_and_remedy() -> None:
    used_up = standing(spent=20_010_000_000, limit=20_000_000_000)
    assert refusal(used_up, 1, NOW_US, NOW + timedelta(hours=14)) == (
        "tokenguard stopped this request: the day budget of repository web is used up (20.01 of 20.00 USD). "
        "It resets at 00:00. To go on: tokenguard budget raise web/day --amount 10 --reason WHY"
    )


def test_a_call_that_does_not_fit_says_what_it_may_take() -> None:
    near = standing(spent=19_000_000_000, limit=20_000_000_000, reserved=250_000_000)
    text = refusal(near, 900_000_000, NOW_US, None)
    assert "has too little left for this call" in text
    assert "(19.00 of 20.00 USD used, 0.25 set aside for calls in flight; this call may take 0.90 USD)" in text
    assert "resets" not in text


def test_a_person_who_is_asked_is_told_the_cause_alone() -> None:
    used_up = refusal(standing(spent=20, limit=20, unit=Unit.CALLS), 1, NOW_US, NOW + timedelta(hours=14))
    assert cause(used_up) == "the day budget of repository web is used up (20 of 20 calls). It resets at 00:00."
    assert cause("this call sends 340k uncached tokens") == "this call sends 340k uncached tokens"


def test_a_strict_budget_says_that_nothing_bounds_the_call() -> None:
    assert "it is strict, and nothing bounds what this call may cost" in refusal(
        standing(spent=0, limit=20_000_000_000), None, NOW_US, None
    )


def test_a_reset_on_another_day_has_its_date() -> None:
    assert "It resets at Dec 1 00:00." in refusal(
        standing(spent=1, limit=1), 1, NOW_US, datetime(2026, 12, 1, tzinfo=UTC)
    )


def test_figures_that_look_like_an_error_code_are_left_out() -> None:
    text = refusal(standing(spent=500_000_000_000, limit=500_000_000_000), 1, NOW_US, None)
    assert "500" not in text
    assert "the day budget of repository web is used up." in text


def test_names_that_look_like_an_error_become_an_opaque_id_that_can_be_raised() -> None:
    slot = standing(spent=1, limit=1, key="/home/x/api-500")
    text = refusal(slot, 1, NOW_US, None)
    assert "api-500" not in text
    assert f"budget raise {safe_label(slot.slot.label)} --amount" in text


def test_a_name_cannot_end_the_command_it_stands_in() -> None:
    text = refusal(standing(spent=1, limit=1, key="/x/a; rm -rf ~"), 1, NOW_US, None)
    assert "budget raise 'a; rm -rf ~/day' --amount" in text


@given(
    spent=st.integers(0, 10**15),
    limit=st.integers(1, 10**15),
    need=st.none() | st.integers(0, 10**13),
    reserved=st.integers(0, 10**13),
    unit=st.sampled_from(Unit),
    scope=st.sampled_from(["session", "repo", "branch", "agent", "model", "task", "global"]),
    key=st.text(max_size=30) | st.sampled_from(["api-500", "rate_limit", "timeout", 'a"b', "x\0y", "a\nb", ""]),
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True) | st.sampled_from(["rate_limit", "b-503"]),
    window=st.sampled_from(["session", "day", "month", "total"]),
    resets=st.none() | st.integers(0, 10**9),
)
def test_no_refusal_makes_an_agent_try_again(
    spent: int, limit: int, need: int | None, reserved: int, unit: Unit, scope: str, key: str, name: str, window: str,
    resets: int | None,
) -> None:  # fmt: skip
    slot = standing(spent=spent, limit=limit, unit=unit, scope=scope, key=key, name=name, window=window,
                    reserved=reserved)  # fmt: skip
    ends = None if resets is None else NOW + timedelta(seconds=resets)
    text = refusal(slot, need, NOW_US, ends)
    assert not RETRIED.search(text)
    assert '"' not in text
    assert "\n" not in text
    assert text.startswith("tokenguard stopped this request: ")
    remedies = ("tokenguard budget raise", "tokenguard status", "set an output limit")
    assert any(remedy in text for remedy in remedies)


def test_a_plain_refusal_gives_its_reason_unless_that_is_not_safe() -> None:
    assert plain_refusal("its ledger is full") == "tokenguard stopped this request: its ledger is full"
    assert plain_refusal("error 500") == "tokenguard stopped this request. See tokenguard status"


def test_a_window_that_looks_like_an_error_code_is_left_out() -> None:
    text = refusal(standing(spent=1, limit=1, window="rolling 500m"), 1, NOW_US, None)
    assert "the budget of repository web is used up" in text and "budget raise web/day" in text


def test_a_label_that_a_shell_wants_in_both_quotes_becomes_an_opaque_id() -> None:
    text = refusal(standing(spent=1, limit=1, key="/home/x/bob's"), 1, NOW_US, None)
    assert "the day budget of repository bob's is used up" in text and "budget raise id-" in text


def test_a_persons_reason_is_one_line_and_of_a_reasonable_length() -> None:
    text = unapproved("tokenguard stopped this request: it is used up", "deny", "max", "no\n\x1b[2J" + "x" * 999)
    assert text.isprintable() and len(text) < 400 and "max said no: no" in text
