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
FILE = "qwen-settings.json"


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


def test_providers_in_settings_are_rewritten(machine: Machine, qwen_system: Path) -> None:
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
        "QWEN_CODE_SYSTEM_DEFAULTS_PATH": str(qwen_system.with_name("system-defaults.json")),
    }
    assert json_file(recipe, FILE) == {
        "modelProviders": {
            "anthropic": [model("claude", f"{BASE}/anthropic", envKey="K", description="d")],
            "openai": [model("sonnet", f"{BASE}/openrouter/api/v1"), {"id": "plain"}],
            "gemini": [model("flash", f"{BASE}/gemini")],
        }
    }
    assert (recipe.upstreams, recipe.notes) == ({}, ())


def test_the_administrators_settings_stay(machine: Machine, qwen_system: Path) -> None:
    theirs = {"tools": {"sandbox": False}, "model": {"maxSessionTurns": 3}}
    qwen_system.write_text(json.dumps(theirs))
    url = "https://gateway.corp/v1"
    settings = {"modelProviders": {"openai": [model("m", url)]}, "model": {"name": "m", "baseUrl": url}}
    machine.write(USER, settings)
    assert json_file(machine.recipe(qwen), FILE) == {
        "tools": {"sandbox": False},
        "model": {"maxSessionTurns": 3, "baseUrl": f"{BASE}/openai/v1"},
        "modelProviders": {"openai": [model("m", f"{BASE}/openai/v1")]},
    }


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


def test_an_address_of_an_earlier_run_is_replaced(machine: Machine) -> None:
    """A person who chooses a model during a run makes Qwen Code write the address of that run into its settings."""
    settings = {
        "modelProviders": {"anthropic": [model("m", "https://api.anthropic.com")]},
        "model": {"name": "m", "baseUrl": "http://127.0.0.1:4747/s/old/anthropic"},
    }
    machine.write(USER, settings)
    assert json_file(machine.recipe(qwen), FILE)["model"] == {"baseUrl": f"{BASE}/anthropic"}


def test_an_address_on_the_command_line(machine: Machine) -> None:
    recipe = machine.recipe(qwen, "--openai-base-url", "https://gateway.corp/v1", "hi")
    assert (recipe.args, recipe.upstreams) == (("hi",), {"openai": "https://gateway.corp"})


def test_a_provider_that_is_known_by_its_address(machine: Machine) -> None:
    recipe = machine.recipe(qwen, OPENAI_BASE_URL="https://openrouter.ai/api/v1")
    assert recipe.env["OPENAI_BASE_URL"] == f"{BASE}/openrouter/api/v1"


def test_the_address_of_gemini_has_no_variable(machine: Machine) -> None:
    machine.write(USER, {"security": {"auth": {"selectedType": "gemini", "baseUrl": "https://g.corp"}}})
    recipe = machine.recipe(qwen)
    assert json_file(recipe, FILE) == {"security": {"auth": {"baseUrl": f"{BASE}/gemini"}}}
    assert recipe.upstreams == {"gemini": "https://g.corp"}


@pytest.mark.parametrize("kind", ["vertex-ai", "qwen-oauth"])
def test_other_services_are_told(machine: Machine, kind: str) -> None:
    (note,) = machine.recipe(qwen, "--auth-type", kind).notes
    assert note.endswith("not guarded")


def test_inside_a_guarded_run(machine: Machine) -> None:
    outer = machine.recipe(qwen)
    inner = machine.recipe(qwen, **outer.env)
    assert (environment(inner), inner.upstreams, inner.notes) == (environment(outer), {}, ())


def test_the_dialects_own_refusal_serves() -> None:
    assert qwen.refuse("openai-chat", "stopped") is None


def test_by_hand() -> None:
    assert qwen.by_hand(BASE).env == VARIABLES
