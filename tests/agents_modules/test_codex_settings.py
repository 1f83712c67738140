"""Which of Codex' settings count, and which provider they lead to."""

from __future__ import annotations

import tomllib

import pytest

from tests.agents_modules.support import BASE, Machine
from tests.agents_modules.test_codex import override
from tokenguard.agents import codex

CORP = """
model_provider = "corp"
[model_providers.corp]
name = "Corp"
base_url = "https://llm.corp/openai/v1"
"""
QUOTED = """
model_provider = "my corp"
[model_providers."my corp"]
name = "Corp \\"one\\""
base_url = "https://llm.corp/v1"
env_key = "CORP_KEY"
request_max_retries = 2
supports_websockets = false
query_params = { version = "2026-01-01" }
"""
LOGIN = {"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": {"access_token": "secret"}}


def test_a_model_provider_of_the_users(machine: Machine) -> None:
    machine.write("~/.codex/config.toml", CORP)
    recipe = machine.recipe(codex, "exec", "hi")
    assert override(recipe.args) == {"model_providers": {"corp": {"base_url": f"{BASE}/openai/v1"}}}
    assert recipe.upstreams == {"openai": "https://llm.corp/openai"}


def test_a_model_provider_that_we_know_keeps_its_name(machine: Machine) -> None:
    machine.write("~/.codex/config.toml", CORP.replace("https://llm.corp/openai/v1", "https://openrouter.ai/api/v1"))
    recipe = machine.recipe(codex)
    assert override(recipe.args) == {"model_providers": {"corp": {"base_url": f"{BASE}/openrouter/api/v1"}}}
    assert recipe.upstreams == {}


@pytest.mark.parametrize("place", ["table", "file"])
@pytest.mark.parametrize("given", [("-p", "work"), ("--profile=work",), ()])
def test_a_profile_counts(machine: Machine, place: str, given: tuple[str, ...]) -> None:
    chosen = "" if given else 'profile = "work"\n'
    if place == "table":
        machine.write("~/.codex/config.toml", f'{chosen}[profiles.work]\nopenai_base_url = "https://work.corp/v1"')
    else:
        machine.write("~/.codex/config.toml", chosen)
        machine.write("~/.codex/work.config.toml", 'openai_base_url = "https://work.corp/v1"')
    recipe = machine.recipe(codex, *given)
    assert recipe.upstreams == {"openai": "https://work.corp"}
    assert recipe.args[2:] == given


def test_another_home(machine: Machine) -> None:
    machine.write("~/elsewhere/config.toml", 'openai_base_url = "https://llm.corp/v1"')
    recipe = machine.recipe(codex, CODEX_HOME=str(machine.home / "elsewhere"))
    assert recipe.upstreams == {"openai": "https://llm.corp"}


def test_a_provider_whose_name_needs_quotes_is_copied_under_another(machine: Machine) -> None:
    machine.write("~/.codex/config.toml", QUOTED)
    recipe = machine.recipe(codex, "-c", "model_provider='my corp'", "exec", "hi")
    assert recipe.args[2:] == ("-c", 'model_provider="tokenguard"', "exec", "hi")
    (copy,) = tomllib.loads(recipe.args[1])["model_providers"].values()
    own = tomllib.loads(QUOTED)["model_providers"]["my corp"]
    assert copy == {**own, "base_url": f"{BASE}/openai/v1"}
    assert (recipe.upstreams, recipe.notes) == ({"openai": "https://llm.corp"}, ())


def test_no_secret_is_copied_to_where_everybody_sees_it(machine: Machine) -> None:
    machine.write("~/.codex/config.toml", QUOTED + 'http_headers = { key = "secret" }\n')
    recipe = machine.recipe(codex, "exec", "hi")
    assert recipe.args == ("exec", "hi")
    assert recipe.notes[0].endswith("not guarded")


def test_a_chatgpt_login_goes_to_its_own_service(machine: Machine) -> None:
    machine.write("~/.codex/auth.json", LOGIN)
    recipe = machine.recipe(codex, "hi")
    assert override(recipe.args) == {"openai_base_url": f"{BASE}/chatgpt"}
    assert recipe.upstreams == {}


def test_a_key_beats_a_chatgpt_login(machine: Machine) -> None:
    machine.write("~/.codex/auth.json", LOGIN)
    with_key = machine.recipe(codex, "exec", "hi", CODEX_API_KEY="sk-1")
    assert override(with_key.args) == {"openai_base_url": f"{BASE}/openai/v1"}
    machine.write("~/.codex/auth.json", {**LOGIN, "OPENAI_API_KEY": "sk-1"})
    assert override(machine.recipe(codex).args) == {"openai_base_url": f"{BASE}/openai/v1"}


@pytest.mark.parametrize("broken", ["=", "model_provider = 5", "profile = []", "\0\xff"])
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write("~/.codex/config.toml", broken)
    machine.write("~/.codex/auth.json", broken)
    assert override(machine.recipe(codex, "-c", "=", "-c", "x").args) == {"openai_base_url": f"{BASE}/openai/v1"}
