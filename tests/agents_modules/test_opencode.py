"""opencode's recipe: base URLs merged over the user's settings, for the providers that are set up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.agents_modules.support import BASE, Machine, environment
from tokenguard.agents import Recipe, opencode

VARIABLES = {"ANTHROPIC_BASE_URL": f"{BASE}/anthropic/v1", "OPENAI_BASE_URL": f"{BASE}/openai/v1"}
USER = "~/.config/opencode/opencode.json"


def content(recipe: Recipe) -> Any:
    return json.loads(recipe.env["OPENCODE_CONFIG_CONTENT"])


def urls(recipe: Recipe) -> dict[str, str]:
    """Provider -> the base URL that it gets."""
    return {name: entry["options"]["baseURL"] for name, entry in content(recipe)["provider"].items()}


def provider(name: str, url: str, **options: str) -> dict[str, Any]:
    return {"provider": {name: {"options": {"baseURL": url, **options}}}}


def test_a_key_in_the_environment(machine: Machine) -> None:
    recipe = machine.recipe(opencode, "run", "hi", ANTHROPIC_API_KEY="k")
    assert recipe.args == ("run", "hi")
    assert content(recipe) == provider("anthropic", f"{BASE}/anthropic/v1")
    assert environment(recipe).items() >= VARIABLES.items()
    assert (recipe.files, recipe.upstreams, recipe.notes) == ({}, {}, ())


def test_every_provider_that_is_known(machine: Machine) -> None:
    names = ("ANTHROPIC", "OPENAI", "GEMINI", "OPENROUTER", "MISTRAL", "XAI", "GROQ", "DEEPSEEK", "MOONSHOT")
    assert urls(machine.recipe(opencode, **{f"{name}_API_KEY": "k" for name in names})) == {
        "anthropic": f"{BASE}/anthropic/v1",
        "openai": f"{BASE}/openai/v1",
        "google": f"{BASE}/gemini/v1beta",
        "openrouter": f"{BASE}/openrouter/api/v1",
        "mistral": f"{BASE}/mistral/v1",
        "xai": f"{BASE}/xai/v1",
        "groq": f"{BASE}/groq/openai/v1",
        "deepseek": f"{BASE}/deepseek",
        "moonshotai": f"{BASE}/kimi/v1",
    }


def test_what_is_not_set_up_is_not_named(machine: Machine) -> None:
    """It would count as set up, and be asked without a key."""
    recipe = machine.recipe(opencode)
    assert content(recipe) == {"provider": {}}
    assert environment(recipe).items() >= VARIABLES.items()


def test_a_chatgpt_login_goes_to_chatgpt(machine: Machine) -> None:
    recipe = machine.recipe(opencode, OPENCODE_AUTH_CONTENT=json.dumps({"openai": {"type": "oauth"}}))
    assert urls(recipe) == {"openai": f"{BASE}/chatgpt"}


def test_logins_elsewhere_are_told(machine: Machine) -> None:
    machine.write("~/data/opencode/auth.json", {"zai": {"type": "api"}, "github-copilot": {"type": "oauth"}})
    recipe = machine.recipe(opencode, XDG_DATA_HOME=str(machine.home / "data"))
    assert content(recipe) == {"provider": {}}
    (note,) = recipe.notes
    assert "github-copilot, zai are not guarded" in note


@pytest.mark.parametrize(
    "args", [("attach", "http://localhost:4096"), ("run", "--attach", "http://localhost:4096", "hi")]
)
def test_a_server_that_runs_already_is_told(machine: Machine, args: tuple[str, ...]) -> None:
    (note,) = machine.recipe(opencode, *args).notes
    assert note.endswith("not guarded")


def test_a_variable_names_the_address_where_no_settings_do(machine: Machine) -> None:
    machine.write(USER, provider("openai", "https://file.corp/v1"))
    recipe = machine.recipe(
        opencode, ANTHROPIC_BASE_URL="https://a.corp/v1", OPENAI_BASE_URL="https://o.corp/v1", ANTHROPIC_API_KEY="k"
    )
    assert recipe.upstreams == {"anthropic": "https://a.corp", "openai": "https://file.corp"}


def test_what_the_user_passed_stays(machine: Machine) -> None:
    passed = {"model": "x/y", "provider": {"anthropic": {"options": {"baseURL": "https://a.corp/v1", "timeout": 1}}}}
    recipe = machine.recipe(opencode, OPENCODE_CONFIG_CONTENT=json.dumps(passed))
    assert content(recipe) == {
        "model": "x/y",
        "provider": {"anthropic": {"options": {"baseURL": f"{BASE}/anthropic/v1", "timeout": 1}}},
    }
    assert recipe.upstreams == {"anthropic": "https://a.corp"}


def test_providers_of_the_users_own(machine: Machine) -> None:
    providers: dict[str, Any] = {
        "mine": {"options": {"baseURL": "https://api.openai.com/v1"}},
        "local": {"options": {"baseURL": "http://127.0.0.1:8080/v1"}},
        "zai": {"models": {}},
    }
    machine.write(USER, {"provider": providers})
    recipe = machine.recipe(opencode)
    assert urls(recipe) == {"mine": f"{BASE}/openai/v1"}
    (note,) = recipe.notes
    assert "local, zai are not guarded" in note


def test_no_key_goes_to_the_address_of_another_provider(machine: Machine) -> None:
    entries = provider("openai", "https://gateway.corp/v1")["provider"]
    machine.write(USER, {"provider": {**entries, **provider("mine", "https://api.openai.com/v1")["provider"]}})
    recipe = machine.recipe(opencode)
    assert (urls(recipe), recipe.upstreams) == ({"openai": f"{BASE}/openai/v1"}, {"openai": "https://gateway.corp"})
    assert "mine" in recipe.notes[0]


def test_inside_a_guarded_run(machine: Machine) -> None:
    outer = machine.recipe(opencode, ANTHROPIC_API_KEY="k")
    inner = machine.recipe(opencode, **{**outer.env, "ANTHROPIC_API_KEY": "k"})
    assert (content(inner), inner.upstreams) == (content(outer), {})


def test_the_dialects_own_refusal_serves() -> None:
    assert opencode.refuse("anthropic-messages", "stopped") is None


def test_by_hand() -> None:
    ((file, text),) = opencode.by_hand(BASE).settings
    assert file == USER
    assert json.loads(text)["provider"]["google"]["options"]["baseURL"] == f"{BASE}/gemini/v1beta"
