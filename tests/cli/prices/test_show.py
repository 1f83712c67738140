"""`tokenguard prices show`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.support import Cli
from tokenguard.cli.prices import told
from tokenguard.config.paths import find_paths
from tokenguard.config.settings import PROVIDERS
from tokenguard.daemon import catalogue
from tokenguard.prices import Catalogue, adapt

NOON_US = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture
def listed(home: Path) -> Catalogue:
    """The list that ships."""
    return catalogue.listed(find_paths({"TOKENGUARD_HOME": str(home)}))


def shown(known: Catalogue, model: str, provider: str | None = None) -> list[str]:
    return list(told.lines(told.view(known, PROVIDERS, provider, model, NOON_US)))


def test_every_number_with_source_and_date(listed: Catalogue) -> None:
    source = listed.source
    assert shown(listed, "claude-haiku-5-5")[:9] == [
        " claude-haiku-5-5  anthropic",
        "",
        " $ PER M TOKENS       IN  CACHED   5M WR  1H WR   OUT  HOLDS",
        f" genai-prices {source.version}, compiled {source.date}",
        "   standard         0.10    0.01   0.125   0.20  0.50",
        "     above 100,000  0.50    0.05   0.625   1.00  2.50  whole request",
        "   tier batch       0.05   0.005  0.0625   0.10  0.25  since 2026-10-14",
        "     above 100,000  0.25   0.025  0.3125   0.50  1.25  whole request",
        "   web_search $0.01 a use",
    ]


def test_what_else_has_to_be_known(listed: Catalogue) -> None:
    lines = shown(listed, "claude-haiku-5-5")
    assert " region us: 1.1 times the price of tokens (Anthropic's documentation)" in lines
    assert " context window 1,000,000 tokens" in lines
    assert " confidence exact" in lines
    assert lines[-1].startswith(" also sold by bedrock, gemini, ")


def test_an_alias_is_resolved(listed: Catalogue) -> None:
    lines = shown(listed, "opus[1m]")
    assert lines[:2] == [" claude-opus-5-5  anthropic", " opus[1m] is taken for the newest of its family"]
    assert " confidence estimated" in lines
    assert shown(listed, "models/gemini-3.8-flash")[:2] == [
        " gemini-3.8-flash  gemini",
        " models/gemini-3.8-flash is a name of it",
    ]


def test_announced_prices_and_hours(listed: Catalogue) -> None:
    announced = shown(listed, "gemini-3.8-flash")
    assert "   standard       1.50    0.15      -      -   7.50  from 2027-01-01" in announced
    assert any(line.startswith(" - no listed rate: cache reads then count as input") for line in announced)
    assert any(
        line.endswith("0.30   0.006      -      -  1.20  06:00-10:00 UTC") for line in shown(listed, "deepseek-flash")
    )


def test_another_seller(listed: Catalogue) -> None:
    lines = shown(listed, "claude-opus-5-5", "azure")
    assert lines[0] == " claude-opus-5-5  azure"
    assert lines[-1].startswith(" also sold by anthropic")


def test_what_bounds_a_model_without_a_price(listed: Catalogue) -> None:
    lines = shown(listed, "claude-opus-9")
    assert lines[1:3] == [
        " no price is listed (unknown-model): at most, it costs as much as",
        "   claude-3-opus-latest",
    ]
    assert "   bound         15.00    1.50  18.75  30.00  75.00" in lines
    assert " confidence bound" in lines


def test_what_is_not_counted_in_tokens(listed: Catalogue) -> None:
    every = [(provider.id, model) for provider in listed.providers.values() for model in provider.models]
    units = next(
        (seller, model.id) for seller, model in every for prices in model.prices if prices.other and prices.bands
    )
    media = next((seller, model.id) for seller, model in every for prices in model.prices if prices.media)
    assert "tokens alone do not price it" in " ".join(shown(listed, units[1], units[0]))
    assert " not counted apart: " in "\n".join(shown(listed, media[1], media[0]))


def test_a_provider_on_this_machine(listed: Catalogue) -> None:
    here = adapt(listed, (), {"ollama": "http://localhost:11434"})
    lines = shown(here, "qwen3:32b", "ollama")
    assert lines[:2] == [" qwen3:32b  ollama", " free: this provider is on this machine"]
    assert "   standard      0.00    0.00   0.00   0.00  0.00" in lines


def test_every_listed_model_can_be_shown_in_80_columns(listed: Catalogue) -> None:
    for seller in listed.providers.values():
        for model in seller.models[::7]:
            assert all(len(line) <= 80 for line in shown(listed, model.id, seller.id)), model.id


def test_one_s_own_price(cli: Cli, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text(
        '[[price]]\nprovider = "anthropic"\nmodel = "claude-opus-*"\nsince = 2026-01-01\n'
        "input = 3.2\noutput = 16\nfees = { web_search = 0.008 }\n"
    )
    outcome = cli("prices", "show", "claude-opus-5-5")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[3:6] == [
        " config.toml",
        "   standard      3.20       -      -      -  16.00  since 2026-01-01",
        "   web_search $0.008 a use",
    ]
    assert lines[6].startswith(" genai-prices ")
    assert lines[7].startswith("   tier batch    2.00    0.10   2.50   4.00  10.00")
    document = cli("prices", "show", "opus", "--json").document
    assert [(line["when"], line["source"], line["date"]) for line in document["lines"]][0] == (
        "standard",
        "config.toml",
        None,
    )


def test_json(cli: Cli) -> None:
    outcome = cli("prices", "show", "claude-haiku-5-5", "--json")
    assert outcome.code == 0
    document = outcome.document
    assert {name: document[name] for name in ("asked", "provider", "listed_by", "model", "window", "confidence")} == {
        "asked": "claude-haiku-5-5",
        "provider": "anthropic",
        "listed_by": "anthropic",
        "model": "claude-haiku-5-5",
        "window": 1_000_000,
        "confidence": "exact",
    }
    standard = document["lines"][0]
    assert [band["above"] for band in standard["bands"]] == [0, 100_000]
    assert standard["bands"][0]["cache_write_5m"] == 125_000_000
    assert standard["fees"] == {"web_search": 10_000_000_000_000}
    assert (standard["since"], standard["hours"], standard["begun"]) == (None, None, True)
    assert document["regions"] == {"us": "1.1"}
    assert "gemini" in document["others"]


def test_names_cannot_drive_the_terminal(cli: Cli) -> None:
    assert "\x1b" not in cli("prices", "show", "zork\x1b[2J", "--provider", "\x1b[1mx").out


@pytest.mark.parametrize(
    ("rate", "units", "text"),
    [
        (0, 1, "0.00"),
        (1, 1, "0.000000001"),
        (125_000_000, 1, "0.125"),
        (4_000_000_000, 1, "4.00"),
        (1_234_500_000_000, 1, "1,234.50"),
        (10_000_000_000_000, 1_000_000, "0.01"),
        (1, 1_000_000, "0.000000000000001"),
    ],
)
def test_dollars_to_the_last_digit(rate: int, units: int, text: str) -> None:
    assert told.dollars(rate, units) == text
