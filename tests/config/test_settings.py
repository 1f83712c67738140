from __future__ import annotations

import os
from pathlib import Path

import pytest

from tokenguard.config.paths import Paths, find_paths
from tokenguard.config.settings import PROVIDERS, load
from tokenguard.errors import ConfigError


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return find_paths({"TOKENGUARD_HOME": str(tmp_path)})


def write(paths: Paths, text: str) -> None:
    paths.config_file.write_text(text, encoding="utf-8")


def test_without_files_the_defaults_hold(paths: Paths) -> None:
    config = load(paths)
    assert (config.daemon.port, config.daemon.on_error, config.daemon.idle_exit) == (4747, "open", 0)
    assert config.providers == PROVIDERS
    assert config.budgets == ()


def test_what_is_written_holds(paths: Paths) -> None:
    write(
        paths,
        """
        [daemon]
        port = 0
        on_error = "closed"
        idle_exit = 30
        [ledger]
        durability = "full"
        [network]
        proxy = "http://proxy.corp:8080"
        [providers.anthropic]
        base_url = "http://127.0.0.1:9999/"
        [providers.house]
        base_url = "https://llm.corp.example/v2"
        [[budget]]
        name = "day"
        limit = "$20"
        window = "day"
        """,
    )
    config = load(paths)
    assert (config.daemon.port, config.daemon.on_error, config.daemon.idle_exit) == (0, "closed", 30)
    assert config.ledger.durability == "full"
    assert config.network.proxy == "http://proxy.corp:8080"
    assert config.providers["anthropic"] == "http://127.0.0.1:9999"
    assert config.providers["house"] == "https://llm.corp.example/v2"
    assert config.providers["openai"] == PROVIDERS["openai"]
    assert config.chosen_providers == {"anthropic", "house"}
    assert [budget.name for budget in config.budgets] == ["day"]


def test_what_becomes_of_interrupted_calls_can_be_set(paths: Paths) -> None:
    write(paths, '[interrupted]\ndrain_seconds = 2.5\n[providers.mistral]\non_disconnect = "stop"')
    config = load(paths)
    assert (config.interrupted.drain_seconds, config.interrupted.drain_bytes) == (2.5, 32 << 20)
    assert config.on_disconnect == {"mistral": "stop"}
    assert config.providers == PROVIDERS and not config.chosen_providers


def test_who_pays_can_be_set(paths: Paths) -> None:
    write(paths, '[providers.xai]\nbilling = "subscription"\n[providers.openai]\nbilling = "auto"')
    assert load(paths).billing == {"xai": "subscription"}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[daemon\n", "config.toml: "),
        ("[daemon]\nports = 1", 'config.toml: unknown key "daemon.ports"; accepted are port, on_error, idle_exit'),
        ("[demon]\nport = 1", 'config.toml: unknown key "demon"; accepted are daemon, network'),
        ("[daemon]\nport = 70000", "daemon.port 70000 is not a port"),
        ('[daemon]\nport = "x"', "config.toml: daemon.port: expected `int`, got `str`"),
        ('[daemon]\non_error = "maybe"', 'daemon.on_error "maybe" is not known; use open or closed'),
        ("[daemon]\nidle_exit = -1", "daemon.idle_exit is negative"),
        ('[ledger]\ndurability = "none"', 'ledger.durability "none" is not known; use normal or full'),
        ('[network]\nca_bundle = "/no/such.pem"', "network.ca_bundle /no/such.pem is not a file"),
        ('[providers.x]\nbase_url = "ftp://h"', 'providers.x.base_url "ftp://h" is not an address'),
        ('[providers.x]\nbase_url = "https://u:p@h"', "holds more than an address"),
        ('[providers.x]\nbase_url = "https://h/?a=b"', "holds more than an address"),
        ('[providers.s]\nbase_url = "https://h"', 'the name "s" is reserved'),
        ("[providers.x]\n", "providers.x has no base_url; say where it is"),
        ("[interrupted]\ndrain_bytes = -1", "interrupted.drain_bytes is negative; use 0"),
        ('[providers.xai]\non_disconnect = "wait"', 'providers.xai.on_disconnect "wait" is not known; use auto, stop'),
        (
            '[providers.xai]\nbilling = "free"',
            'providers.xai.billing "free" is not known; use auto, metered, subscription',
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_key_and_remedy(paths: Paths, text: str, error: str) -> None:
    write(paths, text)
    with pytest.raises(ConfigError) as raised:
        load(paths)
    assert error in str(raised.value)
    assert "config.toml" in str(raised.value)


def test_a_syntax_error_names_its_line(paths: Paths) -> None:
    write(paths, "[daemon]\nport = \n")
    with pytest.raises(ConfigError, match="line 2"):
        load(paths)


def test_a_file_that_is_not_text_is_an_error(paths: Paths) -> None:
    paths.config_file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(paths)


def test_a_budget_stands_in_one_file(paths: Paths) -> None:
    table = '[[budget]]\nname = "day"\nlimit = 5\nwindow = "day"\n'
    write(paths, table)
    paths.budgets_file.write_text(table)
    with pytest.raises(ConfigError, match='budget "day" stands in config.toml and in budgets.toml'):
        load(paths)


def test_the_budgets_of_both_files_add_up(paths: Paths) -> None:
    write(paths, '[[budget]]\nname = "day"\nlimit = 5\nwindow = "day"\n')
    paths.budgets_file.write_text('[[budget]]\nname = "week"\nlimit = 50\nwindow = "week"\n')
    assert [(budget.name, budget.source) for budget in load(paths).budgets] == [
        ("day", str(paths.config_file)),
        ("week", str(paths.budgets_file)),
    ]


def test_a_user_s_own_file_may_lie_elsewhere(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "dotfiles.toml").write_text("[daemon]\nport = 4748\n")
    paths.config_file.symlink_to("dotfiles.toml")
    assert load(paths).daemon.port == 4748


def test_a_pipe_in_place_of_a_file_blocks_nobody(paths: Paths) -> None:
    os.mkfifo(paths.config_file)
    with pytest.raises(ConfigError, match="config.toml is not a file"):
        load(paths)


def test_a_file_beyond_all_measure_is_not_read(paths: Paths) -> None:
    with paths.config_file.open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(ConfigError, match="config.toml is larger than 1024 KiB"):
        load(paths)
