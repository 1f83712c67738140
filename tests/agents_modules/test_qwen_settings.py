"""Which of Qwen Code's settings count, and who may name where keys go."""

from __future__ import annotations

import pytest

from tests.agents_modules.support import BASE, Machine, environment
from tests.agents_modules.test_qwen import USER, VARIABLES, model, models
from tokenguard.agents import qwen

PROJECT = ".qwen/settings.json"


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


def test_providers_of_the_users_own_names(machine: Machine) -> None:
    providers = {"corp": [model("m", "https://gateway.corp/v1")], "odd": [model("n", "https://x.corp/v1")]}
    machine.write(USER, {"modelProviders": providers, "providerProtocol": {"corp": "openai"}})
    recipe = machine.recipe(qwen)
    assert models(recipe) == {"m": f"{BASE}/openai/v1", "n": "https://x.corp/v1"}
    assert recipe.notes[0] == "calls of n to https://x.corp/v1 are not guarded"


@pytest.mark.parametrize("file", ["~/.qwen/.env", "~/.env"])
def test_the_users_own_address_becomes_the_upstream(machine: Machine, file: str) -> None:
    machine.write(file, "OPENAI_BASE_URL=https://file.corp/v1\n")
    machine.write(USER, {"env": {"OPENAI_BASE_URL": "https://weak.corp/v1", "ANTHROPIC_BASE_URL": "https://a.corp"}})
    recipe = machine.recipe(qwen)
    assert environment(recipe) == VARIABLES
    assert recipe.upstreams == {"openai": "https://file.corp", "anthropic": "https://a.corp"}
    assert machine.recipe(qwen, OPENAI_BASE_URL="https://env.corp/v1").upstreams["openai"] == "https://env.corp"


def test_the_address_of_how_the_user_signs_in(machine: Machine) -> None:
    machine.write(USER, {"security": {"auth": {"selectedType": "anthropic", "baseUrl": "https://a.corp"}}})
    recipe = machine.recipe(qwen)
    assert (recipe.upstreams, recipe.files) == ({"anthropic": "https://a.corp"}, {})


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


@pytest.mark.parametrize(
    "broken", ["{", "[]", '{"modelProviders": []}', '{"modelProviders": {"openai": [1, {"baseUrl": 2}]}}', "\0\xff"]
)
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write(USER, broken)
    recipe = machine.recipe(qwen)
    assert (environment(recipe), recipe.files) == (VARIABLES, {})
