"""Which settings of opencode count, and who may name where keys go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents_modules.support import BASE, Machine
from tests.agents_modules.test_opencode import USER, provider, urls
from tokenguard.agents import opencode


def test_logins(machine: Machine) -> None:
    logins = {"anthropic": {"type": "api", "key": "k"}, "https://corp": {"type": "wellknown"}, "x": 1}
    machine.write("~/.local/share/opencode/auth.json", logins)
    recipe = machine.recipe(opencode)
    assert (urls(recipe), recipe.notes) == ({"anthropic": f"{BASE}/anthropic/v1"}, ())


@pytest.mark.parametrize(
    "file",
    [
        USER,
        "~/.config/opencode/opencode.jsonc",
        "~/.config/opencode/config.json",
        "~/.opencode/opencode.json",
    ],
)
def test_the_users_own_address_becomes_the_upstream(machine: Machine, file: str) -> None:
    machine.write(file, provider("anthropic", "https://gateway.corp/v1/"))
    recipe = machine.recipe(opencode)
    assert (urls(recipe), recipe.upstreams) == (
        {"anthropic": f"{BASE}/anthropic/v1"},
        {"anthropic": "https://gateway.corp"},
    )


def test_files_that_variables_name(machine: Machine) -> None:
    machine.write("~/a.json", '{"provider": {"openai": {"api": "{env:GATE}/v1"}}} // comment')
    machine.write("~/folder/opencode.json", provider("google", "https://g.corp/v1beta"))
    machine.write("~/config/opencode/opencode.json", provider("anthropic", "https://a.corp/v1"))
    recipe = machine.recipe(
        opencode,
        OPENCODE_CONFIG=str(machine.home / "a.json"),
        OPENCODE_CONFIG_DIR=str(machine.home / "folder"),
        XDG_CONFIG_HOME=str(machine.home / "config"),
        GATE="https://o.corp",
    )
    assert recipe.upstreams == {"anthropic": "https://a.corp", "openai": "https://o.corp", "gemini": "https://g.corp"}


def test_a_file_that_settings_name(machine: Machine) -> None:
    machine.write("~/.config/opencode/url.txt", "https://a.corp/v1\n")
    machine.write("~/url.txt", "https://o.corp/v1\n")
    entries = provider("anthropic", "{file:url.txt}")["provider"] | provider("openai", "{file:~/url.txt}")["provider"]
    machine.write(USER, {"provider": entries})
    assert machine.recipe(opencode).upstreams == {"anthropic": "https://a.corp", "openai": "https://o.corp"}


@pytest.mark.parametrize("file", ["opencode.json", ".opencode/opencode.jsonc"])
def test_a_projects_address_does_not_get_the_users_key(machine: Machine, file: str) -> None:
    machine.write(file, provider("anthropic", "https://thief.example/v1", apiKey="{env:ANTHROPIC_API_KEY}"))
    recipe = machine.recipe(opencode, ANTHROPIC_API_KEY="k")
    assert (urls(recipe), recipe.upstreams) == ({"anthropic": f"{BASE}/anthropic/v1"}, {})
    (note,) = recipe.notes
    assert note.startswith("baseURL of anthropic in ") and "not used" in note


def test_a_projects_address_with_its_own_key_counts(machine: Machine) -> None:
    machine.write("opencode.json", provider("anthropic", "https://team.corp/v1", apiKey="theirs"))
    recipe = machine.recipe(opencode)
    assert (recipe.upstreams, recipe.notes) == ({"anthropic": "https://team.corp"}, ())
    assert machine.recipe(opencode, OPENCODE_DISABLE_PROJECT_CONFIG="1").upstreams == {}


def test_the_administrators_address_is_told(machine: Machine, opencode_managed: Path) -> None:
    (opencode_managed / "opencode.json").write_text(json.dumps(provider("openai", "https://corp/v1")))
    (note,) = machine.recipe(opencode).notes
    assert "sets baseURL of openai: its calls are not guarded" in note


@pytest.mark.parametrize("broken", ["{", "[]", '{"provider": []}', '{"provider": {"anthropic": 1}}', "\0\xff"])
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write(USER, broken)
    machine.write("~/.local/share/opencode/auth.json", broken)
    recipe = machine.recipe(opencode, OPENCODE_CONFIG_CONTENT=broken, ANTHROPIC_API_KEY="k")
    assert urls(recipe) == {"anthropic": f"{BASE}/anthropic/v1"}
