"""Kimi Code's recipe: an overlay of its home, whose settings have our addresses."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.agents_modules.support import BASE, Machine, environment
from tokenguard.agents import kimi_code
from tokenguard.agents.shape import Recipe

MAIN = "~/.kimi-code/config.toml"
MODEL = '[models.main]\nprovider = "own"\nmodel = "kimi-k3"\nmax_context_size = 1000\n'
OWN = '[providers.own]\ntype = "kimi"\nbase_url = "https://api.moonshot.ai/v1"\napi_key = "k"\n'


def settings(recipe: Recipe) -> Any:
    return tomllib.loads(recipe.files["config.toml"])


def addresses(recipe: Recipe) -> dict[str, str | None]:
    return {name: one.get("base_url") for name, one in settings(recipe)["providers"].items()}


def test_an_overlay_with_our_address(machine: Machine) -> None:
    machine.write(MAIN, f'default_model = "main" # why\n{OWN}{MODEL}')
    machine.write("~/.kimi-code/mcp.json", {})
    recipe = machine.recipe(kimi_code, "-p", "hi")
    own = machine.home / ".kimi-code"
    assert (recipe.args, environment(recipe)) == (("-p", "hi"), {"KIMI_CODE_HOME": str(machine.private)})
    assert settings(recipe) == {
        "default_model": "main",
        "providers": {"own": {"type": "kimi", "base_url": f"{BASE}/kimi/v1", "api_key": "k"}},
        "models": {"main": {"provider": "own", "model": "kimi-k3", "max_context_size": 1000}},
    }
    folders = ("sessions", "logs", "cache", "credentials")
    assert recipe.links == {name: own / name for name in (*folders, "mcp.json")}
    assert recipe.folders == tuple(own / name for name in folders)
    assert (recipe.upstreams, recipe.notes) == ({}, ())


def test_types_of_providers(machine: Machine) -> None:
    entries = "".join(
        f'[providers.{kind}]\ntype = "{kind}"\n' for kind in ("openai", "openai_responses", "anthropic", "google-genai")
    )
    machine.write(MAIN, entries)
    recipe = machine.recipe(kimi_code)
    assert addresses(recipe) == {
        "openai": f"{BASE}/openai/v1",
        "openai_responses": f"{BASE}/openai/v1",
        "anthropic": f"{BASE}/anthropic",
        "google-genai": f"{BASE}/gemini",
    }


def test_the_users_own_addresses_become_the_upstreams(machine: Machine) -> None:
    machine.write(MAIN, OWN.replace("api.moonshot.ai", "kimi.corp") + '[providers.b]\ntype = "openai"\n')
    recipe = machine.recipe(kimi_code, OPENAI_BASE_URL="https://llm.corp/v1", KIMI_BASE_URL="https://ignored.corp/v1")
    assert addresses(recipe) == {"own": f"{BASE}/kimi/v1", "b": f"{BASE}/openai/v1"}
    assert recipe.upstreams == {"kimi": "https://kimi.corp", "openai": "https://llm.corp"}


def test_a_model_with_an_address_of_its_own(machine: Machine) -> None:
    model = MODEL.replace("max_context", 'base_url = "https://openrouter.ai/api/v1"\nprotocol = "openai"\nmax_context')
    machine.write(MAIN, OWN + model)
    recipe = machine.recipe(kimi_code)
    assert settings(recipe)["models"]["main"]["base_url"] == f"{BASE}/openrouter/api/v1"


def test_a_model_takes_the_type_of_its_provider(machine: Machine) -> None:
    machine.write(MAIN, OWN + MODEL.replace("max_context", 'base_url = "https://two.corp/v1"\nmax_context'))
    recipe = machine.recipe(kimi_code)
    assert settings(recipe)["models"]["main"]["base_url"] == "https://two.corp/v1"
    assert recipe.notes == ("Kimi Code's model main is at https://two.corp/v1: its calls are not guarded",)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('type = "kimi"\nbase_url = "https://api.kimi.com/coding/v1"\noauth = {storage = "file", key = "x"}', "login"),
        ('type = "vertexai"', "vertexai"),
        ("base_url = 5", ""),
    ],
)
def test_what_we_know_no_way_to_stays(machine: Machine, entry: str, why: str) -> None:
    machine.write(MAIN, f"[providers.other]\n{entry}\n")
    recipe = machine.recipe(kimi_code)
    assert (recipe.files, environment(recipe)) == ({}, {})
    (note,) = recipe.notes
    assert why in note and note.endswith("not guarded")


def test_a_model_in_the_environment(machine: Machine) -> None:
    recipe = machine.recipe(kimi_code, KIMI_MODEL_NAME="kimi-k3", KIMI_MODEL_API_KEY="k")
    assert environment(recipe) == {"KIMI_MODEL_BASE_URL": f"{BASE}/kimi/v1"}
    assert recipe.notes == ()


@pytest.mark.parametrize("variable", ["KIMI_MODEL_BASE_URL", "ANTHROPIC_BASE_URL"])
def test_an_address_in_the_environment(machine: Machine, variable: str) -> None:
    env = {"KIMI_MODEL_NAME": "claude", "KIMI_MODEL_PROVIDER_TYPE": "Anthropic", variable: "https://claude.corp"}
    recipe = machine.recipe(kimi_code, **env)
    assert environment(recipe) == {"KIMI_MODEL_BASE_URL": f"{BASE}/anthropic"}
    assert recipe.upstreams == {"anthropic": "https://claude.corp"}


def test_a_model_of_a_type_that_we_do_not_know(machine: Machine) -> None:
    recipe = machine.recipe(kimi_code, KIMI_MODEL_NAME="x", KIMI_MODEL_PROVIDER_TYPE="vertexai")
    assert recipe.notes == ("Kimi Code's model x is at vertexai: its calls are not guarded",)


def test_another_home(machine: Machine) -> None:
    machine.write("~/elsewhere/config.toml", OWN)
    recipe = machine.recipe(kimi_code, KIMI_CODE_HOME=str(machine.home / "elsewhere"))
    assert addresses(recipe) == {"own": f"{BASE}/kimi/v1"}
    assert recipe.links["sessions"] == machine.home / "elsewhere" / "sessions"


@pytest.mark.parametrize("broken", ["=", "providers = 5", "providers = {a = 5}", "\0\xff"])
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write(MAIN, broken)
    recipe = machine.recipe(kimi_code)
    assert (recipe.files, environment(recipe)) == ({}, {})
    assert "finds no provider" in recipe.notes[0]


def test_the_predecessor_under_the_same_name(machine: Machine, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "kimi"
    program.parent.mkdir()
    program.write_text("#!/opt/tools/bin/python3\nimport sys\nfrom kimi_cli.__main__ import main\nsys.exit(main())\n")
    program.chmod(0o755)
    machine.write(MAIN, OWN)
    machine.write("~/.kimi/config.toml", OWN)
    recipe = machine.recipe(kimi_code, PATH=str(program.parent))
    assert recipe.args[:1] == ("--config-file",)
    program.write_text("#!/opt/tools/bin/python3\nprint('a wrapper')\n")
    assert machine.recipe(kimi_code, PATH=str(program.parent)).args == ()


def test_the_dialects_own_refusal_serves() -> None:
    assert kimi_code.refuse("openai-chat", "stopped") is None
