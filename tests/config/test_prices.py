"""`[[price]]` tables: what they become, and what is wrong with them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tokenguard.config.paths import find_paths
from tokenguard.config.prices import parse_prices
from tokenguard.config.settings import load
from tokenguard.errors import ConfigError
from tokenguard.prices import Override
from tokenguard.prices.data import Band, Prices, Variant

FILE = Path("/home/x/config.toml")
DOLLAR = 1_000_000_000
"""Of a rate: nanodollars per million tokens."""
A_USE = DOLLAR * 1_000_000
"""Of a fee: nanodollars per million uses."""
FIRST_OF_DECEMBER = 1_796_083_200_000_000

HEAD = '[[price]]\nprovider = "anthropic"\nmodel = "claude-opus-5-5"\n'
RATES = "input = 3\noutput = 15\n"


def parse(text: str) -> tuple[Override, ...]:
    return parse_prices(tomllib.loads(text)["price"], FILE)


def band(text: str) -> Band:
    (override,) = parse(HEAD + text)
    return override.prices[0].bands[0]


def test_the_least_that_can_be_said() -> None:
    assert parse(HEAD + RATES) == (
        Override("anthropic", "claude-opus-5-5", (Prices((Band(0, 3 * DOLLAR, 15 * DOLLAR),), own=True),)),
    )


def test_everything_that_can_be_said() -> None:
    (override,) = parse(
        """
        [[price]]
        provider = "anthropic"
        model = "Claude-Opus-*"
        since = 2026-12-01
        input = "$3.20"
        output = 16
        cache_read = 0.16
        cache_write_5m = 4
        cache_write_1h = 6.4
        fees = { web_search_requests = "0.009", request = 0.0001 }
        [price.above.200000]
        input = 6.4
        output = 32
        [price.tiers.batch]
        input = 1.6
        output = 8
        cache_read = 0.08
        [price.tiers.batch.above.200000]
        input = 3.2
        output = 16
        [price.tiers.fast]
        input = 6
        output = 30
        """
    )
    fees = {"web_search": 9 * A_USE // 1_000, "request": A_USE // 10_000}

    def priced(*bands: Band) -> Prices:
        return Prices(bands, fees, since_us=FIRST_OF_DECEMBER, own=True)

    cents = DOLLAR // 100
    fast = priced(Band(0, 600 * cents, 3000 * cents))
    assert override == Override(
        "anthropic",
        "claude-opus-*",
        (
            priced(
                Band(0, 320 * cents, 1600 * cents, 16 * cents, 400 * cents, 640 * cents),
                Band(200_000, 640 * cents, 3200 * cents),
            ),
        ),
        (
            Variant(
                "tier",
                "batch",
                (priced(Band(0, 160 * cents, 800 * cents, 8 * cents), Band(200_000, 320 * cents, 1600 * cents)),),
            ),
            Variant("tier", "fast", (fast,)),
            Variant("speed", "fast", (fast,)),
        ),
    )


@pytest.mark.parametrize(
    ("written", "nanos"),
    [
        ("0", 0),
        ("0.1", 100_000_000),
        ("3", 3 * DOLLAR),
        ('"3"', 3 * DOLLAR),
        ('" $0.25 "', DOLLAR // 4),
        ('".5"', DOLLAR // 2),
        ('"1_000"', 1000 * DOLLAR),
        ("0.29", 290_000_000),
        ("0.000000001", 1),
        ("1e-9", 1),
        ('"0.123456789"', 123_456_789),
        ("1_000_000", 1_000_000 * DOLLAR),
    ],
)
def test_amounts_are_taken_as_they_are_written(written: str, nanos: int) -> None:
    assert band(f"input = {written}\noutput = 1").input == nanos


def test_entries_for_one_model_are_its_dates_in_order() -> None:
    earlier = HEAD + RATES
    later = HEAD + "since = 2026-12-01\ninput = 2\noutput = 10\n[price.tiers.flex]\ninput = 1\noutput = 5\n"
    (override,) = parse(later + earlier)
    assert [prices.since_us for prices in override.prices] == [None, FIRST_OF_DECEMBER]
    assert [prices.bands[0].input for prices in override.prices] == [3 * DOLLAR, 2 * DOLLAR]
    (tier,) = override.variants
    assert [prices.since_us for prices in tier.prices] == [FIRST_OF_DECEMBER]


def test_the_order_of_models_is_kept() -> None:
    models = ["claude-*", "*", "claude-opus-*"]
    text = "".join(f'[[price]]\nprovider = "p"\nmodel = "{model}"\n{RATES}' for model in models)
    assert [override.model for override in parse(text)] == models


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "object missing required field `input`"),
        ("input = 3", "object missing required field `output`"),
        (RATES + "inputs = 3", 'unknown key "inputs"; accepted are provider, model, input, output, cache_read'),
        ('input = "3 euro"\noutput = 1', 'input "3 euro" is not a price; use dollars per million tokens, such as 3'),
        ("input = -3\noutput = 1", 'input "-3" is not a price'),
        ("input = nan\noutput = 1", 'input "nan" is not a price'),
        ("input = inf\noutput = 1", 'input "inf" is not a price'),
        ('input = ""\noutput = 1', 'input "" is not a price'),
        ("input = true\noutput = 1", "input: expected"),
        ("input = 3000000000\noutput = 1", 'input "3000000000" is more than anything costs; use dollars per million'),
        ('input = "0.0000000001"\noutput = 1', 'input "0.0000000001" has a part smaller than a nanodollar'),
        (
            'input = "1.0000000000000000000000000000000000001"\noutput = 1',
            "has a part smaller than a nanodollar; use fewer decimals",
        ),
        (RATES + 'cache_read = "x"', 'cache_read "x" is not a price'),
        (RATES + "since = 2026-13-01", "line 6"),
        (RATES + 'since = "soon"', "since: "),
        (RATES + "since = 2026-12-01T10:00:00Z", "since: "),
        (RATES + 'fees = { web_search = "x" }', 'fees.web_search "x" is not a price; use dollars per use'),
        (RATES + 'fees = { "web search" = 1 }', 'fees "web search" is not a name; use small letters'),
        (RATES + "fees = { web_fetch = 1 }", 'fees "web_fetch" is not charged; use a name such as web_search'),
        (RATES + "[price.above.many]\n" + RATES, 'above "many" is not a number of tokens; such as above.200000'),
        (RATES + "[price.above.0]\n" + RATES, 'above "0" is not a number of tokens'),
        (RATES + "[price.above.9]\ninput = 3", "above.9: object missing required field `output`"),
        (RATES + "[price.above.9]\ninput = 3\noutput = 'x'", 'above.9.output "x" is not a price'),
        (RATES + "[price.above.9.above.10]\n" + RATES, "above.9: "),
        (RATES + "[price.tiers.default]\n" + RATES, 'tiers "default" is the standard one; give its rates outside'),
        (RATES + "[price.tiers.Batch]\n" + RATES, 'tiers "Batch" is not a name; use small letters'),
        (RATES + "[price.tiers.batch]\ninput = 3", "tiers.batch: object missing required field `output`"),
        (RATES + "[price.tiers.batch]\nx = 3\n" + RATES, 'tiers.batch: unknown key "x"; accepted are input, output'),
        (RATES + "[price.tiers.batch]\ninput = 'x'\noutput = 1", 'tiers.batch.input "x" is not a price'),
        (RATES + HEAD + RATES, "it is given twice from the same date on; remove one, or give it a since"),
    ],
)
def test_what_is_wrong_is_named_with_file_entry_key_and_remedy(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "config.toml").write_text(HEAD + text)
    with pytest.raises(ConfigError) as raised:
        load(find_paths({"TOKENGUARD_HOME": str(tmp_path)}))
    assert error in str(raised.value)
    if "line" not in error:
        assert str(raised.value).startswith('config.toml: price "claude-opus-5-5" of "anthropic": ')


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ('model = "m"', "config.toml: price 1: object missing required field `provider`"),
        ('provider = "p"', "config.toml: price 1: object missing required field `model`"),
        ('provider = " "\nmodel = "m"', "provider is empty; name one, such as anthropic"),
        ('provider = "p"\nmodel = ""', "model is empty"),
        (
            'provider = "p"\nmodel = "opus[1m]"',
            "model has a bracket; use only * and ? as wildcards, and leave out [1m]",
        ),
    ],
)
def test_who_and_what_has_to_be_said(table: str, error: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(f"[[price]]\n{table}\n{RATES}")
    assert error in str(raised.value)


def test_they_are_part_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(HEAD + RATES)
    config = load(find_paths({"TOKENGUARD_HOME": str(tmp_path)}))
    assert [override.model for override in config.prices] == ["claude-opus-5-5"]


def test_a_repository_cannot_set_prices(tmp_path: Path) -> None:
    from tokenguard.config.budgets import read_repository_budgets

    (tmp_path / "tokenguard.toml").write_text(HEAD + RATES)
    with pytest.raises(ConfigError, match='a repository can only add budgets, not set "price"'):
        read_repository_budgets(tmp_path, "/x/web")
