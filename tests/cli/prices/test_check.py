"""`tokenguard prices check`."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from tests.cli.support import Cli, call, record

CENT = 10_000_000


def test_before_anything_was_recorded(cli: Cli) -> None:
    outcome = cli("prices", "check")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(" every model in the ledger has a price\n list: genai-prices ")


def test_models_without_a_listed_price(cli: Cli, home: Path) -> None:
    record(home, {call(1): CENT})
    record(
        home,
        {
            call(2, model="claude-opus-9", repo="/src/a"): 30 * CENT,
            call(3, model="claude-opus-9", repo="/src/a"): 20 * CENT,
        },
        "unknown-model:priced-as=claude-3-opus-latest",
    )
    record(
        home, {call(4, model="zork-1", repo="/src/b"): 100 * CENT}, "interrupted", "unknown-model:priced-as=opus-then"
    )
    outcome = cli("prices", "check")
    assert (outcome.code, outcome.err) == (1, "")
    assert [line.split() for line in outcome.out.splitlines()[:3]] == [
        ["PROVIDER", "MODEL", "CALLS", "COST", "PRICED", "AS"],
        ["anthropic", "zork-1", "1", "≈$1.00", "opus-then", "(unknown-model)"],
        ["anthropic", "claude-opus-9", "2", "≈$0.500", "claude-3-opus-latest", "(unknown-model)"],
    ]
    assert " 2 models counted at a bound; tokenguard prices update may\n" in outcome.out
    assert all(len(line) <= 80 for line in outcome.out.splitlines())


def test_json(cli: Cli, home: Path) -> None:
    record(home, {call(1, model="claude-opus-9"): CENT}, "unknown-model:priced-as=claude-3-opus-latest")
    outcome = cli("prices", "check", "--json")
    assert outcome.code == 1
    assert outcome.document["unlisted"] == [
        {
            "provider": "anthropic",
            "model": "claude-opus-9",
            "calls": 1,
            "cost_nanos": CENT,
            "reason": "unknown-model",
            "priced_as": "claude-3-opus-latest",
        }
    ]
    assert outcome.document["local"] == []
    assert set(outcome.document["source"]) == {"name", "version", "date"}


def test_what_was_never_written_down_is_told_as_it_would_be_priced_now(cli: Cli, home: Path) -> None:
    record(home, {call(1, model="claude-opus-9"): CENT}, "interrupted")
    (found,) = cli("prices", "check", "--json").document["unlisted"]
    assert (found["reason"], found["priced_as"]) == ("unknown-model", "claude-3-opus-latest")


def test_what_the_provider_told_the_cost_of_needs_no_price(cli: Cli, home: Path) -> None:
    record(home, {call(1, model="openrouter/secret-alpha"): CENT})
    assert cli("prices", "check").code == 0


def test_a_price_of_one_s_own_settles_it(cli: Cli, home: Path) -> None:
    record(home, {call(1, model="claude-opus-9"): CENT}, "unknown-model:priced-as=claude-3-opus-latest")
    assert cli("prices", "check").code == 1
    (home / "config.toml").write_text(
        '[[price]]\nprovider = "anthropic"\nmodel = "claude-opus-*"\ninput = 1\noutput = 2\n'
    )
    assert cli("prices", "check").code == 0


def test_what_is_free_by_its_host_is_told(cli: Cli, home: Path) -> None:
    local = replace(call(1, model="qwen3:32b"), provider="ollama")
    record(home, {local: 0, replace(local, id=2): 0})
    (home / "config.toml").write_text('[providers.ollama]\nbase_url = "http://localhost:11434"\n')
    outcome = cli("prices", "check")
    assert outcome.code == 0
    assert " free, on this machine: qwen3:32b (ollama), 2 calls\n" in outcome.out
    (found,) = cli("prices", "check", "--json").document["local"]
    assert (found["model"], found["calls"], found["reason"]) == ("qwen3:32b", 2, "local-host")


def test_names_cannot_drive_the_terminal(cli: Cli, home: Path) -> None:
    record(home, {call(1, model="zork\x1b[2J"): CENT}, "unknown-model:priced-as=x\x1b[2J")
    assert "\x1b" not in cli("prices", "check").out
