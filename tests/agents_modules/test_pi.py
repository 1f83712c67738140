"""pi's recipe: an extension that names other base URLs."""

from __future__ import annotations

import json
import re

import pytest

from tests.agents_modules.support import BASE, Machine, environment
from tokenguard.agents import Recipe, pi

MODELS = "~/.pi/agent/models.json"
AUTH = "~/.pi/agent/auth.json"
KNOWN = {
    "anthropic": f"{BASE}/anthropic",
    "openai": f"{BASE}/openai/v1",
    "google": f"{BASE}/gemini/v1beta",
    "openrouter": f"{BASE}/openrouter/api/v1",
    "mistral": f"{BASE}/mistral",
    "xai": f"{BASE}/xai/v1",
    "groq": f"{BASE}/groq/openai/v1",
    "deepseek": f"{BASE}/deepseek",
    "moonshotai": f"{BASE}/kimi/v1",
}


def registered(recipe: Recipe) -> dict[str, str]:
    """Provider -> base URL, as the extension says it."""
    return dict(
        re.findall(r'pi\.registerProvider\("([^"]+)", \{ baseUrl: "([^"]+)" \}\);', recipe.files["tokenguard.mjs"])
    )


def providers(machine: Machine, **entries: object) -> None:
    machine.write(MODELS, {"providers": entries})


def test_an_extension_names_every_provider_that_is_known(machine: Machine) -> None:
    recipe = machine.recipe(pi, "-p", "hi")
    assert recipe.args == ("-e", str(machine.private / "tokenguard.mjs"), "-p", "hi")
    assert registered(recipe) == KNOWN
    assert recipe.files["tokenguard.mjs"].startswith("export default function (pi) {\n")
    assert (environment(recipe), recipe.upstreams, recipe.notes) == ({}, {}, ())


@pytest.mark.parametrize("command", ["install", "remove", "uninstall", "update", "list", "config"])
def test_commands_that_ask_no_model_stay_as_they_are(machine: Machine, command: str) -> None:
    recipe = machine.recipe(pi, command, "x")
    assert (recipe.args, recipe.files) == ((command, "x"), {})


def test_the_users_own_address_becomes_the_upstream(machine: Machine) -> None:
    providers(machine, anthropic={"baseUrl": "https://gateway.corp/a/"}, openai={"baseUrl": "https://o.corp/v1"})
    recipe = machine.recipe(pi)
    assert (registered(recipe), recipe.upstreams) == (
        KNOWN,
        {"anthropic": "https://gateway.corp/a", "openai": "https://o.corp"},
    )


def test_another_folder_of_its_own(machine: Machine) -> None:
    machine.write("~/x/models.json", {"providers": {"anthropic": {"baseUrl": "https://gateway.corp"}}})
    recipe = machine.recipe(pi, PI_CODING_AGENT_DIR=str(machine.home / "x"))
    assert recipe.upstreams == {"anthropic": "https://gateway.corp"}


def test_providers_of_the_users_own(machine: Machine) -> None:
    providers(
        machine,
        mine={"baseUrl": "https://openrouter.ai/api/v1", "models": [{"id": "m"}]},
        ollama={"baseUrl": "http://localhost:11434/v1"},
        zai={"modelOverrides": {}},
    )
    recipe = machine.recipe(pi)
    assert registered(recipe) == {**KNOWN, "mine": f"{BASE}/openrouter/api/v1"}
    assert recipe.notes == ("calls to pi's ollama, zai are not guarded: tokenguard does not know where they go",)


def test_no_key_goes_to_the_address_of_another_provider(machine: Machine) -> None:
    providers(machine, openai={"baseUrl": "https://gateway.corp/v1"}, mine={"baseUrl": "https://api.openai.com/v1"})
    recipe = machine.recipe(pi)
    assert (registered(recipe), recipe.upstreams) == (KNOWN, {"openai": "https://gateway.corp"})
    assert recipe.notes[0].startswith("calls to pi's mine are not guarded")


def test_models_with_addresses_of_their_own_are_left_alone(machine: Machine) -> None:
    models = [{"id": "m"}, {"id": "n", "baseUrl": "https://elsewhere.corp/v1"}]
    providers(machine, openai={"models": models})
    recipe = machine.recipe(pi)
    assert "openai" not in registered(recipe)
    assert recipe.notes[0].startswith("calls to pi's openai are not guarded")


def test_logins(machine: Machine) -> None:
    machine.write(AUTH, {"anthropic": {"type": "oauth"}, "github-copilot": {"type": "oauth"}})
    recipe = machine.recipe(pi)
    assert registered(recipe) == KNOWN
    assert recipe.notes == ("calls to pi's github-copilot are not guarded: tokenguard does not know where they go",)


def test_a_chatgpt_login_goes_to_chatgpt(machine: Machine) -> None:
    machine.write(AUTH, {"openai-codex": {"type": "oauth"}})
    recipe = machine.recipe(pi)
    assert registered(recipe) == {**KNOWN, "openai-codex": f"{BASE}/chatgpt"}
    assert (recipe.upstreams, recipe.notes) == ({"chatgpt": "https://chatgpt.com/backend-api"}, ())


@pytest.mark.parametrize(
    "broken", ["{", "[]", '{"providers": []}', '{"providers": {"openai": {"models": 1}}}', "\0\xff"]
)
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write(MODELS, broken)
    machine.write(AUTH, "{")
    assert registered(machine.recipe(pi)) == KNOWN


def test_the_dialects_own_refusal_serves() -> None:
    assert pi.refuse("anthropic-messages", "stopped") is None


def test_by_hand() -> None:
    ((file, text),) = pi.by_hand(BASE).settings
    assert (file, json.loads(text)["providers"]["google"]) == (MODELS, {"baseUrl": f"{BASE}/gemini/v1beta"})
