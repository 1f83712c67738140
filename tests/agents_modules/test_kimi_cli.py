"""Kimi CLI's recipe: a copy of the user's settings, in which the addresses are ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents_modules.support import BASE, Machine, environment, json_file
from tokenguard.agents import kimi_cli
from tokenguard.agents.shape import Recipe

MAIN = "~/.kimi/config.toml"
OWN = '[providers.own]\ntype = "kimi"\nbase_url = "https://api.moonshot.ai/v1"\napi_key = "k"\n'
MODEL = '[models.main]\nprovider = "own"\nmodel = "kimi-k3"\nmax_context_size = 1000\n'


def settings(recipe: Recipe) -> Any:
    return json_file(recipe, "kimi-cli.json")


def addresses(recipe: Recipe) -> dict[str, str | None]:
    return {name: one["base_url"] for name, one in settings(recipe)["providers"].items()}


def test_a_copy_with_our_address(machine: Machine) -> None:
    machine.write(MAIN, f'default_model = "main" # why\n{OWN}{MODEL}')
    recipe = machine.recipe(kimi_cli, "-p", "hi")
    assert recipe.args == ("--config-file", str(machine.private / "kimi-cli.json"), "-p", "hi")
    assert settings(recipe) == {
        "default_model": "main",
        "providers": {"own": {"type": "kimi", "base_url": f"{BASE}/kimi/v1", "api_key": "k"}},
        "models": {"main": {"provider": "own", "model": "kimi-k3", "max_context_size": 1000}},
    }
    assert (environment(recipe), recipe.upstreams, recipe.notes) == ({}, {}, ())


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        ("openai_legacy", "openai/v1"),
        ("openai_responses", "openai/v1"),
        ("anthropic", "anthropic"),
        ("gemini", "gemini"),
        ("google_genai", "gemini"),
    ],
)
def test_types_of_providers(machine: Machine, kind: str, way: str) -> None:
    machine.write(MAIN, f'[providers.own]\ntype = "{kind}"\n')
    assert addresses(machine.recipe(kimi_cli)) == {"own": f"{BASE}/{way}"}


def test_the_users_own_address_becomes_the_upstream(machine: Machine) -> None:
    machine.write(MAIN, OWN.replace("api.moonshot.ai", "kimi.corp"))
    recipe = machine.recipe(kimi_cli)
    assert addresses(recipe) == {"own": f"{BASE}/kimi/v1"}
    assert recipe.upstreams == {"kimi": "https://kimi.corp"}


def test_a_variable_wins_over_the_file(machine: Machine) -> None:
    machine.write(MAIN, OWN)
    recipe = machine.recipe(kimi_cli, KIMI_BASE_URL="https://kimi.corp/v1")
    assert environment(recipe) == {"KIMI_BASE_URL": f"{BASE}/kimi/v1"}
    assert addresses(recipe) == {"own": f"{BASE}/kimi/v1"}
    assert (recipe.upstreams, recipe.notes) == ({"kimi": "https://kimi.corp"}, ())


@pytest.mark.parametrize("given", [("--config-file", "mine.toml"), ("--config-file=mine.json",), ("--config", OWN)])
def test_settings_that_the_user_passes(machine: Machine, given: tuple[str, ...]) -> None:
    machine.write(MAIN, OWN.replace("own", "other"))
    machine.write("mine.toml", OWN)
    machine.write("mine.json", {"providers": {"own": {"type": "kimi"}}})
    recipe = machine.recipe(kimi_cli, "-y", *given, "-p", "hi")
    assert recipe.args[2:] == ("-y", "-p", "hi")
    assert addresses(recipe) == {"own": f"{BASE}/kimi/v1"}


def test_another_home(machine: Machine) -> None:
    machine.write("~/elsewhere/config.toml", OWN)
    recipe = machine.recipe(kimi_cli, KIMI_SHARE_DIR=str(machine.home / "elsewhere"))
    assert addresses(recipe) == {"own": f"{BASE}/kimi/v1"}


def test_a_login_is_told(machine: Machine) -> None:
    oauth = 'oauth = {storage = "file", key = "oauth/kimi-code"}\n'
    machine.write(MAIN, OWN.replace("https://api.moonshot.ai/v1", "https://api.kimi.com/coding/v1") + oauth)
    recipe = machine.recipe(kimi_cli)
    assert addresses(recipe) == {"own": "https://api.kimi.com/coding/v1"}
    assert recipe.notes == ("Kimi CLI's provider own is used by a login: its calls are not guarded",)


def test_a_second_address_for_one_provider_is_told(machine: Machine) -> None:
    machine.write(MAIN, OWN + '[providers.b]\ntype = "kimi"\nbase_url = "https://two.corp/v1"\n')
    recipe = machine.recipe(kimi_cli)
    assert addresses(recipe) == {"own": f"{BASE}/kimi/v1", "b": "https://two.corp/v1"}
    assert recipe.notes == ("Kimi CLI's provider b is at https://two.corp/v1: its calls are not guarded",)


@pytest.mark.parametrize("command", ["acp", "term", "web"])
def test_servers_are_told(machine: Machine, command: str) -> None:
    machine.write(MAIN, OWN)
    recipe = machine.recipe(kimi_cli, command)
    assert (recipe.args, recipe.files) == ((command,), {})
    assert "guarded" in recipe.notes[0]


@pytest.mark.parametrize("broken", ["=", "providers = 5", "providers = {a = 5}", "", "\0\xff"])
def test_settings_that_cannot_be_read_are_left_to_kimi(machine: Machine, broken: str) -> None:
    machine.write(MAIN, broken)
    recipe = machine.recipe(kimi_cli, "-p", "hi")
    assert (recipe.args, recipe.files) == (("-p", "hi"), {})
    assert "finds no provider" in recipe.notes[0]


def test_the_dialects_own_refusal_serves() -> None:
    assert kimi_cli.refuse("openai-chat", "stopped") is None
