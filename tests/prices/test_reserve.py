"""What a call may cost at most: never less than what it then costs."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tokenguard.prices import Catalogue, Rates, charge, cost, dearest
from tokenguard.records import Context, Leg, Usage

AT = 1_795_219_200_000_000
"""2026-11-21, 00:00 UTC."""


def test_everything_that_may_apply(catalogue: Catalogue) -> None:
    """Fast mode, hour-long cache writes, inference in the US."""
    assert dearest(catalogue, "anthropic", "claude-opus-5-5", AT) == Rates(17_600_000_000, 44_000_000_000)


def test_a_speed_that_is_not_asked_for_does_not_apply(catalogue: Catalogue) -> None:
    found = dearest(catalogue, "anthropic", "claude-opus-5-5", AT, Context())
    assert found == Rates(8_800_000_000, 22_000_000_000)


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        (None, Rates(12_500_000_000, 75_000_000_000)),
        ("auto", Rates(12_500_000_000, 75_000_000_000)),
        ("priority", Rates(12_500_000_000, 75_000_000_000)),
        ("default", Rates(10_000_000_000, 45_000_000_000)),
        ("flex", Rates(10_000_000_000, 45_000_000_000)),
        ("ultrafast", Rates(60_000_000_000, 270_000_000_000)),
    ],
)
def test_tiers_that_the_request_does_not_rule_out(catalogue: Catalogue, tier: str | None, expected: Rates) -> None:
    assert dearest(catalogue, "openai", "gpt-5.5", AT, Context(tier)) == expected


def test_before_a_tier_was_listed_it_does_not_apply(catalogue: Catalogue) -> None:
    in_september = AT - 80 * 86_400_000_000
    assert dearest(catalogue, "openai", "gpt-5.5", in_september).output == 45 * 10**9


def test_requests_that_cost_by_themselves(catalogue: Catalogue) -> None:
    assert dearest(catalogue, "perplexity", "sonar", AT).nanos(0, 0) == 12_000_000


@pytest.mark.parametrize(
    ("provider", "model", "mark"),
    [
        ("anthropic", "claude-opus-6", "unknown-model:priced-as=claude-3-opus-latest"),
        ("openai", "gpt-9", "unknown-model:priced-as=gpt-5.5"),
        ("openai", "whisper-1", "unpriced-model:priced-as=gpt-6-astra"),
        ("work", "claude-opus-5-5", "unknown-provider:priced-as=claude-opus-5-5"),
        ("work", "weird", "unknown-provider:priced-as=gpt-6-astra"),
    ],
)
def test_a_model_without_a_price_is_bounded_and_says_by_what(
    catalogue: Catalogue, provider: str, model: str, mark: str
) -> None:
    found = dearest(catalogue, provider, model, AT)
    assert found.mark == mark
    assert found.input > 0
    assert found.output > 0


def test_no_oddity_bounds_what_is_not_known_at_all(catalogue: Catalogue) -> None:
    assert dearest(catalogue, "work", "weird", AT).output < 200 * 10**9
    assert dearest(catalogue, "openai", "o1-pro", AT).output == 600 * 10**9


def test_nanodollars_are_rounded_up() -> None:
    rates = Rates(input=1, output=0)
    assert [rates.nanos(tokens, 0) for tokens in (0, 1, 10**6, 10**6 + 1)] == [0, 1, 1, 2]


MODELS = [
    ("anthropic", "claude-opus-5-5"),
    ("anthropic", "claude-haiku-5-5"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-8"),
    ("openai", "gpt-6-astra"),
    ("openai", "gpt-5.5"),
    ("openai", "gpt-5.4-mini"),
    ("gemini", "gemini-2.5-flash"),
    ("gemini", "gemini-3.1-pro-preview"),
    ("deepseek", "deepseek-v4-pro"),
    ("perplexity", "sonar-pro"),
    ("azure", "claude-opus-5-5"),
    ("openrouter", "anthropic/claude-opus-5.5"),
]
counts = st.integers(0, 2_000_000)


@settings(deadline=None)
@given(
    st.sampled_from(MODELS),
    st.builds(Usage, counts, counts, counts, counts, counts),
    st.builds(
        Context,
        st.sampled_from([None, "default", "auto", "flex", "priority", "fast", "batch"]),
        st.sampled_from([None, "fast"]),
        st.sampled_from([None, "us"]),
    ),
    st.integers(1_700_000_000_000_000, 1_900_000_000_000_000),
)
def test_no_call_that_is_listed_costs_more_than_was_set_aside(
    catalogue: Catalogue, which: tuple[str, str], usage: Usage, context: Context, at_us: int
) -> None:
    provider, model = which
    leg = Leg(model, usage, context=context)
    assume(cost(catalogue, provider, leg, at_us) is not None)
    spent = charge(catalogue, provider, [leg], at_us).nanos
    assert spent <= dearest(catalogue, provider, model, at_us).nanos(usage.prompt, usage.output)
    assert spent <= dearest(catalogue, provider, model, at_us, context).nanos(usage.prompt, usage.output)


@settings(deadline=None)
@given(st.text(max_size=30), st.text(max_size=30), st.integers(0, 2**61))
def test_it_is_never_zero(catalogue: Catalogue, provider: str, model: str, at_us: int) -> None:
    found = dearest(catalogue, provider, model, at_us)
    assert found.input > 0
    assert found.output > 0
    assert found.mark
