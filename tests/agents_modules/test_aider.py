"""aider's recipe: a file of variables on top of the user's own, and base URLs that it finds wherever they may stand."""

from __future__ import annotations

import json

import pytest

from tests.agents_modules.support import BASE, Machine, environment
from tokenguard.agents import Recipe, aider

OURS = {
    "ANTHROPIC_API_BASE": f"{BASE}/anthropic",
    "ANTHROPIC_BASE_URL": f"{BASE}/anthropic",
    "OPENAI_BASE_URL": f"{BASE}/openai/v1",
    "OPENAI_API_BASE": f"{BASE}/openai/v1",
    "GEMINI_API_BASE": f"{BASE}/gemini/v1beta",
    "OPENROUTER_API_BASE": f"{BASE}/openrouter/api/v1",
    "DEEPSEEK_API_BASE": f"{BASE}/deepseek/beta",
    "GROQ_API_BASE": f"{BASE}/groq/openai/v1",
    "XAI_API_BASE": f"{BASE}/xai/v1",
    "MISTRAL_AZURE_API_BASE": f"{BASE}/mistral/v1",
    "MISTRAL_API_BASE": f"{BASE}/mistral/v1",
    "MOONSHOT_API_BASE": f"{BASE}/kimi/v1",
    "AIDER_OPENAI_API_BASE": f"{BASE}/openai/v1",
}


def variables(recipe: Recipe) -> dict[str, str]:
    """The variables of our file."""
    lines = recipe.files["aider.env"].splitlines()
    return {line.partition("=")[0]: line.partition("=")[2].strip("'") for line in lines if line}


@pytest.fixture
def repository(machine: Machine) -> Machine:
    """The project is a repository, with aider at work in a folder of it."""
    (machine.project / ".git").mkdir()
    machine.project = machine.project / "src"
    machine.project.mkdir()
    return machine


def test_a_file_of_variables_comes_on_top(machine: Machine) -> None:
    recipe = machine.recipe(aider, "--model", "sonnet", "a.py", ANTHROPIC_API_KEY="k")
    assert recipe.args == ("--env-file", str(machine.private / "aider.env"), "--model", "sonnet", "a.py")
    assert variables(recipe) == OURS
    assert (environment(recipe), recipe.upstreams, recipe.notes) == ({}, {}, ())


def test_the_token_is_in_no_argument(machine: Machine) -> None:
    recipe = machine.recipe(aider, "--openai-api-base", "https://llm.corp/v1", "--set-env", "OPENAI_API_BASE=x")
    assert not any(BASE in arg for arg in recipe.args)


def test_the_users_own_file_of_variables_goes_on(machine: Machine) -> None:
    machine.write("keys/dev.env", "OPENAI_API_KEY=k\nOPENAI_API_BASE=https://llm.corp/v1\n")
    recipe = machine.recipe(aider, "--env-file", "keys/dev.env", "--env-file=keys/dev.env")
    assert recipe.args == ("--env-file", str(machine.private / "aider.env"))
    assert recipe.files["aider.env"].startswith("OPENAI_API_KEY=k\nOPENAI_API_BASE=https://llm.corp/v1\n")
    assert variables(recipe)["OPENAI_API_BASE"] == f"{BASE}/openai/v1"
    assert recipe.upstreams == {"openai": "https://llm.corp"}


@pytest.mark.parametrize("named", ["variable", "settings"])
def test_a_file_of_variables_may_be_named_elsewhere(machine: Machine, named: str) -> None:
    machine.write("dev.env", "A=1\n")
    machine.write("~/.aider.conf.yml", "env-file: dev.env\n" if named == "settings" else "")
    recipe = machine.recipe(aider, **({"AIDER_ENV_FILE": "dev.env"} if named == "variable" else {}))
    assert variables(recipe) == {"A": "1", **OURS}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("~/.env", "OPENAI_API_BASE=https://llm.corp/v1"),
        ("~/.env", "AIDER_OPENAI_API_BASE=https://llm.corp/v1"),
        ("~/.aider/oauth-keys.env", "OPENAI_API_BASE='https://llm.corp/v1/'"),
        ("~/.aider.conf.yml", "model: x\nopenai-api-base: https://llm.corp/v1  # ours"),
        ("~/.aider.conf.yml", "set-env:\n  - A=1\n  - OPENAI_API_BASE=https://llm.corp/v1\n"),
        ("~/.aider.conf.yml", 'set-env: [A=1, "OPENAI_API_BASE=https://llm.corp/v1"]'),
    ],
)
def test_an_address_in_the_users_files_becomes_the_upstream(machine: Machine, file: str, text: str) -> None:
    machine.write(file, text)
    recipe = machine.recipe(aider)
    assert recipe.upstreams == {"openai": "https://llm.corp"}
    assert variables(recipe).items() >= OURS.items()


def test_an_address_on_the_command_line_wins(machine: Machine) -> None:
    machine.write("~/.aider.conf.yml", "openai-api-base: https://one.corp/v1")
    recipe = machine.recipe(aider, "--openai-api-base", "https://two.corp/v1", OPENAI_API_BASE="https://three.corp/v1")
    assert (recipe.args[2:], recipe.upstreams) == ((), {"openai": "https://two.corp"})


def test_an_address_of_a_provider_that_we_know_leads_there(machine: Machine) -> None:
    recipe = machine.recipe(aider, OPENAI_API_BASE="https://openrouter.ai/api/v1")
    assert variables(recipe)["OPENAI_API_BASE"] == f"{BASE}/openrouter/api/v1"
    assert recipe.upstreams == {}


def test_two_addresses_for_one_provider_are_told(machine: Machine) -> None:
    recipe = machine.recipe(
        aider, OPENAI_API_BASE="https://openrouter.ai/api/v1", OPENROUTER_API_BASE="https://llm.corp/api/v1"
    )
    assert recipe.upstreams == {}
    assert "OPENROUTER_API_BASE" not in variables(recipe)
    assert recipe.notes[0].startswith("OPENROUTER_API_BASE ")


def test_variables_that_are_put_in_later_lose_their_addresses_only(machine: Machine) -> None:
    machine.write("~/.aider.conf.yml", "set-env:\n- A=it's 1\n- ANTHROPIC_API_BASE=https://llm.corp\n")
    recipe = machine.recipe(aider)
    assert recipe.files["aider.env"].endswith("AIDER_SET_ENV='[\"A=it\\'s 1\"]'\n")
    assert recipe.upstreams == {"anthropic": "https://llm.corp"}


def test_so_do_those_of_the_command_line(machine: Machine) -> None:
    recipe = machine.recipe(aider, "--set-env", "A=1", "--set-env", "ANTHROPIC_API_BASE=https://llm.corp", "b.py")
    assert recipe.args[2:] == ("b.py",)
    assert json.loads(variables(recipe)["AIDER_SET_ENV"]) == ["A=1"]
    assert recipe.upstreams == {"anthropic": "https://llm.corp"}


def test_without_addresses_among_them_they_stay_as_they_are(machine: Machine) -> None:
    recipe = machine.recipe(aider, "--set-env", "A=1")
    assert recipe.args[2:] == ("--set-env", "A=1")
    assert variables(recipe) == OURS


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".env", "OPENAI_API_BASE=https://evil.example/v1"),
        ("../.env", "AIDER_OPENAI_API_BASE=https://evil.example/v1"),
        (".aider.conf.yml", "openai-api-base: https://evil.example/v1"),
        ("../.aider.conf.yml", "set-env:\n- OPENAI_API_BASE=https://evil.example/v1"),
    ],
)
def test_a_project_sends_nobodys_key_elsewhere(repository: Machine, file: str, text: str) -> None:
    repository.write(file, text)
    recipe = repository.recipe(aider, OPENAI_API_KEY="k")
    assert recipe.upstreams == {}
    assert variables(recipe).items() >= OURS.items()
    (note,) = recipe.notes
    assert note.startswith("OPENAI_API_BASE of ") and "is not used" in note


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".env", "OPENAI_API_BASE=https://llm.corp/v1\nOPENAI_API_KEY=theirs"),
        (".aider.conf.yml", "openai-api-base: https://llm.corp/v1\nopenai-api-key: theirs"),
    ],
)
def test_a_project_may_have_its_own_key_and_address(repository: Machine, file: str, text: str) -> None:
    repository.write(file, text)
    recipe = repository.recipe(aider, OPENAI_API_KEY="mine")
    assert (recipe.upstreams, recipe.notes) == ({"openai": "https://llm.corp"}, ())


def test_other_providers_are_told(machine: Machine) -> None:
    machine.write("~/.aider.conf.yml", "weak-model: ollama_chat/qwen3\n")
    notes = machine.recipe(aider, "--model=bedrock/claude", AIDER_EDITOR_MODEL="gemini/gemini-3.8-flash").notes
    assert [note.split()[2] for note in notes] == ["bedrock/claude", "ollama_chat/qwen3"]
    assert all(note.endswith("not guarded") for note in notes)


@pytest.mark.parametrize("broken", ["[", "- x\n", "set-env:", "\0\xff", "openai-api-base: []"])
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write("~/.aider.conf.yml", broken)
    machine.write("~/.env", "=\n\0")
    recipe = machine.recipe(aider)
    assert (variables(recipe), recipe.upstreams) == (OURS, {})


def test_the_dialects_own_refusal_serves() -> None:
    assert aider.refuse("anthropic-messages", "stopped") is None


def test_by_hand() -> None:
    ((file, text),) = aider.by_hand(BASE).settings
    lines = dict(line.split("=", 1) for line in text.splitlines())
    assert file == "~/.env"
    assert lines.items() <= OURS.items() and "ANTHROPIC_API_BASE" in lines
