"""llm's recipe: two variables, and word of the models that have an address of their own."""

from __future__ import annotations

import json

import pytest

from tests.agents_modules.support import BASE, Machine, environment
from tokenguard.agents import llm

OURS = {"OPENAI_BASE_URL": f"{BASE}/openai/v1", "ANTHROPIC_BASE_URL": f"{BASE}/anthropic"}
FOLDERS = ("~/.config/io.datasette.llm", "~/Library/Application Support/io.datasette.llm")


def test_two_variables(machine: Machine) -> None:
    recipe = machine.recipe(llm, "-m", "gpt-5.5", "hello", OPENAI_API_KEY="k")
    assert (recipe.args, environment(recipe)) == (("-m", "gpt-5.5", "hello"), OURS)
    assert (recipe.files, recipe.upstreams, recipe.notes) == ({}, {}, ())


def test_the_users_own_addresses_become_upstreams(machine: Machine) -> None:
    recipe = machine.recipe(llm, OPENAI_BASE_URL="https://one.corp/v1", ANTHROPIC_BASE_URL="https://two.corp/")
    assert environment(recipe) == OURS
    assert recipe.upstreams == {"openai": "https://one.corp", "anthropic": "https://two.corp"}


@pytest.mark.parametrize("args", [("-m", "gemini-3.8-flash"), ("prompt", "--model=gemini/gemini-3.8-flash", "hi")])
def test_a_model_with_one_address_only_is_told(machine: Machine, args: tuple[str, ...]) -> None:
    (note,) = machine.recipe(llm, *args, LLM_MODEL="gpt-5.5").notes
    assert note.startswith("llm's model gemini") and note.endswith("not guarded")


def test_so_is_one_from_the_environment(machine: Machine) -> None:
    assert len(machine.recipe(llm, "hi", LLM_MODEL="gemini-pro").notes) == 1


@pytest.mark.parametrize("folder", FOLDERS)
def test_so_is_the_usual_one(machine: Machine, folder: str) -> None:
    machine.write(f"{folder}/default_model.txt", "gemini-pro\n")
    assert len(machine.recipe(llm, "hi").notes) == 1
    assert machine.recipe(llm, "hi", "-m", "4o").notes == ()


@pytest.mark.parametrize("folder", FOLDERS)
def test_added_models_with_an_address_are_told(machine: Machine, folder: str) -> None:
    models = "- model_id: here\n  model_name: x\n"
    machine.write(f"{folder}/extra-openai-models.yaml", models)
    assert machine.recipe(llm).notes == ()
    machine.write(f"{folder}/extra-openai-models.yaml", f'{models}  api_base: "http://localhost:8080"\n')
    (note,) = machine.recipe(llm).notes
    assert note.endswith("not guarded")


def test_another_folder_of_settings(machine: Machine) -> None:
    machine.write("settings/default_model.txt", "gemini-pro")
    assert len(machine.recipe(llm, LLM_USER_PATH="settings").notes) == 1


def test_the_dialects_own_refusal_serves() -> None:
    assert llm.refuse("openai-responses", "stopped") is None


def test_llm_gemini_gets_its_refusal_in_a_list() -> None:
    refusal = llm.refuse("gemini", "stopped")
    assert refusal is not None and refusal.status == 400
    assert [each["error"]["message"] for each in json.loads(refusal.body)] == ["stopped"]


def test_by_hand() -> None:
    assert llm.by_hand(BASE).env == OURS
