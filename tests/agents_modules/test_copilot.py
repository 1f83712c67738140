"""Copilot's recipe: one provider by a variable, several by a copy of the user's file."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents_modules.support import BASE, Machine, environment, json_file
from tokenguard.agents import copilot
from tokenguard.agents.shape import Recipe

URL = "COPILOT_PROVIDER_BASE_URL"
TYPE = "COPILOT_PROVIDER_TYPE"
LIST = "COPILOT_PROVIDERS_CONFIG"
CLAUDE = {"name": "claude", "type": "anthropic", "baseUrl": "https://api.anthropic.com", "apiKey": "k"}
GPT = {"name": "gpt", "baseUrl": "https://llm.corp/v1", "wireApi": "responses"}


def settings(recipe: Recipe) -> Any:
    return json_file(recipe, "copilot-providers.json")


@pytest.mark.parametrize("kind", [{}, {TYPE: "openai"}, {TYPE: "OpenAI"}])
def test_an_address_for_openai(machine: Machine, kind: dict[str, str]) -> None:
    recipe = machine.recipe(copilot, "-p", "hi", **{URL: "https://api.openai.com/v1/"}, **kind)
    assert (recipe.args, environment(recipe)) == (("-p", "hi"), {URL: f"{BASE}/openai/v1"})
    assert (recipe.files, recipe.upstreams, recipe.notes) == ({}, {}, ())


def test_an_address_for_anthropic(machine: Machine) -> None:
    recipe = machine.recipe(copilot, **{URL: "https://claude.corp/", TYPE: "anthropic"})
    assert environment(recipe) == {URL: f"{BASE}/anthropic"}
    assert recipe.upstreams == {"anthropic": "https://claude.corp"}


def test_an_address_of_another_provider_leads_there(machine: Machine) -> None:
    recipe = machine.recipe(copilot, **{URL: "https://openrouter.ai/api/v1"})
    assert environment(recipe) == {URL: f"{BASE}/openrouter/api/v1"}


def test_azure_is_told(machine: Machine) -> None:
    recipe = machine.recipe(copilot, **{URL: "https://x.openai.azure.com", TYPE: "azure"})
    assert environment(recipe) == {}
    assert recipe.notes == ("Copilot's provider is at https://x.openai.azure.com: its calls are not guarded",)


def test_a_github_plan_is_told(machine: Machine) -> None:
    recipe = machine.recipe(copilot)
    assert environment(recipe) == {}
    (note,) = recipe.notes
    assert "GitHub" in note and note.endswith("not guarded")


def test_a_file_of_providers(machine: Machine) -> None:
    models = [{"id": "claude-opus-5-5", "provider": "claude"}]
    machine.write("~/.copilot/providers.json", {"providers": [CLAUDE, GPT], "models": models})
    recipe = machine.recipe(copilot)
    assert environment(recipe) == {LIST: str(machine.private / "copilot-providers.json")}
    assert settings(recipe) == {
        "providers": [{**CLAUDE, "baseUrl": f"{BASE}/anthropic"}, {**GPT, "baseUrl": f"{BASE}/openai/v1"}],
        "models": models,
    }
    assert recipe.upstreams == {"openai": "https://llm.corp"}
    assert recipe.notes == ()


def test_the_variable_wins_over_a_file_that_nobody_named(machine: Machine) -> None:
    machine.write("~/.copilot/providers.json", {"providers": [CLAUDE]})
    assert environment(machine.recipe(copilot, **{URL: "https://api.openai.com/v1"})) == {URL: f"{BASE}/openai/v1"}


def test_a_file_that_is_named_wins_over_the_variable(machine: Machine) -> None:
    machine.write("mine.json", {"providers": [CLAUDE]})
    recipe = machine.recipe(copilot, **{URL: "https://api.openai.com/v1", LIST: "mine.json"})
    assert environment(recipe) == {LIST: str(machine.private / "copilot-providers.json")}


def test_another_home(machine: Machine) -> None:
    machine.write("~/elsewhere/providers.json", {"providers": [CLAUDE]})
    recipe = machine.recipe(copilot, COPILOT_HOME=str(machine.home / "elsewhere"))
    assert settings(recipe)["providers"][0]["baseUrl"] == f"{BASE}/anthropic"


@pytest.mark.parametrize(
    "entry", [{**GPT, "name": "second", "baseUrl": "https://two.corp/v1"}, {"name": "second", "type": "azure"}, {}, 5]
)
def test_what_we_know_no_way_to_stays(machine: Machine, entry: Any) -> None:
    machine.write("~/.copilot/providers.json", {"providers": [GPT, entry]})
    recipe = machine.recipe(copilot)
    assert settings(recipe)["providers"][1] == entry
    assert recipe.upstreams == {"openai": "https://llm.corp"}
    assert len(recipe.notes) == isinstance(entry, dict)


def test_the_proxy_of_its_settings(machine: Machine) -> None:
    machine.write("~/.copilot/settings.json", {"proxyUrl": "http://corp:3128"})
    corp = {"HTTPS_PROXY": "http://corp:3128", "HTTP_PROXY": "http://corp:3128"}
    assert machine.recipe(copilot).network == corp
    assert machine.recipe(copilot, http_proxy="http://other").network == {"http_proxy": "http://other"}


@pytest.mark.parametrize("broken", ["{", "[]", '{"providers": 5}', '{"providers": []}', "\0\xff"])
def test_broken_files_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write("~/.copilot/providers.json", broken)
    recipe = machine.recipe(copilot)
    assert (recipe.files, environment(recipe), len(recipe.notes)) == ({}, {}, 1)


def test_the_dialects_own_refusal_serves() -> None:
    assert copilot.refuse("openai-chat", "stopped") is None
