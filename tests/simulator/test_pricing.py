"""Money, against numbers computed by hand from the providers' price pages."""

from __future__ import annotations

from datetime import date

import pytest

from tokenguard.simulator.pricing import nanos, snapshot, tiers, writes_cost
from tokenguard.simulator.shape import Leg, Usage

DAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("leg", "expected"),
    [
        # 1000 x 4 + 20000 x 0.20 + 300 x 5 + 400 x 8 + 500 x 20 USD per million = 0.0227 USD
        (Leg("claude-opus-5-5", Usage(1_000, 20_000, 300, 400, 500)), 22_700_000),
        # Fast mode doubles it; inference in the United States adds a tenth.
        (Leg("claude-opus-5-5", Usage(1_000, 20_000, 300, 400, 500), tier="fast"), 45_400_000),
        (Leg("claude-opus-5-5", Usage(1_000, 20_000, 300, 400, 500), geo="us"), 24_970_000),
        # The cliff: 100,000 tokens at 0.10, all 100,001 of them at 0.50; output at 0.50 and 2.50.
        (Leg("claude-haiku-5-5", Usage(100_000, output=1_000)), 10_500_000),
        (Leg("claude-haiku-5-5", Usage(100_001, output=1_000)), 52_500_500),
        # Cached tokens are part of the prompt that is measured against it: 50,001 x 0.50 + 50,000 x 0.05.
        (Leg("claude-haiku-5-5", Usage(50_001, 50_000)), 27_500_500),
        (Leg("gpt-5.5-2026-04-23", Usage(272_000, output=1)), 1_360_030_000),
        (Leg("gpt-5.5", Usage(272_001, output=1)), 2_720_055_000),
        (Leg("gpt-5.5", Usage(300_000), tier="priority"), 3_750_000_000),
        (Leg("gpt-6.1-sol", Usage(1_000, 2_000, 3_000, output=4_000)), 49_700_000),
        (Leg("gemini-2.5-pro", Usage(8, 16, output=24)), 252_000),
        # 1000 x 0.95 + 2000 x 0.19 + 3000 x 4 USD per million
        (Leg("kimi-k2.7-code", Usage(1_000, 2_000, output=3_000)), 13_330_000),
        # A region costs a tenth more at Bedrock, its cliff included: 100,001 x 0.55 + 1,000 x 2.75.
        (Leg("global.anthropic.claude-sonnet-5-5", Usage(1_000, 20_000, 300, 400, 500)), 11_350_000),
        (Leg("us.anthropic.claude-sonnet-5-5", Usage(1_000, 20_000, 300, 400, 500)), 12_485_000),
        (Leg("us.anthropic.claude-haiku-5-5", Usage(100_001, output=1_000)), 57_750_550),
        (Leg("us.anthropic.claude-opus-5", Usage(1_000, 2_000, 3_000, 4_000, 5_000)), 208_725_000),
        (Leg("us.anthropic.claude-opus-5-5", Usage(1_000, 20_000, 300, 400, 500)), 24_970_000),
        (Leg("amazon.nova-pro-v1:0", Usage(1_000, 2_000, output=3_000)), 10_800_000),
        # 0.025 USD per million is 25 nanodollars a token; 0.175 is 175.
        (Leg("gemini-3.1-flash-lite", Usage(cache_read=3)), 75),
        (Leg("claude-sonnet-5", Usage(1), fees={"web_search": 3}), 30_002_000),
        (Leg("never-heard-of", Usage(10, output=10)), 120_000),
    ],
)
def test_a_leg(leg: Leg, expected: int) -> None:
    assert nanos(leg, DAY) == expected


def test_a_leg_is_rounded_once_half_up() -> None:
    # 0.125 USD per million is 125 nanodollars a token; a tenth more is 137.5.
    assert nanos(Leg("claude-haiku-5-5", Usage(cache_write_5m=1), geo="us"), DAY) == 138
    # Rounding each bucket by itself would make 138 + 138.
    assert nanos(Leg("claude-haiku-5-5", Usage(cache_write_5m=2), geo="us"), DAY) == 275


def test_names_under_which_models_serve() -> None:
    assert snapshot("gpt-5.5") == "gpt-5.5-2026-04-23"
    assert snapshot("claude-opus-5-5") == "claude-opus-5-5"
    assert tiers("gpt-5.5-2026-04-23") == {"default", "flex", "priority"}
    assert tiers("never-heard-of") == {"default"}


def test_only_some_models_charge_for_remembering() -> None:
    assert writes_cost("gpt-6.1-sol")
    assert not writes_cost("gpt-5.5")
    assert not writes_cost("never-heard-of")


def test_an_announced_price_applies_from_its_day() -> None:
    leg = Leg("gemini-3.8-flash", Usage(100, output=10))
    assert nanos(leg, date(2026, 12, 31)) == 112_500
    assert nanos(leg, date(2027, 1, 1)) == 225_000
