"""Claude Code's recipe: the user's settings are honoured, and the calls come to us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.agents_modules.support import BASE, NO_PROXY, Machine, environment, json_file
from tokenguard.agents import claude
from tokenguard.agents.shape import Recipe

OURS = {
    "ANTHROPIC_BASE_URL": f"{BASE}/anthropic",
    "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1",
    "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL": "1",
    **NO_PROXY,
}


@pytest.fixture(autouse=True)
def managed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The administrator's file, which is not there."""
    monkeypatch.setattr(claude, "_MANAGED", (tmp_path / "managed.json",))
    return tmp_path / "managed.json"


def settings(recipe: Recipe) -> Any:
    return json_file(recipe, "claude-settings.json")


def trust(machine: Machine) -> None:
    machine.write("~/.claude.json", {"projects": {str(machine.project): {"hasTrustDialogAccepted": True}}})


def test_without_settings(machine: Machine) -> None:
    recipe = machine.recipe(claude, "-p", "hi", "--", "--settings", "x")
    file = str(machine.private / "claude-settings.json")
    assert recipe.args == ("--settings", file, "-p", "hi", "--", "--settings", "x")
    assert settings(recipe) == {"env": OURS}
    assert environment(recipe) == {"CLAUDE_CODE_RESUME_HINT_COMMAND": "claude"}
    assert (recipe.upstreams, recipe.notes) == ({}, ())


def test_the_token_is_in_no_argument(machine: Machine) -> None:
    assert BASE not in " ".join(machine.recipe(claude, "-p", "hi").args)


@pytest.mark.parametrize("joined", [False, True])
def test_settings_that_the_user_passes_are_merged(machine: Machine, joined: bool) -> None:
    passed = json.dumps({"model": "opus", "env": {"A": "1", "ANTHROPIC_BASE_URL": "https://gateway.corp/claude/"}})
    args = (f"--settings={passed}",) if joined else ("--settings", passed)
    recipe = machine.recipe(claude, *args, "-p", "hi")
    assert recipe.args[2:] == ("-p", "hi")
    expected = {name: value for name, value in OURS.items() if not name.startswith("_")}
    assert settings(recipe) == {"model": "opus", "env": {"A": "1", **expected}}
    assert recipe.upstreams == {"anthropic": "https://gateway.corp/claude"}


def test_a_settings_file_that_the_user_passes_is_merged(machine: Machine) -> None:
    machine.write("mine.json", '{"hooks": {}, // why\n "env": {"B": "2"}}')
    recipe = machine.recipe(claude, "--settings", "mine.json")
    assert settings(recipe) == {"hooks": {}, "env": {"B": "2", **OURS}}


@pytest.mark.parametrize("passed", ["nowhere.json", "{broken", "[1]"])
def test_settings_that_cannot_be_read_are_left_to_claude(machine: Machine, passed: str) -> None:
    assert machine.recipe(claude, "--settings", passed).args[2:] == ("--settings", passed)


def test_empty_settings_do_not_undo_ours(machine: Machine) -> None:
    assert machine.recipe(claude, "--settings", "{}").args[2:] == ()


def test_the_users_file_beats_the_environment(machine: Machine) -> None:
    machine.write("~/.claude/settings.json", {"env": {"ANTHROPIC_BASE_URL": "https://from.file"}})
    recipe = machine.recipe(claude, ANTHROPIC_BASE_URL="https://from.environment")
    assert recipe.upstreams == {"anthropic": "https://from.file"}
    assert "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL" not in settings(recipe)["env"]


def test_an_address_of_anthropics_own_keeps_the_first_party_betas(machine: Machine) -> None:
    recipe = machine.recipe(claude, ANTHROPIC_BASE_URL="https://eu.api.anthropic.com")
    assert recipe.upstreams == {"anthropic": "https://eu.api.anthropic.com"}
    assert settings(recipe)["env"]["_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL"] == "1"


def test_whoever_decided_about_the_betas_keeps_it(machine: Machine) -> None:
    recipe = machine.recipe(claude, _CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL="0")
    assert "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL" not in settings(recipe)["env"]


def test_an_address_of_another_provider_leads_there(machine: Machine) -> None:
    recipe = machine.recipe(claude, ANTHROPIC_BASE_URL="https://api.deepseek.com/anthropic")
    assert settings(recipe)["env"]["ANTHROPIC_BASE_URL"] == f"{BASE}/deepseek/anthropic"
    assert "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL" not in settings(recipe)["env"]
    assert recipe.upstreams == {}


def test_another_configuration_folder(machine: Machine) -> None:
    machine.write("~/elsewhere/settings.json", {"env": {"ANTHROPIC_BASE_URL": "https://gateway.corp"}})
    recipe = machine.recipe(claude, CLAUDE_CONFIG_DIR=str(machine.home / "elsewhere"))
    assert recipe.upstreams == {"anthropic": "https://gateway.corp"}


@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
def test_a_repository_that_is_not_trusted_says_nothing(machine: Machine, name: str) -> None:
    machine.write(f".claude/{name}", {"env": {"ANTHROPIC_BASE_URL": "https://evil.example"}})
    recipe = machine.recipe(claude)
    assert recipe.upstreams == {}
    assert len(recipe.notes) == 1 and "does not trust" in recipe.notes[0]


def test_a_trusted_repository_says_where_calls_go(machine: Machine) -> None:
    trust(machine)
    machine.write("~/.claude/settings.json", {"env": {"ANTHROPIC_BASE_URL": "https://from.user"}})
    machine.write(".claude/settings.json", {"env": {"ANTHROPIC_BASE_URL": "https://from.project"}})
    machine.write(".claude/settings.local.json", {"env": {"ANTHROPIC_BASE_URL": "https://from.local"}})
    assert machine.recipe(claude).upstreams == {"anthropic": "https://from.local"}


def test_managed_settings_that_win_are_told(machine: Machine, managed: Path) -> None:
    managed.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "https://gateway.corp"}}))
    assert "not guarded" in machine.recipe(claude).notes[0]


def test_foundry_is_told(machine: Machine) -> None:
    machine.write("~/.claude/settings.json", {"env": {"CLAUDE_CODE_USE_FOUNDRY": "1"}})
    (note,) = machine.recipe(claude).notes
    assert "Foundry" in note and note.endswith("not guarded")
    assert machine.recipe(claude, "--settings", json.dumps({"env": {"CLAUDE_CODE_USE_FOUNDRY": "0"}})).notes == ()


@pytest.mark.parametrize("option", ["--bg", "--background"])
def test_a_session_that_outlives_the_run_is_told(machine: Machine, option: str) -> None:
    assert "outlives this run" in machine.recipe(claude, option, "hi").notes[0]


def test_a_proxy_in_the_settings_counts(machine: Machine) -> None:
    machine.write("~/.claude/settings.json", {"env": {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "corp"}})
    recipe = machine.recipe(claude)
    assert recipe.network == {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "corp"}
    assert settings(recipe)["env"]["NO_PROXY"] == "corp,127.0.0.1,localhost"
    assert recipe.env["NO_PROXY"] == "127.0.0.1,localhost"


@pytest.mark.parametrize("broken", ["{", "[]", '{"env": []}', '{"env": {"ANTHROPIC_BASE_URL": 5}}', "\0\xff"])
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write("~/.claude/settings.json", broken)
    machine.write("~/.claude.json", broken)
    machine.write(".claude/settings.json", broken)
    assert settings(machine.recipe(claude))["env"] == OURS


def test_a_refusal() -> None:
    refusal = claude.refuse("anthropic-messages", "stopped: Zürich")
    assert refusal is not None
    assert (refusal.status, refusal.content_type) == (402, "application/json")
    assert json.loads(refusal.body) == {
        "type": "error",
        "error": {"type": "billing_error", "message": "stopped: Zürich"},
    }
    assert claude.refuse("openai-chat", "stopped") is None


PROMPTED = {
    "hooks": {"UserPromptSubmit": [{"hooks": [{"type": "command", "command": "exec /bin/sh PRIVATE/prompt.sh"}]}]}
}
LINE = {"statusLine": {"type": "command", "command": "exec /bin/sh PRIVATE/line.sh", "refreshInterval": 5}}


def handed_over(machine: Machine, *args: str) -> Any:
    """The settings but for variables, and the scripts."""
    recipe = machine.recipe(claude, *args)
    told = json.loads(recipe.files["claude-settings.json"].replace(str(machine.private), "PRIVATE"))
    del told["env"]
    return told, sorted(name for name in recipe.files if name.endswith(".sh"))


def test_somebody_at_the_terminal_gets_a_hook_and_a_status_line(attended: Machine) -> None:
    assert handed_over(attended, "say hello") == (PROMPTED | LINE, ["line.sh", "prompt.sh"])


@pytest.mark.parametrize("args", [("-p", "hi"), ("hi", "--print"), ("-cp", "hi"), ("-pc", "hi")])
def test_what_answers_and_ends_gets_neither(attended: Machine, args: tuple[str, ...]) -> None:
    assert handed_over(attended, *args) == ({}, [])


def test_without_a_terminal_there_is_neither(machine: Machine) -> None:
    assert handed_over(machine, "say hello") == ({}, [])


@pytest.mark.parametrize(
    "place", ["~/.claude/settings.json", ".claude/settings.json", ".claude/settings.local.json", "managed", "passed"]
)
def test_a_status_line_of_the_users_own_stays(attended: Machine, managed: Path, place: str) -> None:
    theirs = {"statusLine": {"type": "command", "command": "mine"}}
    if place == "managed":
        managed.write_text(json.dumps(theirs))
    elif place != "passed":
        attended.write(place, theirs)
    args = ("--settings", json.dumps(theirs)) if place == "passed" else ()
    expected = PROMPTED | theirs if place == "passed" else PROMPTED
    assert handed_over(attended, *args) == (expected, ["prompt.sh"])


def test_hooks_that_the_user_passes_come_first(attended: Machine) -> None:
    mine = {"hooks": [{"type": "command", "command": "mine"}]}
    passed = {"hooks": {"Stop": [mine], "UserPromptSubmit": [mine]}}
    told, _ = handed_over(attended, "--settings", json.dumps(passed))
    (ours,) = PROMPTED["hooks"]["UserPromptSubmit"]
    assert told["hooks"] == {"Stop": [mine], "UserPromptSubmit": [mine, ours]}
