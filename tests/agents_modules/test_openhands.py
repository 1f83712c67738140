"""OpenHands' recipe: one base URL for the provider of its model, in the environment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents_modules.support import BASE, Machine, environment
from tokenguard.agents import openhands

FLAG = "--override-with-envs"


def save(machine: Machine, model: str, url: str | None = None, *, sums_up: str | None = None) -> None:
    """Its settings, as it has saved them."""
    llm: dict[str, Any] = {"model": model, "api_key": "k", "base_url": url}
    condenser = {"kind": "LLMSummarizingCondenser", "llm": llm | {"model": sums_up or model}}
    machine.write("~/.openhands/agent_settings.json", {"llm": llm, "condenser": condenser})


@pytest.mark.parametrize(
    ("model", "address"),
    [
        ("anthropic/claude-opus-5-5", "anthropic"),
        ("claude-opus-5-5", "anthropic"),
        ("openai/gpt-6.1-sol", "openai/v1"),
        ("o4-mini", "openai/v1"),
        ("gemini/gemini-3.8-flash", "gemini/v1beta"),
        ("openrouter/anthropic/claude-opus-5-5", "openrouter/api/v1"),
        ("mistral/devstral-2512", "mistral/v1"),
        ("moonshot/kimi-k2", "kimi/v1"),
    ],
)
def test_saved_settings_keep_their_key_and_model(machine: Machine, model: str, address: str) -> None:
    save(machine, model)
    recipe = machine.recipe(openhands, "-t", "hi", LLM_API_KEY="not used", LLM_MODEL="not used")
    assert recipe.args == ("-t", "hi", FLAG)
    assert environment(recipe) == {"LLM_BASE_URL": f"{BASE}/{address}", "LLM_API_KEY": "", "LLM_MODEL": ""}
    assert (recipe.upstreams, recipe.notes) == ({}, ())


def test_what_the_user_has_in_the_environment_counts_with_the_flag(machine: Machine) -> None:
    save(machine, "openai/gpt-6.1-sol")
    recipe = machine.recipe(openhands, FLAG, "-t", "hi", LLM_API_KEY="k", LLM_MODEL="anthropic/claude-opus-5-5")
    assert recipe.args == (FLAG, "-t", "hi")
    assert environment(recipe) == {"LLM_BASE_URL": f"{BASE}/anthropic"}


@pytest.mark.parametrize("saved", [True, False])
def test_the_users_own_address_becomes_the_upstream(machine: Machine, saved: bool) -> None:
    save(machine, "openai/gpt-6.1-sol", "https://llm.corp/v1" if saved else "https://not.used/v1")
    env = {} if saved else {"LLM_BASE_URL": "https://llm.corp/v1/"}
    recipe = machine.recipe(openhands, *(() if saved else (FLAG,)), **env)
    assert recipe.env["LLM_BASE_URL"] == f"{BASE}/openai/v1"
    assert recipe.upstreams == {"openai": "https://llm.corp"}


def test_a_subcommand_gets_the_flag_behind_it(machine: Machine) -> None:
    save(machine, "claude-opus-5-5")
    assert machine.recipe(openhands, "acp").args == ("acp", FLAG)


@pytest.mark.parametrize(
    ("model", "sums_up"),
    [
        ("openhands/claude-opus-5-5", None),
        ("bedrock/claude-opus-5-5", None),
        ("some-model", None),
        ("anthropic/claude-opus-5-5", "openai/gpt-6.1-sol"),
    ],
)
def test_models_that_one_address_does_not_reach_are_told(machine: Machine, model: str, sums_up: str | None) -> None:
    save(machine, model, sums_up=sums_up)
    recipe = machine.recipe(openhands, "-t", "hi")
    assert (recipe.args, environment(recipe), recipe.upstreams) == (("-t", "hi"), {}, {})
    (note,) = recipe.notes
    assert model in note and note.endswith("not guarded")


@pytest.mark.parametrize("command", ["cloud", "serve", "web"])
def test_what_it_starts_elsewhere_is_told(machine: Machine, command: str) -> None:
    save(machine, "claude-opus-5-5")
    recipe = machine.recipe(openhands, command)
    assert (recipe.args, environment(recipe), len(recipe.notes)) == ((command,), {}, 1)


def test_what_asks_no_model_gets_no_flag(machine: Machine) -> None:
    save(machine, "claude-opus-5-5")
    recipe = machine.recipe(openhands, "mcp", "list")
    assert (recipe.args, environment(recipe), recipe.notes) == (("mcp", "list"), {}, ())


def test_the_first_start_is_told(machine: Machine) -> None:
    """It asks a person for settings, and with the flag it would end instead."""
    recipe = machine.recipe(openhands)
    assert (recipe.args, environment(recipe)) == ((), {})
    assert recipe.notes == ("OpenHands has no settings yet: its calls are not guarded",)


def test_another_folder_of_settings(machine: Machine) -> None:
    machine.write("~/elsewhere/agent_settings.json", {"llm": {"model": "claude-opus-5-5"}})
    recipe = machine.recipe(openhands, OPENHANDS_PERSISTENCE_DIR=str(machine.home / "elsewhere"))
    assert recipe.args == (FLAG,)


@pytest.mark.parametrize("broken", ["{", "[]", '{"llm": 5}', "\0\xff"])
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write("~/.openhands/agent_settings.json", broken)
    assert machine.recipe(openhands).args == ()


def test_the_dialects_own_refusal_serves() -> None:
    assert openhands.refuse("anthropic-messages", "stopped") is None


def test_by_hand() -> None:
    (note,) = openhands.by_hand(BASE).notes
    assert f"anthropic/... {BASE}/anthropic" in note and f"openai/... {BASE}/openai/v1" in note
