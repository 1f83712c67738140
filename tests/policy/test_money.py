from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.config.budgets import limit_text
from tokenguard.policy.money import NANOS, amount, limit, parse_amount, percent, plain_usd, tokens, usd
from tokenguard.records import Unit


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", (5 * NANOS, Unit.USD)),
        ("$20", (20 * NANOS, Unit.USD)),
        (" $ 0.50 ", (NANOS // 2, Unit.USD)),
        (".5", (NANOS // 2, Unit.USD)),
        ("1,000", (1000 * NANOS, Unit.USD)),
        ("5 usd", (5 * NANOS, Unit.USD)),
        ("1.5k", (1500 * NANOS, Unit.USD)),
        ("2M tokens", (2_000_000, Unit.TOKENS)),
        ("500_000 tokens", (500_000, Unit.TOKENS)),
        ("300 calls", (300, Unit.CALLS)),
        ("1 call", (1, Unit.CALLS)),
        ("0.000000001", (1, Unit.USD)),
    ],
)
def test_amounts_are_read(text: str, value: tuple[int, Unit]) -> None:
    assert parse_amount(text) == value


@pytest.mark.parametrize("text", ["", "20 euro", "-5", "1e5", "$5 tokens", "five", "5$", "tokens", "nan", "²"])
def test_what_is_no_amount_is_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(ValueError, match='is not an amount; use "\\$20", "2M tokens" or "300 calls"'):
        parse_amount(text)


@pytest.mark.parametrize("text", ["0.0000000001", "1.5 calls", "0.0001k tokens"])
def test_no_part_is_lost_silently(text: str) -> None:
    with pytest.raises(ValueError, match="smaller than"):
        parse_amount(text)


@given(st.integers(min_value=0, max_value=10**18), st.sampled_from(Unit))
def test_a_written_limit_reads_back_exactly(value: int, unit: Unit) -> None:
    assert parse_amount(limit_text(value, unit)) == (value, unit)


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "$0.00"),
        (1, "<$0.001"),
        (499_999, "<$0.001"),
        (500_000, "$0.001"),
        (193_400_000, "$0.193"),
        (999_400_000, "$0.999"),
        (6_210_000_000, "$6.21"),
        (6_215_000_000, "$6.22"),
        (1_234_567_890_000, "$1,234.57"),
        (-6_210_000_000, "-$6.21"),
    ],
)
def test_dollars(nanos: int, text: str) -> None:
    assert usd(nanos) == text


def test_what_is_not_exact_is_marked() -> None:
    assert usd(3_440_000_000, about=True) == "≈$3.44"


@pytest.mark.parametrize(
    ("nanos", "text"),
    [(19_970_000_000, "19.97"), (20 * NANOS, "20.00"), (50_000_000, "0.05"), (49_300_000, "0.0493"), (0, "0.00")],
)
def test_dollars_in_a_refusal(nanos: int, text: str) -> None:
    assert plain_usd(nanos) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (902, "902"),
        (999, "999"),
        (1_000, "1.0k"),
        (12_400, "12.4k"),
        (99_949, "99.9k"),
        (99_950, "100k"),
        (118_000, "118k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (3_100_000, "3.1M"),
        (2_500_000_000, "2.5B"),
    ],
)
def test_tokens(count: int, text: str) -> None:
    assert tokens(count) == text


@given(st.integers(min_value=0, max_value=10**12))
def test_token_text_never_grows_past_five_characters(count: int) -> None:
    assert len(tokens(count)) <= 5


def test_amounts_name_their_unit() -> None:
    assert amount(6_210_000_000, Unit.USD) == "$6.21"
    assert amount(2_000_000, Unit.TOKENS) == "2.0M tokens"
    assert amount(1, Unit.CALLS) == "1 call"
    assert amount(300, Unit.CALLS) == "300 calls"


@pytest.mark.parametrize(
    ("value", "text"),
    [(20 * NANOS, "$20.00"), (1_500_000_000, "$1.50"), (100_000, "$0.0001"), (1, "$0.000000001")],
)  # fmt: skip
def test_limits_are_told_to_their_last_digit(value: int, text: str) -> None:
    assert limit(value, Unit.USD) == text
    assert limit(2_000_000, Unit.TOKENS) == "2.0M tokens"


def test_a_hundred_percent_means_used_up() -> None:
    assert percent(999, 1000) == 99
    assert percent(1000, 1000) == 100
    assert (percent(0, 0), percent(1, 0)) == (0, 100)
