"""Agents of the user's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.agents_modules.support import BASE, Machine, environment
from tokenguard.agents import Agent, Agents, claude, generic
from tokenguard.config.sections import AgentSettings
from tokenguard.errors import ConfigError


def own(name: str = "mine", **given: Any) -> Agent:
    return Agents({name: AgentSettings(**given)}).named(name)


def test_a_definition_has_the_usual_variables_and_its_own(machine: Machine) -> None:
    agent = own(env={"MINE_URL": "{url}/openai/v1", "MINE_MODE": "quiet"}, args=("--config", "{folder}/mine.json"))
    recipe = machine.recipe(agent, "-p", "hi")
    assert recipe.args == ("--config", f"{machine.private}/mine.json", "-p", "hi")
    usual = environment(machine.recipe(generic))
    assert environment(recipe) == {**usual, "MINE_URL": f"{BASE}/openai/v1", "MINE_MODE": "quiet"}
    assert (recipe.upstreams, recipe.notes) == ({}, ())


def test_files_lie_in_the_private_folder_with_the_address_in_them(machine: Machine) -> None:
    agent = own(files={"mine.json": '{"base": "{url}/anthropic"}'}, env={"MINE": "{folder}/mine.json"})
    recipe = machine.recipe(agent)
    assert recipe.files == {"mine.json": f'{{"base": "{BASE}/anthropic"}}'}
    assert recipe.env["MINE"] == f"{machine.private}/mine.json"


def test_where_the_users_own_variable_leads_is_the_upstream(machine: Machine) -> None:
    agent = own(env={"MINE_URL": "{url}/openai/v1"})
    recipe = machine.recipe(agent, MINE_URL="https://gateway.corp/v1/")
    assert recipe.env["MINE_URL"] == f"{BASE}/openai/v1"
    assert recipe.upstreams == {"openai": "https://gateway.corp"}
    other = machine.recipe(agent, MINE_URL="https://openrouter.ai/api/v1")
    assert (other.env["MINE_URL"], other.upstreams) == (f"{BASE}/openrouter/api/v1", {})


def test_no_key_goes_to_the_host_of_another_variable(machine: Machine) -> None:
    agent = own(env={"MINE_URL": "{url}/openai/v1"})
    recipe = machine.recipe(agent, MINE_URL="https://gateway.corp/v1")
    assert {"OPENAI_BASE_URL", "OPENAI_API_BASE"}.isdisjoint(recipe.env)
    assert recipe.env["ANTHROPIC_BASE_URL"] == f"{BASE}/anthropic"
    cousin = own(extends="claude", env={"MINE_URL": "{url}/anthropic", "PLUG_IN_URL": "{url}/openai/v1"})
    urls = {"MINE_URL": "https://gateway.corp", "PLUG_IN_URL": "https://other.corp/v1"}
    recipe = machine.recipe(cousin, **urls)
    assert recipe.notes == ("MINE_URL names another address than Claude Code has: its calls are not guarded",)
    assert "MINE_URL" not in recipe.env and recipe.env["PLUG_IN_URL"] == f"{BASE}/openai/v1"
    assert recipe.upstreams == {"openai": "https://other.corp"}


def test_two_upstreams_of_one_provider_are_told(machine: Machine) -> None:
    agent = own(env={"MINE_URL": "{url}/openai/v1"})
    recipe = machine.recipe(agent, MINE_URL="https://one.corp/v1", OPENAI_BASE_URL="https://two.corp/v1")
    assert recipe.upstreams == {"openai": "https://one.corp"}
    assert "OPENAI_BASE_URL" not in recipe.env
    assert recipe.notes[0].startswith("OPENAI_BASE_URL names another address")


def test_it_builds_on_a_known_recipe(machine: Machine) -> None:
    agent = own(extends="claude", args=("--model", "opus"), env={"ANTHROPIC_BASE_URL": "https://gateway.corp"})
    recipe = machine.recipe(agent, "-p", "hi")
    assert recipe.args[2:] == ("--model", "opus", "-p", "hi")
    assert recipe.upstreams == {"anthropic": "https://gateway.corp"}
    settings = json.loads(recipe.files["claude-settings.json"])
    assert settings["env"]["ANTHROPIC_BASE_URL"] == f"{BASE}/anthropic"
    assert (agent.COMMANDS, agent.HOLD_SECONDS, agent.DIALECTS) == (("mine",), 300, claude.DIALECTS)
    assert agent.refuse("anthropic-messages", "no") == claude.refuse("anthropic-messages", "no")


def test_a_known_agent_is_changed(machine: Machine) -> None:
    known = Agents({"claude": AgentSettings(commands=("claude-dev",), hold_seconds=120, refusal=400)})
    agent = known.named("claude")
    assert known.started_by("/opt/bin/claude-dev") == known.started_by("claude") == ("claude", agent)
    assert (agent.HOLD_SECONDS, agent.TITLE, agent.PROGRAMS) == (120, "Claude Code", claude.PROGRAMS)
    refusal = agent.refuse("anthropic-messages", "no")
    assert refusal is not None
    assert (refusal.status, json.loads(refusal.body)["error"]["type"]) == (400, "billing_error")
    assert machine.recipe(agent, "-p").args == machine.recipe(claude, "-p").args


def test_a_refusal_has_the_status_and_the_dialects_body() -> None:
    refusal = own(refusal=402).refuse("openai-chat", "no more")
    assert refusal is not None
    assert (refusal.status, json.loads(refusal.body)["error"]["message"]) == (402, "no more")
    assert own().refuse("openai-chat", "no more") is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, generic.GUARDED),
        ({"env": {"A": "1", "B_URL": "{url}/openai"}}, "B_URL of your config.toml"),
        (
            {"extends": "codex", "args": ("--url={url}",), "files": {"a": "{url}"}},
            "arguments, files of your config.toml; openai_base_url, given with -c",
        ),
    ],
)
def test_how_it_is_guarded(given: dict[str, Any], said: str) -> None:
    assert own(**given).GUARDED == said


def test_what_is_set_by_hand() -> None:
    hand = own(env={"MINE_URL": "{url}/openai/v1", "FILE": "{folder}/x", "MODE": "quiet"}).by_hand("http://h")
    assert hand.env["MINE_URL"] == "http://h/openai/v1"
    assert hand.env["MODE"] == "quiet" and "FILE" not in hand.env


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mine": {"extends": "claud"}}, 'agents.mine.extends "claud" is not known; use one of claude, codex'),
        ({"mine": {"extends": "generic"}}, 'agents.mine.extends "generic" is not known; use one of claude, codex'),
        ({"codex": {"extends": "claude"}}, 'agents.codex.extends "claude": codex is known, and is what this changes'),
        (
            {"a": {"commands": ("x",)}, "b": {"commands": ("x",)}},
            'agents.b.commands: "x" starts agents.a already; leave it out of one of them',
        ),
    ],
)
def test_what_contradicts_the_known_agents(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Agents({name: AgentSettings(**table) for name, table in given.items()})
    assert str(refused.value).startswith(f"config.toml: {message}")


def test_it_is_itself_where_it_sounds_like_what_it_builds_on() -> None:
    known = Agents({"mine": AgentSettings(extends="claude")})
    assert known.speaking("mine", "claude") == "mine"
    assert known.speaking("mine", "codex") == known.speaking("make", "codex") == "codex"
    assert known.speaking("make", None) == "make"
