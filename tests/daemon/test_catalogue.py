"""Which prices are in force."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
import pytest

from tokenguard import prices
from tokenguard.config.paths import Paths, find_paths
from tokenguard.config.settings import load
from tokenguard.daemon import catalogue
from tokenguard.prices.data import Band, Data, Model, Prices, Provider, Source
from tokenguard.records import Leg, Usage

AT = 1_795_219_200_000_000
"""2026-11-21, 00:00 UTC."""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return find_paths({"TOKENGUARD_HOME": str(tmp_path)})


def updated(paths: Paths, date: str) -> None:
    """A list that `prices update` wrote on that day."""
    model = Model("m", names=("m",), prices=(Prices((Band(0, 10**9, 10**9),)),))
    data = Data(1, Source("test", "1", date), (Provider("p", "x", (model,)),))
    paths.prices_file.write_bytes(msgspec.json.encode(data))


def test_the_one_that_is_installed(paths: Paths) -> None:
    assert catalogue.listed(paths).source.name == "genai-prices"


@pytest.mark.parametrize(("days_later", "taken"), [(0, True), (1, True), (-1, False)])
def test_the_newer_one_holds(paths: Paths, days_later: int, taken: bool) -> None:
    year, month, day = catalogue.listed(paths).source.date.split("-")
    updated(paths, f"{int(year) + days_later}-{month}-{day}")
    assert (catalogue.listed(paths).source.name == "test") is taken


@pytest.mark.parametrize("data", [b"", b"{}", b'{"format": 99, "source": {}, "providers": []}'])
def test_a_damaged_one_is_told_and_not_used(paths: Paths, data: bytes) -> None:
    paths.prices_file.write_bytes(data)
    told: list[str] = []
    assert catalogue.listed(paths, told.append).source.name == "genai-prices"
    (text,) = told
    assert text.startswith(f"{paths.prices_file} is not used: the price catalogue ")


def test_it_is_logged_where_nobody_is_to_be_told(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    paths.prices_file.mkdir()
    with caplog.at_level(logging.WARNING):
        catalogue.listed(paths)
    assert caplog.messages == [f"{paths.prices_file} is not used: Is a directory"]


def test_the_user_s_prices_and_providers_count(paths: Paths) -> None:
    paths.config_file.write_text(
        '[providers.ollama]\nbase_url = "http://localhost:11434"\n'
        '[[price]]\nprovider = "anthropic"\nmodel = "claude-*"\ninput = 1\noutput = 1\n'
    )
    known = catalogue.in_force(paths, load(paths))
    leg = Leg("claude-opus-5-5", Usage(1_000))
    assert prices.charge(known, "anthropic", [leg], AT).nanos == 1_000_000
    assert prices.charge(known, "ollama", [leg], AT).marks == ("local-host",)
