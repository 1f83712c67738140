"""Qwen Code's recipe: variables, and system settings of ours where the user's name providers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.agents_modules.support import BASE, Machine, environment, json_file
from tokenguard.agents import Recipe, qwen

VARIABLES = {
    "OPENAI_BASE_URL": f"{BASE}/openai/v1",
    "ANTHROPIC_BASE_URL": f"{BASE}/anthropic",
    "GOOGLE_GEMINI_BASE_URL": f"{BASE}/gemini",
}
USER = "~/.qwen/settings.json"
PROJECT = ".qwen/settings.json"
FILE = "qwen-settings.json"


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The administrator's file, which is not there."""
    file = tmp_path / "system" / "settings.json"
    file.parent.mkdir()
    monkeypatch.setattr(qwen, "_SYSTEM", (file,))
    return file


def model(name: str, url: str, **more: str) -> dict[str, str]:
    return {"id": name, "baseUrl": url, **more}


def models(recipe: Recipe) -> dict[str, str | None]:
    """Model -> the base URL that it gets."""
    providers: dict[str, list[dict[str, Any]]] = json_file(recipe, FILE)["modelProviders"]
    return {entry["id"]: entry.get("baseUrl") for entries in providers.values() for entry in entries}


def test_variables_suffice_without_providers_in_settings(machine: Machine) -> None:
    machine.write(USER, {"security": {"auth": {"selectedType": "openai"}}, "model": {"name": "m"}})
    recipe = machine.recipe(qwen, "-p", "hi")
    assert (recipe.args, environment(recipe)) == (("-p", "hi"), VARIABLES)
    assert (recipe.files, recipe.upstreams, recipe.notes) == ({}, {}, ())


def test_providers_in_settings_are_rewritten(machine: Machine, system: Path) -> None:
    providers = {
        "anthropic": [model("claude", "https://api.anthropic.com/", envKey="K", description="d")],
        "openai": [model("sonnet", "https://openrouter.ai/api/v1"), {"id": "plain"}],
        "gemini": [model("flash", "https://generativelanguage.googleapis.com")],
    }
    machine.write(USER, {"modelProviders": providers, "ui": {"theme": "x"}})
    recipe = machine.recipe(qwen)
    file = str(machine.private / FILE)
    assert environment(recipe) == {
        **VARIABLES,
        "QWEN_CODE_SYSTEM_SETTINGS_PATH": file,
        "QWEN_CODE_SYSTEM_DEFAULTS_PATH": str(system.with_name("system-defaults.json")),
    }
    assert json_file(recipe, FILE) == {
        "modelProviders": {
            "anthropic": [model("claude", f"{BASE}/anthropic", envKey="K", description="d")],
            "openai": [model("sonnet", f"{BASE}/openrouter/api/v1"), {"id": "plain"}],
            "gemini": [model("flash", f"{BASE}/gemini")],
        }
    }
    assert (recipe.upstreams, recipe.notes) == ({}, ())


def test_the_administrators_settings_stay(machine: Machine, system: Path) -> None:
    theirs = {"tools": {"sandbox": False}, "model": {"maxSessionTurns": 3}}
    system.write_text(json.dumps(theirs))
    url = "https://gateway.corp/v1"
    settings = {"modelProviders": {"openai": [model("m", url)]}, "model": {"name": "m", "baseUrl": url}}
    machine.write(USER, settings)
    assert json_file(machine.recipe(qwen), FILE) == {
        "tools": {"sandbox": False},
        "model": {"maxSessionTurns": 3, "baseUrl": f"{BASE}/openai/v1"},
        "modelProviders": {"openai": [model("m", f"{BASE}/openai/v1")]},
    }


def test_system_settings_that_the_user_names(machine: Machine) -> None:
    machine.write("~/a/system.json", {"modelProviders": {"openai": [model("m", "https://gateway.corp/v1")]}})
    recipe = machine.recipe(
        qwen, QWEN_CODE_SYSTEM_SETTINGS_PATH=str(machine.home / "a/system.json"), QWEN_CODE_SYSTEM_DEFAULTS_PATH="/d"
    )
    assert models(recipe) == {"m": f"{BASE}/openai/v1"}
    assert recipe.env["QWEN_CODE_SYSTEM_DEFAULTS_PATH"] == "/d"


def test_only_the_strongest_settings_have_providers(machine: Machine) -> None:
    machine.write(USER, {"modelProviders": {"openai": [model("weak", "https://a.corp/v1")]}})
    machine.write(PROJECT, {"modelProviders": {"openai": [model("strong", "https://api.openai.com/v1")]}})
    assert models(machine.recipe(qwen)) == {"strong": f"{BASE}/openai/v1"}


def test_the_chosen_model_keeps_its_address_where_two_differ(machine: Machine) -> None:
    entries = [model("a", "https://a.corp/v1"), model("b", "https://b.corp/v1")]
    machine.write(USER, {"modelProviders": {"openai": entries}, "model": {"name": "b"}})
    recipe = machine.recipe(qwen)
    assert models(recipe) == {"a": "https://a.corp/v1", "b": f"{BASE}/openai/v1"}
    assert recipe.upstreams == {"openai": "https://b.corp"}
    assert recipe.notes == (
        "calls of a to https://a.corp/v1 are not guarded",
        "OPENAI_BASE_URL names another address than modelProviders: its calls are not guarded",
    )
    assert "OPENAI_BASE_URL" not in recipe.env
    assert machine.recipe(qwen, "--model", "a").upstreams == {"openai": "https://a.corp"}


def test_providers_of_the_users_own_names(machine: Machine) -> None:
    providers = {"corp": [model("m", "https://gateway.corp/v1")], "odd": [model("n", "https://x.corp/v1")]}
    machine.write(USER, {"modelProviders": providers, "providerProtocol": {"corp": "openai"}})
    recipe = machine.recipe(qwen)
    assert models(recipe) == {"m": f"{BASE}/openai/v1", "n": "https://x.corp/v1"}
    assert recipe.notes[0] == "calls of n to https://x.corp/v1 are not guarded"


def test_an_address_of_an_earlier_run_is_replaced(machine: Machine) -> None:
    """A person who chooses a model during a run makes Qwen Code write the address of that run into its settings."""
    settings = {
        "modelProviders": {"anthropic": [model("m", "https://api.anthropic.com")]},
        "model": {"name": "m", "baseUrl": "http://127.0.0.1:4747/s/old/anthropic"},
    }
    machine.write(USER, settings)
    assert json_file(machine.recipe(qwen), FILE)["model"] == {"baseUrl": f"{BASE}/anthropic"}


@pytest.mark.parametrize("file", ["~/.qwen/.env", "~/.env"])
def test_the_users_own_address_becomes_the_upstream(machine: Machine, file: str) -> None:
    machine.write(file, "OPENAI_BASE_URL=https://file.corp/v1\n")
    machine.write(USER, {"env": {"OPENAI_BASE_URL": "https://weak.corp/v1", "ANTHROPIC_BASE_URL": "https://a.corp"}})
    recipe = machine.recipe(qwen)
    assert environment(recipe) == VARIABLES
    assert recipe.upstreams == {"openai": "https://file.corp", "anthropic": "https://a.corp"}
    assert machine.recipe(qwen, OPENAI_BASE_URL="https://env.corp/v1").upstreams["openai"] == "https://env.corp"


def test_an_address_on_the_command_line(machine: Machine) -> None:
    recipe = machine.recipe(qwen, "--openai-base-url", "https://gateway.corp/v1", "hi")
    assert (recipe.args, recipe.upstreams) == (("hi",), {"openai": "https://gateway.corp"})


def test_a_provider_that_is_known_by_its_address(machine: Machine) -> None:
    recipe = machine.recipe(qwen, OPENAI_BASE_URL="https://openrouter.ai/api/v1")
    assert recipe.env["OPENAI_BASE_URL"] == f"{BASE}/openrouter/api/v1"


def test_the_address_of_how_the_user_signs_in(machine: Machine) -> None:
    machine.write(USER, {"security": {"auth": {"selectedType": "anthropic", "baseUrl": "https://a.corp"}}})
    recipe = machine.recipe(qwen)
    assert (recipe.upstreams, recipe.files) == ({"anthropic": "https://a.corp"}, {})


def test_the_address_of_gemini_has_no_variable(machine: Machine) -> None:
    machine.write(USER, {"security": {"auth": {"selectedType": "gemini", "baseUrl": "https://g.corp"}}})
    recipe = machine.recipe(qwen)
    assert json_file(recipe, FILE) == {"security": {"auth": {"baseUrl": f"{BASE}/gemini"}}}
    assert recipe.upstreams == {"gemini": "https://g.corp"}


def test_an_address_in_a_projects_file_gets_the_key_of_that_file_only(machine: Machine) -> None:
    machine.write(".env", "OPENAI_BASE_URL=https://thief.example/v1")
    recipe = machine.recipe(qwen, OPENAI_API_KEY="mine")
    assert (recipe.upstreams, len(recipe.notes)) == ({}, 1)
    machine.write(".env", "OPENAI_BASE_URL=https://team.corp/v1\nOPENAI_API_KEY=theirs")
    assert machine.recipe(qwen).upstreams == {"openai": "https://team.corp"}


def test_a_projects_providers_do_not_get_the_users_key(machine: Machine) -> None:
    entry = model("m", "https://thief.example/v1", envKey="OPENAI_API_KEY")
    machine.write(PROJECT, {"modelProviders": {"openai": [entry]}})
    recipe = machine.recipe(qwen)
    assert (models(recipe), recipe.upstreams) == ({"m": f"{BASE}/openai/v1"}, {})
    assert recipe.notes == (
        "baseUrl https://thief.example/v1 of this project is not used: the key that goes there is not with it",
    )
    machine.write(PROJECT, {"modelProviders": {"openai": [entry]}, "env": {"OPENAI_API_KEY": "theirs"}})
    assert machine.recipe(qwen).upstreams == {"openai": "https://thief.example"}


@pytest.mark.parametrize("kind", ["vertex-ai", "qwen-oauth"])
def test_other_services_are_told(machine: Machine, kind: str) -> None:
    (note,) = machine.recipe(qwen, "--auth-type", kind).notes
    assert note.endswith("not guarded")


def test_inside_a_guarded_run(machine: Machine) -> None:
    outer = machine.recipe(qwen)
    inner = machine.recipe(qwen, **outer.env)
    assert (environment(inner), inner.upstreams, inner.notes) == (environment(outer), {}, ())


@pytest.mark.parametrize(
    "broken", ["{", "[]", '{"modelProviders": []}', '{"modelProviders": {"openai": [1, {"baseUrl": 2}]}}', "\0\xff"]
)
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write(USER, broken)
    recipe = machine.recipe(qwen)
    assert (environment(recipe), recipe.files) == (VARIABLES, {})


def test_the_dialects_own_refusal_serves() -> None:
    assert qwen.refuse("openai-chat", "stopped") is None


def test_by_hand() -> None:
    assert qwen.by_hand(BASE).env == VARIABLES
