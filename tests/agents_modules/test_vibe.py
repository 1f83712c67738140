"""Mistral Vibe's recipe: one variable with all providers of the user's, and our addresses in them."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from tests.agents_modules.support import BASE, Machine, environment
from tokenguard.agents import Recipe, vibe

MISTRAL = {
    "name": "mistral",
    "api_base": f"{BASE}/mistral/v1",
    "api_key_env_var": "MISTRAL_API_KEY",
    "backend": "mistral",
}


def providers(recipe: Recipe) -> dict[str, Any]:
    """What the variable says, by name."""
    return {one["name"]: one for one in json.loads(recipe.env["VIBE_PROVIDERS"])}


def provider(name: str, url: str, *, more: str = "") -> str:
    return f'[[providers]]\nname = "{name}"\napi_base = "{url}"\napi_key_env_var = "A_KEY"\n{more}\n'


def test_without_settings(machine: Machine) -> None:
    recipe = machine.recipe(vibe, "--prompt", "hi", MISTRAL_API_KEY="k")
    assert (recipe.args, set(environment(recipe))) == (("--prompt", "hi"), {"VIBE_PROVIDERS"})
    assert providers(recipe) == {"mistral": MISTRAL}
    assert (recipe.files, recipe.upstreams, recipe.notes) == ({}, {}, ())


def test_the_users_providers_stay_as_they_are_but_for_their_addresses(machine: Machine) -> None:
    machine.write(
        "~/.vibe/config.toml",
        provider("claude", "https://api.anthropic.com", more='api_style = "anthropic"\nextra_headers = { A = "b" }')
        + provider("router", "https://openrouter.ai/api/v1")
        + provider("corp", "https://llm.corp/v1", more='api_style = "openai-responses"'),
    )
    recipe = machine.recipe(vibe)
    found = providers(recipe)
    assert {name: one["api_base"] for name, one in found.items()} == {
        "mistral": f"{BASE}/mistral/v1",
        "claude": f"{BASE}/anthropic",
        "router": f"{BASE}/openrouter/api/v1",
        "corp": f"{BASE}/openai/v1",
    }
    assert found["claude"]["extra_headers"] == {"A": "b"}
    assert (recipe.upstreams, recipe.notes) == ({"openai": "https://llm.corp"}, ())


def test_the_users_own_address_of_mistral(machine: Machine) -> None:
    machine.write("~/.vibe/config.toml", provider("mistral", "https://llm.corp/mistral/v1/"))
    recipe = machine.recipe(vibe)
    assert providers(recipe)["mistral"] == {
        "name": "mistral",
        "api_base": f"{BASE}/mistral/v1",
        "api_key_env_var": "A_KEY",
    }
    assert recipe.upstreams == {"mistral": "https://llm.corp/mistral"}


def test_a_server_of_the_users_own_is_left_alone(machine: Machine) -> None:
    """Nobody is paid for it, and it must not take the place of a provider."""
    llama = '[[providers]]\nname = "llamacpp"\napi_base = "http://127.0.0.1:8080/v1"\napi_key_env_var = ""\n'
    machine.write("~/.vibe/config.toml", llama)
    recipe = machine.recipe(vibe)
    assert providers(recipe)["llamacpp"]["api_base"] == "http://127.0.0.1:8080/v1"
    assert (recipe.upstreams, recipe.notes) == ({}, ())


def test_no_provider_takes_the_place_of_one_that_we_know(machine: Machine) -> None:
    """Its key would go to the other one's host."""
    machine.write(
        "~/.vibe/config.toml", provider("corp", "https://llm.corp/v1") + provider("openai", "https://api.openai.com/v1")
    )
    recipe = machine.recipe(vibe)
    found = providers(recipe)
    assert found["openai"]["api_base"] == f"{BASE}/openai/v1"
    assert found["corp"]["api_base"] == "https://llm.corp/v1"
    assert recipe.upstreams == {}
    assert recipe.notes == ("Vibe's provider corp cannot be led through tokenguard: its calls are not guarded",)


def test_vertex_is_told(machine: Machine) -> None:
    machine.write("~/.vibe/config.toml", '[[providers]]\nname = "gcp"\napi_base = ""\napi_style = "vertex-anthropic"\n')
    (note,) = machine.recipe(vibe).notes
    assert "gcp" in note


def test_the_environment_wins_over_the_file(machine: Machine) -> None:
    machine.write("~/.vibe/config.toml", provider("corp", "https://one.corp/v1"))
    listed = json.dumps([{"name": "corp", "api_base": "https://two.corp/v1", "api_key_env_var": "K"}, 5])
    assert machine.recipe(vibe, VIBE_PROVIDERS=listed).upstreams == {"openai": "https://two.corp"}


@pytest.mark.parametrize(
    ("trusted", "args", "counts"),
    [
        ("", (), False),
        ("", ("--trust",), True),
        ('trusted = ["{project}"]', (), True),
        ('trusted = ["{parent}"]', (), True),
        ('trusted = ["{parent}"]\nuntrusted = ["{project}"]', (), False),
    ],
)
def test_a_folders_settings_count_where_the_user_trusts_it(
    machine: Machine, trusted: str, args: tuple[str, ...], counts: bool
) -> None:
    machine.write(".vibe/config.toml", provider("mistral", "https://evil.example/v1"))
    places = {"project": machine.project, "parent": machine.project.parent}
    machine.write("~/.vibe/trusted_folders.toml", trusted.format(**places))
    assert machine.recipe(vibe, *args).upstreams == ({"mistral": "https://evil.example"} if counts else {})


def test_another_home(machine: Machine) -> None:
    machine.write("~/elsewhere/config.toml", provider("mistral", "https://llm.corp/v1"))
    recipe = machine.recipe(vibe, VIBE_HOME=str(machine.home / "elsewhere"))
    assert recipe.upstreams == {"mistral": "https://llm.corp"}


@pytest.mark.parametrize("broken", ["[", "providers = 5", "[[providers]]\nname = 5", "\0\xff"])
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write("~/.vibe/config.toml", broken)
    assert providers(machine.recipe(vibe, VIBE_PROVIDERS="{")) == {"mistral": MISTRAL}


def test_the_dialects_own_refusal_serves() -> None:
    assert vibe.refuse("openai-chat", "stopped") is None


def test_by_hand() -> None:
    ((file, text),) = vibe.by_hand(BASE).settings
    assert (file, tomllib.loads(text)["providers"]) == ("~/.vibe/config.toml", [MISTRAL])
