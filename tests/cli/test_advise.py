"""`tokenguard advise`."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.cli.support import MODEL, Cli, call
from tests.support.house import CATALOGUE
from tokenguard import prices
from tokenguard.config.paths import find_paths
from tokenguard.ledger import Ledger, Settlement
from tokenguard.records import Leg, Usage

SHORT = Usage(input=5_000, output=300)


def spend(home: Path, count: int, **fields: object) -> None:
    """Short answers that no tool had a part in, an hour and a half ago."""

    async def write() -> None:
        paths = find_paths({"TOKENGUARD_HOME": str(home)})
        paths.state_dir.mkdir(parents=True, exist_ok=True)
        ledger = Ledger.open(paths.ledger)
        for number in range(1, count + 1):
            of = replace(call(number, ago_s=5_400 - number), tool_free=True, task_type="chat", **fields)
            leg = Leg(MODEL, SHORT)
            charge = prices.charge(CATALOGUE, "anthropic", (leg,), of.started_us)
            await ledger.settle(Settlement(of, charge, of.started_us + 1, "ok", (leg,), SHORT))
        await ledger.close()

    asyncio.run(write())


def test_without_a_ledger(cli: Cli) -> None:
    outcome = cli("advise")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(" no calls since 20")
    assert cli("advise", "--json").document["advice"] == []


def test_text_and_json_say_the_same(cli: Cli, home: Path) -> None:
    spend(home, 5)
    text = cli("advise")
    assert (text.code, text.err) == (0, "")
    assert " 1  ≈$0.065  Short answers from dear models" in text.out.splitlines()
    assert all(len(line) <= 80 for line in text.out.splitlines())
    found = cli("advise", "--json").document
    (one,) = found["advice"]
    assert (found["calls"], one["name"], one["calls"], one["saving_nanos"]) == (5, "cheaper-model", 5, 65_000_000)
    assert one["parts"][0]["instead"] == "claude-sonnet-5-5"
    assert datetime.fromisoformat(found["since"]) < datetime.fromisoformat(found["until"])


def test_only_of_the_time_that_is_asked_for(cli: Cli, home: Path) -> None:
    spend(home, 5)
    assert cli("advise", "--since", "1h", "--json").document["calls"] == 0
    assert cli("advise", "--since", "2h", "--until", "1h", "--json").document["calls"] == 5
    assert "from 2" in cli("advise", "--since", "2h", "--until", "1h").out


@pytest.mark.parametrize(
    "words", [("--since", "soon"), ("--timezone", "Mars/Phobos"), ("--since", "1h", "--until", "2h"), ("extra",)]
)
def test_what_makes_no_sense_is_refused(cli: Cli, words: tuple[str, ...]) -> None:
    outcome = cli("advise", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("tokenguard: ")


def test_prices_of_the_user_s_own_count(cli: Cli, home: Path) -> None:
    spend(home, 5)
    own = '[[price]]\nprovider = "anthropic"\nmodel = "claude-sonnet-5-5"\ninput = 0.5\noutput = 1\ncache_read = 0.1\n'
    find_paths({"TOKENGUARD_HOME": str(home)}).config_file.write_text(own, "utf-8")
    (one,) = cli("advise", "--json").document["advice"]
    assert one["saving_nanos"] > 65_000_000
