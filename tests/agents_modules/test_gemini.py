"""Gemini CLI's recipe: a variable, and an overlay of the home where the variable alone would lock the user out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents_modules.support import BASE, Machine, environment, json_file
from tokenguard.agents import gemini, hooks

OTHERS = {"CODE_ASSIST_ENDPOINT": f"{BASE}/code-assist", "GOOGLE_VERTEX_BASE_URL": f"{BASE}/vertex"}
URL = {"GOOGLE_GEMINI_BASE_URL": f"{BASE}/gemini", **OTHERS}


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The administrator's file, which is not there."""
    monkeypatch.setattr(gemini, "_SYSTEM", (tmp_path / "system.json",))
    return tmp_path / "system.json"


def choose(machine: Machine, way: str) -> None:
    machine.write("~/.gemini/settings.json", {"security": {"auth": {"selectedType": way}}})


def test_a_user_who_chose_the_key(machine: Machine) -> None:
    choose(machine, "gemini-api-key")
    recipe = machine.recipe(gemini, "-p", "hi", GEMINI_API_KEY="k")
    assert (recipe.args, environment(recipe)) == (("-p", "hi"), URL)
    assert (recipe.files, recipe.links, recipe.folders, recipe.upstreams, recipe.notes) == ({}, {}, (), {}, ())


def test_trust_is_not_touched(machine: Machine) -> None:
    assert not any("TRUST" in name for name in machine.recipe(gemini, GEMINI_API_KEY="k").env)


def test_a_key_without_a_choice_gets_an_overlay(machine: Machine) -> None:
    machine.write("~/.gemini/settings.json", '{"ui": {"theme": "x"}, /* why */ "security": {"auth": {"a": 1}, "b": 2}}')
    machine.write("~/.gemini/GEMINI.md", "context")
    machine.write("~/.env", "A=1")
    recipe = machine.recipe(gemini, GEMINI_API_KEY="k")
    own = machine.home / ".gemini"
    assert environment(recipe) == {**URL, "GEMINI_CLI_HOME": str(machine.private)}
    assert json_file(recipe, ".gemini/settings.json") == {
        "ui": {"theme": "x"},
        "security": {"auth": {"a": 1, "selectedType": "gemini-api-key"}, "b": 2},
    }
    assert recipe.links == {
        ".gemini/GEMINI.md": own / "GEMINI.md",
        ".gemini/tmp": own / "tmp",
        ".gemini/history": own / "history",
        ".env": machine.home / ".env",
    }
    assert recipe.folders == (own / "tmp", own / "history")


@pytest.mark.parametrize("file", [".env", ".gemini/.env", "~/.env", "~/.gemini/.env"])
def test_a_key_in_a_file_counts(machine: Machine, file: str) -> None:
    machine.write(file, "# keys\nexport GEMINI_API_KEY='k' \n")
    assert "GEMINI_CLI_HOME" in machine.recipe(gemini).env


def test_no_overlay_without_a_key(machine: Machine) -> None:
    """The program asks then, and has to save the answer in the user's own settings."""
    assert environment(machine.recipe(gemini)) == URL


@pytest.mark.parametrize("choice", ["oauth-personal", "vertex-ai", "compute-default-credentials"])
def test_other_services_have_variables_of_their_own(machine: Machine, choice: str) -> None:
    choose(machine, choice)
    recipe = machine.recipe(gemini, GEMINI_API_KEY="k")
    assert (environment(recipe), recipe.files, recipe.upstreams, recipe.notes) == (URL, {}, {}, ())


@pytest.mark.parametrize("variable", ["GOOGLE_GENAI_USE_GCA", "GOOGLE_GENAI_USE_VERTEXAI"])
def test_a_choice_in_the_environment_counts(machine: Machine, variable: str) -> None:
    """The base URL of the Gemini API would make another choice of it, where an editor starts the program."""
    recipe = machine.recipe(gemini, **{variable: "true"}, GEMINI_API_KEY="k")
    assert (environment(recipe), recipe.files) == (OTHERS, {})


def test_the_administrators_choice_wins(machine: Machine, system: Path) -> None:
    system.write_text('{"security": {"auth": {"selectedType": "vertex-ai"}}}')
    assert machine.recipe(gemini, GEMINI_API_KEY="k").files == {}


@pytest.mark.parametrize(
    ("env", "upstream"),
    [
        (
            {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "europe-west4"},
            "europe-west4-aiplatform.googleapis.com",
        ),
        ({"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "eu"}, "aiplatform.eu.rep.googleapis.com"),
        ({"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "global"}, None),
        ({"GOOGLE_CLOUD_PROJECT": "p"}, None),
        ({"GOOGLE_CLOUD_LOCATION": "europe-west4"}, None),
        ({"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "europe-west4", "GOOGLE_API_KEY": "k"}, None),
    ],
)
def test_a_region_of_vertex_is_where_it_would_ask_itself(
    machine: Machine, env: dict[str, str], upstream: str | None
) -> None:
    choose(machine, "vertex-ai")
    assert machine.recipe(gemini, **env).upstreams == ({"vertex": f"https://{upstream}"} if upstream else {})


def test_a_region_in_a_file_counts(machine: Machine) -> None:
    machine.write(
        ".env", "GOOGLE_CLOUD_PROJECT=p\nGOOGLE_CLOUD_LOCATION=us\nGOOGLE_VERTEX_BASE_URL=https://evil.example"
    )
    assert machine.recipe(gemini).upstreams == {"vertex": "https://aiplatform.us.rep.googleapis.com"}


def test_the_users_own_addresses_of_other_services(machine: Machine) -> None:
    own = {"CODE_ASSIST_ENDPOINT": "https://one.corp", "GOOGLE_VERTEX_BASE_URL": "https://two.corp/"}
    choose(machine, "oauth-personal")
    recipe = machine.recipe(gemini, **own)
    assert (environment(recipe), recipe.upstreams) == (
        URL,
        {"code-assist": "https://one.corp", "vertex": "https://two.corp"},
    )


def test_inside_a_guarded_run_they_lead_to_the_services_themselves(machine: Machine) -> None:
    outer = {name: url.replace("/s/token", "/s/outer") for name, url in URL.items()}
    recipe = machine.recipe(gemini, **outer, GOOGLE_CLOUD_PROJECT="p", GOOGLE_CLOUD_LOCATION="us-east5")
    assert environment(recipe) == URL
    assert recipe.upstreams == {"vertex": "https://us-east5-aiplatform.googleapis.com"}


def test_the_users_own_address_becomes_the_upstream(machine: Machine) -> None:
    choose(machine, "gemini-api-key")
    recipe = machine.recipe(gemini, GEMINI_API_KEY="k", GOOGLE_GEMINI_BASE_URL="https://gateway.corp/gemini/")
    assert (environment(recipe), recipe.upstreams) == (URL, {"gemini": "https://gateway.corp/gemini"})


def test_an_address_in_a_file_gets_the_key_of_that_file_only(machine: Machine) -> None:
    machine.write(".env", "GOOGLE_GEMINI_BASE_URL=https://gateway.corp\nGEMINI_API_KEY=theirs")
    assert machine.recipe(gemini).upstreams == {"gemini": "https://gateway.corp"}
    assert machine.recipe(gemini, GEMINI_API_KEY="mine").upstreams == {}


def test_another_home(machine: Machine) -> None:
    machine.write("~/elsewhere/.gemini/settings.json", {"security": {"auth": {"selectedType": "gemini-api-key"}}})
    recipe = machine.recipe(gemini, GEMINI_API_KEY="k", GEMINI_CLI_HOME=str(machine.home / "elsewhere"))
    assert environment(recipe) == URL


@pytest.mark.parametrize("broken", ["{", "[]", '{"security": []}', "\0\xff"])
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write("~/.gemini/settings.json", broken)
    recipe = machine.recipe(gemini, GEMINI_API_KEY="k")
    assert json_file(recipe, ".gemini/settings.json")["security"]["auth"]["selectedType"] == "gemini-api-key"


def test_the_dialects_own_refusal_serves() -> None:
    assert gemini.refuse("gemini", "stopped") is None


def test_by_hand() -> None:
    hand = gemini.by_hand(BASE)
    assert hand.env == {name: URL[name] for name in ("GOOGLE_GEMINI_BASE_URL", "CODE_ASSIST_ENDPOINT")}
    assert f"GOOGLE_VERTEX_BASE_URL={BASE}/vertex" in hand.notes[1]


def test_an_overlay_has_our_hooks_behind_the_users(attended: Machine) -> None:
    mine = {"hooks": [{"type": "command", "command": "mine"}]}
    attended.write("~/.gemini/settings.json", {"hooks": {"BeforeModel": [mine], "AfterModel": [mine]}})
    recipe = attended.recipe(gemini, "-i", "hi", GEMINI_API_KEY="k")
    command = f"exec /bin/sh {attended.private}/prompt.sh"
    ours = {"hooks": [{"type": "command", "name": "tokenguard", "command": command}]}
    assert json_file(recipe, ".gemini/settings.json")["hooks"] == {
        "BeforeAgent": [ours],
        "BeforeModel": [mine, ours],
        "AfterModel": [mine],
    }
    assert recipe.files["prompt.sh"] == hooks.script(hooks.PROMPT)


@pytest.mark.parametrize("args", [("-p", "hi"), ("--prompt", "hi"), ("--prompt=hi",), ("-yp", "hi"), ("-p=hi",)])
def test_what_answers_and_ends_has_none(attended: Machine, args: tuple[str, ...]) -> None:
    recipe = attended.recipe(gemini, *args, GEMINI_API_KEY="k")
    assert "hooks" not in json_file(recipe, ".gemini/settings.json")
    assert list(recipe.files) == [".gemini/settings.json"]


def test_without_a_terminal_there_are_none(machine: Machine) -> None:
    assert "hooks" not in json_file(machine.recipe(gemini, GEMINI_API_KEY="k"), ".gemini/settings.json")


def test_whoever_has_chosen_a_way_to_sign_in_keeps_the_settings_as_they_are(attended: Machine) -> None:
    choose(attended, "gemini-api-key")
    assert attended.recipe(gemini, GEMINI_API_KEY="k").files == {}
