"""Amounts as a shell leaves them."""

from __future__ import annotations

import click
import pytest

from tokenguard.cli.amounts import AMOUNT, AMOUNT_OR_PERCENT, Limit, confirm_zero
from tokenguard.records import Unit


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("5", Limit(5_000_000_000, Unit.USD)),
        ("0.50", Limit(500_000_000, Unit.USD)),
        ("$5", Limit(5_000_000_000, Unit.USD)),
        ("2M tokens", Limit(2_000_000, Unit.TOKENS)),
        ("300 calls", Limit(300, Unit.CALLS)),
        ("0", Limit(0, Unit.USD)),
    ],
)
def test_amounts_are_bare(text: str, limit: Limit) -> None:
    assert AMOUNT.convert(text, None, None) == limit


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a shell turns an unquoted $5 into nothing"),
        ("  ", "a shell turns an unquoted $5 into nothing"),
        ("claude", "'claude' is not an amount"),
        (".50", "what a shell left of an unquoted"),
        ("05", "what a shell left of an unquoted"),
        ("00", "what a shell left of an unquoted"),
        ("20 euro", "'20 euro' is not an amount"),
        ("-5", "'-5' is not an amount"),
        ("90%", "'90%' is not an amount; write 5, 0.50, '2M tokens' or '300 calls' (a shell"),
    ],
)
def test_what_is_no_amount_is_explained(text: str, why: str) -> None:
    with pytest.raises(click.BadParameter) as raised:
        AMOUNT.convert(text, None, None)
    assert why in raised.value.message


def test_percentages_are_amounts_where_they_can_be_of_something() -> None:
    assert AMOUNT_OR_PERCENT.convert("90%", None, None) == Limit(90, Unit.PERCENT)
    assert AMOUNT_OR_PERCENT.convert("5", None, None) == Limit(5_000_000_000, Unit.USD)
    with pytest.raises(click.BadParameter, match="or 90%"):
        AMOUNT_OR_PERCENT.convert("much", None, None)


def test_zero_has_to_be_meant() -> None:
    zero = Limit(0, Unit.USD)
    with pytest.raises(click.UsageError, match="--yes if 0 is meant"):
        confirm_zero(zero, "--limit", yes=False)
    confirm_zero(zero, "--limit", yes=True)
    confirm_zero(Limit(1, Unit.CALLS), "--limit", yes=False)
