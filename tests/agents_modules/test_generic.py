"""Any command: the usual variables, and what they said before."""

from __future__ import annotations

from tests.agents_modules.support import BASE, Machine, environment
from tokenguard.agents import generic


def test_without_variables(machine: Machine) -> None:
    recipe = machine.recipe(generic, "--model", "x")
    assert recipe.args == ("--model", "x")
    assert environment(recipe) == {
        "ANTHROPIC_BASE_URL": f"{BASE}/anthropic",
        "ANTHROPIC_API_BASE": f"{BASE}/anthropic",
        "OPENAI_BASE_URL": f"{BASE}/openai/v1",
        "OPENAI_API_BASE": f"{BASE}/openai/v1",
        "GOOGLE_GEMINI_BASE_URL": f"{BASE}/gemini",
        "OPENROUTER_BASE_URL": f"{BASE}/openrouter/api/v1",
        "OPENROUTER_API_BASE": f"{BASE}/openrouter/api/v1",
        "KIMI_BASE_URL": f"{BASE}/kimi/v1",
    }
    assert (recipe.upstreams, recipe.notes) == ({}, ())


def test_an_address_of_the_users_becomes_the_upstream(machine: Machine) -> None:
    recipe = machine.recipe(generic, OPENAI_BASE_URL="https://llm.corp/v1", OPENAI_API_BASE="https://llm.corp/v1/")
    assert recipe.upstreams == {"openai": "https://llm.corp"}
    assert recipe.env["OPENAI_BASE_URL"] == recipe.env["OPENAI_API_BASE"] == f"{BASE}/openai/v1"


def test_an_address_of_a_provider_that_we_know_leads_there(machine: Machine) -> None:
    recipe = machine.recipe(generic, OPENAI_BASE_URL="https://openrouter.ai/api/v1")
    assert recipe.env["OPENAI_BASE_URL"] == f"{BASE}/openrouter/api/v1"
    assert recipe.env["OPENAI_API_BASE"] == f"{BASE}/openai/v1"
    assert recipe.upstreams == {}


def test_two_addresses_for_one_provider_are_told(machine: Machine) -> None:
    """The second one's key must not go to the first one's host."""
    recipe = machine.recipe(generic, OPENAI_BASE_URL="https://one.corp/v1", OPENAI_API_BASE="https://two.corp/v1")
    assert recipe.upstreams == {"openai": "https://one.corp"}
    assert "OPENAI_API_BASE" not in recipe.env
    assert recipe.notes[0].startswith("OPENAI_API_BASE ")


def test_inside_a_guarded_run_the_outer_address_is_not_the_upstream(machine: Machine) -> None:
    recipe = machine.recipe(generic, ANTHROPIC_BASE_URL="http://127.0.0.1:4747/s/outer/anthropic")
    assert (recipe.env["ANTHROPIC_BASE_URL"], recipe.upstreams) == (f"{BASE}/anthropic", {})
