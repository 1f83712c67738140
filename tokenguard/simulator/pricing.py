"""What the simulated providers charge: a table written by hand from their price pages, on purpose not tokenguard's own.

Rates are integer **microdollars per million tokens**; a leg's money is integer nanodollars, rounded once, half up.
"""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from tokenguard.simulator.shape import Leg, Usage

SEARCH_FEE_NANOS = 10_000_000
"""A web search, at Anthropic and at OpenAI: 10 USD a thousand."""


class Rates(Struct, frozen=True):
    """Microdollars per million tokens of each bucket."""

    input: int
    output: int
    read: int
    write_5m: int = 0
    write_1h: int = 0

    def of(self, usage: Usage) -> int:
        """Microdollars times a million for these tokens: exact, not yet rounded."""
        return (
            usage.input * self.input
            + usage.cache_read * self.read
            + usage.cache_write_5m * self.write_5m
            + usage.cache_write_1h * self.write_1h
            + usage.output * self.output
        )


class Price(Struct, frozen=True):
    """The price of a model in one service tier."""

    rates: Rates
    above: int = 0
    """Prompts of more tokens than this are charged by `long`, every token of them; 0: there is no such cliff."""
    long: Rates | None = None


def _price(rates: tuple[int, ...], above: int = 0, long: tuple[int, ...] | None = None) -> Price:
    return Price(Rates(*rates), above, Rates(*long) if long else None)


UNLISTED = _price((2_000_000, 10_000_000, 200_000, 2_500_000, 4_000_000))
"""For a model that the table does not know: the simulator serves any name."""

# Columns: input, output, cache read, cache write (5 minutes, one hour).
PRICES: dict[str, dict[str, Price]] = {
    "claude-opus-5-5": {
        "default": _price((4_000_000, 20_000_000, 200_000, 5_000_000, 8_000_000)),
        "fast": _price((8_000_000, 40_000_000, 400_000, 10_000_000, 16_000_000)),
    },
    "claude-opus-4-8": {"default": _price((5_000_000, 25_000_000, 500_000, 6_250_000, 10_000_000))},
    "claude-sonnet-5-5": {"default": _price((2_000_000, 10_000_000, 100_000, 2_500_000, 4_000_000))},
    "claude-sonnet-5": {"default": _price((2_000_000, 10_000_000, 200_000, 2_500_000, 4_000_000))},
    "claude-sonnet-4-5": {
        "default": _price(
            (3_000_000, 15_000_000, 300_000, 3_750_000, 6_000_000),
            200_000,
            (6_000_000, 22_500_000, 600_000, 7_500_000, 12_000_000),
        )
    },
    "claude-haiku-5-5": {
        "default": _price(
            (100_000, 500_000, 10_000, 125_000, 200_000),
            100_000,
            (500_000, 2_500_000, 50_000, 625_000, 1_000_000),
        )
    },
    "claude-haiku-4-5": {"default": _price((1_000_000, 5_000_000, 100_000, 1_250_000, 2_000_000))},
    # Bedrock asks Anthropic's prices where inference may be anywhere, and a tenth more where it is bound to a region.
    "global.anthropic.claude-opus-5-5": {
        "default": _price((4_000_000, 20_000_000, 200_000, 5_000_000, 8_000_000)),
    },
    "us.anthropic.claude-opus-5": {
        "default": _price((5_500_000, 27_500_000, 550_000, 6_875_000, 11_000_000)),
    },
    "us.anthropic.claude-opus-5-5": {
        "default": _price((4_400_000, 22_000_000, 220_000, 5_500_000, 8_800_000)),
    },
    "global.anthropic.claude-sonnet-5-5": {
        "default": _price((2_000_000, 10_000_000, 100_000, 2_500_000, 4_000_000)),
    },
    "us.anthropic.claude-sonnet-5-5": {
        "default": _price((2_200_000, 11_000_000, 110_000, 2_750_000, 4_400_000)),
    },
    "us.anthropic.claude-haiku-5-5": {
        "default": _price(
            (110_000, 550_000, 11_000, 137_500, 220_000),
            100_000,
            (550_000, 2_750_000, 55_000, 687_500, 1_100_000),
        )
    },
    "amazon.nova-pro-v1:0": {"default": _price((800_000, 3_200_000, 200_000))},
    "gpt-5.3-codex": {
        "default": _price((1_750_000, 14_000_000, 175_000)),
        "priority": _price((3_500_000, 28_000_000, 350_000)),
    },
    "gpt-5.4-mini": {"default": _price((750_000, 4_500_000, 75_000))},
    "gpt-5.5": {
        "default": _price((5_000_000, 30_000_000, 500_000), 272_000, (10_000_000, 45_000_000, 1_000_000)),
        "flex": _price((2_500_000, 15_000_000, 250_000), 272_000, (5_000_000, 22_500_000, 500_000)),
        "priority": _price((12_500_000, 75_000_000, 1_250_000)),
    },
    "gpt-6-luna": {
        "default": _price((100_000, 500_000, 10_000, 125_000), 272_000, (200_000, 750_000, 20_000, 250_000))
    },
    "gpt-6.1-terra": {
        "default": _price(
            (1_000_000, 5_000_000, 50_000, 1_250_000), 272_000, (2_000_000, 7_500_000, 100_000, 2_500_000)
        )
    },
    "gpt-6.1-sol": {
        "default": _price(
            (2_000_000, 10_000_000, 100_000, 2_500_000), 272_000, (4_000_000, 15_000_000, 200_000, 5_000_000)
        ),
        "flex": _price((1_000_000, 5_000_000, 50_000, 1_250_000), 272_000, (2_000_000, 7_500_000, 100_000, 2_500_000)),
        "priority": _price(
            (4_000_000, 20_000_000, 200_000, 5_000_000), 272_000, (8_000_000, 30_000_000, 400_000, 10_000_000)
        ),
    },
    "mistral-medium-2604": {"default": _price((1_500_000, 7_500_000, 150_000))},
    "mistral-small-2603": {"default": _price((150_000, 600_000, 15_000))},
    "gemini-2.5-flash": {"default": _price((300_000, 2_500_000, 30_000))},
    "gemini-2.5-flash-lite": {"default": _price((100_000, 400_000, 10_000))},
    "gemini-2.5-pro": {"default": _price((1_250_000, 10_000_000, 125_000), 200_000, (2_500_000, 15_000_000, 250_000))},
    "gemini-3-flash-preview": {"default": _price((500_000, 3_000_000, 50_000))},
    "gemini-3.1-flash-lite": {"default": _price((250_000, 1_500_000, 25_000))},
    "gemini-3.1-pro-preview": {
        "default": _price((2_000_000, 12_000_000, 200_000), 200_000, (4_000_000, 18_000_000, 400_000))
    },
    "gemini-3.5-flash-lite": {"default": _price((300_000, 2_500_000, 30_000))},
    "gemini-3.5-flash": {"default": _price((1_500_000, 9_000_000, 150_000))},
    "gemini-3.8-flash": {"default": _price((750_000, 3_750_000, 75_000))},
    "kimi-k2.5": {"default": _price((600_000, 3_000_000, 100_000))},
    "kimi-k2.7-code": {"default": _price((950_000, 4_000_000, 190_000))},
}

_ANNOUNCED = {"gemini-3.8-flash": (date(2027, 1, 1), _price((1_500_000, 7_500_000, 150_000)))}
"""Prices that are published for a day to come, and replace the above from then on."""

_SNAPSHOTS = {
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
    "gpt-5.4-mini": "gpt-5.4-mini-2026-03-17",
    "gpt-5.5": "gpt-5.5-2026-04-23",
}
_LISTED = PRICES | {snapshot: PRICES[model] for model, snapshot in _SNAPSHOTS.items()}


def snapshot(model: str) -> str:
    """The dated name under which a provider serves this model, where it does."""
    return _SNAPSHOTS.get(model, model)


def tiers(model: str) -> frozenset[str]:
    """The service tiers that this model is sold in."""
    return frozenset(_LISTED.get(model, {"default": UNLISTED}))


def writes_cost(model: str) -> bool:
    """Whether what a model remembers by itself is charged as a cache write."""
    prices = _LISTED.get(model)
    return prices is not None and prices["default"].rates.write_5m > 0


def nanos(leg: Leg, day: date) -> int:
    """The money for a leg of a call that started on that day (UTC), in nanodollars."""
    prices = _LISTED.get(leg.model, {})
    price = prices.get(leg.tier) or prices.get("default") or UNLISTED
    if leg.model in _ANNOUNCED and day >= _ANNOUNCED[leg.model][0]:
        price = _ANNOUNCED[leg.model][1]
    rates = price.long if price.long and leg.usage.prompt > price.above else price.rates
    # Keeping inference in the United States costs a tenth more at Anthropic.
    tenths = 11 if leg.geo == "us" else 10
    tokens = (rates.of(leg.usage) * tenths * 2 + 10_000) // 20_000
    return tokens + leg.fees.get("web_search", 0) * SEARCH_FEE_NANOS
