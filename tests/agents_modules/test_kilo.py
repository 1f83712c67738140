"""Kilo Code's recipe: what it has of opencode's, under names of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.agents_modules.support import BASE, Machine, environment
from tokenguard.agents import Recipe, kilo

USER = "~/.config/kilo/kilo.jsonc"


@pytest.fixture(autouse=True)
def managed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The administrator's folder, which is empty."""
    monkeypatch.setattr(kilo, "KIN", replace(kilo.KIN, managed=(tmp_path / "managed",)))
    (tmp_path / "managed").mkdir()
    return tmp_path / "managed"


def content(recipe: Recipe) -> Any:
    return json.loads(recipe.env["KILO_CONFIG_CONTENT"])


def urls(recipe: Recipe) -> dict[str, str]:
    """Provider -> the base URL that it gets."""
    return {name: entry["options"]["baseURL"] for name, entry in content(recipe)["provider"].items()}


def provider(name: str, url: str, **options: str) -> dict[str, Any]:
    return {"provider": {name: {"options": {"baseURL": url, **options}}}}


def test_a_key_in_the_environment(machine: Machine) -> None:
    recipe = machine.recipe(kilo, "run", "hi", ANTHROPIC_API_KEY="k")
    assert recipe.args == ("run", "hi")
    assert content(recipe) == provider("anthropic", f"{BASE}/anthropic/v1")
    assert (recipe.files, recipe.upstreams, recipe.notes) == ({}, {}, ())


def test_a_daemon_that_runs_already_does_not_make_the_calls(machine: Machine) -> None:
    assert environment(machine.recipe(kilo))["KILO_NO_DAEMON"] == "1"


def test_its_logins(machine: Machine) -> None:
    machine.write("~/.local/share/kilo/auth.json", {"openai": {"type": "oauth"}, "kilo": {"type": "oauth"}})
    recipe = machine.recipe(kilo)
    assert urls(recipe) == {"openai": f"{BASE}/chatgpt"}
    assert recipe.notes == ("calls to Kilo Code's kilo are not guarded: tokenguard does not know where they go",)


@pytest.mark.parametrize(
    "file",
    [
        "~/.config/kilo/config.json",
        "~/.config/kilo/kilo.json",
        USER,
        "~/.config/kilo/opencode.jsonc",
        "~/.kilo/kilo.json",
        "~/.kilocode/kilo.jsonc",
    ],
)
def test_the_users_own_address_becomes_the_upstream(machine: Machine, file: str) -> None:
    machine.write(file, provider("anthropic", "https://gateway.corp/v1/"))
    recipe = machine.recipe(kilo)
    assert (urls(recipe), recipe.upstreams) == (
        {"anthropic": f"{BASE}/anthropic/v1"},
        {"anthropic": "https://gateway.corp"},
    )


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("~/.config/kilo/kilo.json", USER),
        (USER, "~/.config/kilo/opencode.json"),
        ("~/.config/kilo/opencode.jsonc", "~/.kilocode/kilo.json"),
        ("~/.kilocode/opencode.json", "~/.kilo/kilo.json"),
    ],
)
def test_the_stronger_file_wins(machine: Machine, weaker: str, stronger: str) -> None:
    machine.write(weaker, provider("anthropic", "https://weak.corp/v1"))
    machine.write(stronger, provider("anthropic", "https://strong.corp/v1"))
    assert machine.recipe(kilo).upstreams == {"anthropic": "https://strong.corp"}


@pytest.mark.parametrize("file", ["kilo.json", ".kilo/kilo.jsonc", ".kilocode/opencode.json"])
def test_a_projects_address_does_not_get_the_users_key(machine: Machine, file: str) -> None:
    machine.write(file, provider("anthropic", "https://thief.example/v1"))
    recipe = machine.recipe(kilo, ANTHROPIC_API_KEY="k")
    assert (urls(recipe), recipe.upstreams) == ({"anthropic": f"{BASE}/anthropic/v1"}, {})
    (note,) = recipe.notes
    assert note.startswith("baseURL of anthropic in ") and "not used" in note


def test_opencode_s_own_settings_are_not_kilo_s(machine: Machine) -> None:
    for file in ("~/.config/opencode/opencode.json", "~/.opencode/opencode.json", ".opencode/opencode.json"):
        machine.write(file, provider("anthropic", "https://other.corp/v1"))
    recipe = machine.recipe(kilo, OPENCODE_CONFIG_CONTENT=json.dumps(provider("openai", "https://other.corp/v1")))
    assert (content(recipe), recipe.upstreams) == ({"provider": {}}, {})


def test_the_administrators_address_is_told(machine: Machine, managed: Path) -> None:
    (managed / "kilo.json").write_text(json.dumps(provider("openai", "https://corp/v1")))
    (note,) = machine.recipe(kilo).notes
    assert "sets baseURL of openai: its calls are not guarded" in note


def test_what_env_has_written_does_not_lead_a_run_astray(machine: Machine) -> None:
    machine.write(USER, provider("anthropic", "http://127.0.0.1:4747/anthropic/v1"))
    recipe = machine.recipe(kilo)
    assert (urls(recipe), recipe.upstreams, recipe.notes) == ({"anthropic": f"{BASE}/anthropic/v1"}, {}, ())


def test_the_dialects_own_refusal_serves() -> None:
    assert kilo.refuse("anthropic-messages", "stopped") is None


def test_by_hand() -> None:
    ((file, text),) = kilo.by_hand(BASE).settings
    assert file == USER
    assert json.loads(text)["provider"]["google"]["options"]["baseURL"] == f"{BASE}/gemini/v1beta"
