from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.config.budgets import (
    parse_budgets,
    read_machine_budgets,
    read_repository_budgets,
    write_machine_budgets,
)
from tokenguard.errors import ConfigError
from tokenguard.policy.budgets import applies
from tokenguard.records import Budget, Call, Unit

FILE = Path("/home/x/config.toml")


def parse(**table: object) -> Budget:
    (budget,) = parse_budgets([{"name": "day", "limit": "$20", "window": "day", **table}], FILE)
    return budget


def test_what_is_left_out_has_its_default() -> None:
    assert parse() == Budget("day", 20 * 10**9, window="day", source=str(FILE))


def test_everything_that_can_be_said_is_kept() -> None:
    budget = parse(
        scope="repo",
        limit="2M tokens",
        window="month",
        timezone="Europe/Berlin",
        match={"model": "claude-opus-*"},
        levels=[10, 20, 30],
        at_limit="warn",
        mode="strict",
    )
    assert (budget.scope, budget.limit, budget.unit, budget.window) == ("repo", 2_000_000, Unit.TOKENS, "month")
    assert (budget.timezone, budget.match) == ("Europe/Berlin", (("model", "claude-opus-*"),))
    assert (budget.levels, budget.at_limit, budget.mode) == ((10, 20, 30), "warn", "strict")


def test_a_bare_number_is_dollars_and_exact() -> None:
    assert parse(limit=5).limit == 5 * 10**9
    assert parse(limit=0.1).limit == 10**8


def test_a_session_budget_lasts_a_session() -> None:
    (budget,) = parse_budgets([{"name": "run", "limit": 5, "scope": "session"}], FILE)
    assert budget.window == "session"


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ({"limit": "20 euro"}, 'config.toml: budget "day": limit "20 euro" is not an amount; use "$20", "2M tokens"'),
        ({"limit": "0"}, 'budget "day": limit is zero'),
        ({"limit": "-5"}, "is not an amount"),
        ({"scope": "planet"}, 'scope "planet" is not known; use one of session, repo'),
        ({"window": "fortnight"}, 'window "fortnight" is not known; use one of session, day'),
        ({"window": "session"}, 'window "session" needs scope "session"'),
        ({"at_limit": "explode"}, 'at_limit "explode" is not known; use one of refuse, warn'),
        ({"mode": "lax"}, 'mode "lax" is not known; use one of calibrated, strict'),
        ({"match": {"colour": "red"}}, 'match "colour" is not known; use one of agent'),
        ({"match": {"model": "[ab]*"}}, "has a bracket"),
        ({"levels": [75, 50, 90]}, "levels must rise"),
        ({"levels": [50, 75]}, "levels are three percents"),
        ({"levels": [0, 75, 100]}, "levels must rise and lie between 1 and 99"),
        ({"timezone": "Mars/Base"}, 'timezone "Mars/Base" is not known'),
        ({"timezone": "../../etc/passwd"}, "is not known"),
        ({"name": "a b"}, "name: it must be letters"),
        ({"limits": 5}, 'budget "day": unknown key "limits"; accepted are name, limit, scope'),
        ({"levels": "50"}, 'budget "day": levels: expected `array`, got `str`'),
    ],
)
def test_what_is_wrong_is_named_with_file_budget_key_and_remedy(table: dict[str, object], error: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(**table)
    assert error in str(raised.value)
    assert str(raised.value).startswith("config.toml: budget ")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match='config.toml: budget "day": window is missing; use one of'):
        parse_budgets([{"name": "day", "limit": 5}], FILE)
    with pytest.raises(ConfigError, match="config.toml: budget 1: object missing required field `name`"):
        parse_budgets([{"limit": 5}], FILE)


def test_a_name_stands_once() -> None:
    table = {"name": "day", "limit": 5, "window": "day"}
    with pytest.raises(ConfigError, match="the name is used twice"):
        parse_budgets([table, table], FILE)


def test_the_machine_file_reads_back_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    budgets = (
        Budget("a", 123_456_789, source=str(file)),
        Budget("b", 0, unit=Unit.CALLS, scope="repo", window="month", timezone="UTC", match=(("model", "*"),),
               levels=(1, 2, 3), at_limit="warn", mode="strict", source=str(file)),
    )  # fmt: skip
    write_machine_budgets(file, budgets)
    assert read_machine_budgets(file) == budgets
    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["budgets.toml"]


def test_no_machine_file_is_no_budget(tmp_path: Path) -> None:
    assert read_machine_budgets(tmp_path / "budgets.toml") == ()


def test_a_machine_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_machine_budgets(tmp_path / "absent" / "budgets.toml", ())


class TestRepositoryFile:
    def read(self, folder: Path, text: str, repo: str = "/x/web") -> tuple[Budget, ...]:
        (folder / "tokenguard.toml").write_text(text)
        return read_repository_budgets(folder, repo)

    def test_a_repository_can_add_a_budget_for_itself_only(self, tmp_path: Path) -> None:
        (budget,) = self.read(tmp_path, '[[budget]]\nname = "day"\nlimit = 5\nwindow = "day"\n')
        call = Call(1, "s", "claude", "anthropic", "d", "m", 0, repo="/x/web")
        assert applies(budget, call)
        assert not applies(budget, Call(1, "s", "claude", "anthropic", "d", "m", 0, repo="/x/other"))

    def test_a_repository_path_with_wildcards_matches_itself_only(self, tmp_path: Path) -> None:
        (budget,) = self.read(tmp_path, '[[budget]]\nname = "day"\nlimit = 5\nwindow = "day"\n', repo="/x/w[e]*")
        assert applies(budget, Call(1, "s", "claude", "anthropic", "d", "m", 0, repo="/x/w[e]*"))
        assert not applies(budget, Call(1, "s", "claude", "anthropic", "d", "m", 0, repo="/x/webs"))

    @pytest.mark.parametrize(
        "text",
        [
            '[providers.anthropic]\nbase_url = "http://evil.example"\n',
            "[daemon]\nport = 1\n",
            '[network]\nproxy = "http://evil.example"\n',
            '[agents.x]\ncommand = "rm"\n',
        ],
    )
    def test_a_repository_can_say_nothing_else(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ConfigError, match="a repository can only add budgets"):
            self.read(tmp_path, text)

    def test_no_file_is_no_budget(self, tmp_path: Path) -> None:
        assert read_repository_budgets(tmp_path, "/x/web") == ()
