"""Cline's recipe: a copy of its providers' settings with other base URLs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents_modules.support import BASE, Machine, environment, json_file
from tokenguard.agents import Recipe, cline

USER = "~/.cline/data/settings/providers.json"
FILE = "cline-providers.json"


def entry(provider: str, **settings: object) -> dict[str, Any]:
    return {"settings": {"provider": provider, **settings}, "updatedAt": "2026-11-01T00:00:00.000Z"}


def signed_in(machine: Machine, used: str, *entries: dict[str, Any], file: str = USER) -> None:
    """What Cline writes when its user has given it keys."""
    providers = {one["settings"]["provider"]: one for one in entries}
    machine.write(file, {"version": 1, "lastUsedProvider": used, "providers": providers, "modes": {}})


def urls(recipe: Recipe) -> dict[str, str]:
    """Provider -> the base URL that it gets."""
    providers = json_file(recipe, FILE)["providers"]
    return {name: one["settings"].get("baseUrl") for name, one in providers.items()}


def test_the_settings_are_copied_with_another_address(machine: Machine) -> None:
    signed_in(machine, "anthropic", entry("anthropic", apiKey="k", model="m"))
    recipe = machine.recipe(cline, "hi")
    assert recipe.args == ("hi",)
    assert recipe.env == {
        "NO_PROXY": "127.0.0.1,localhost,hub.invalid",
        "no_proxy": "127.0.0.1,localhost,hub.invalid",
        "CLINE_PROVIDER_SETTINGS_PATH": str(machine.private / FILE),
        "CLINE_SESSION_BACKEND_MODE": "local",
        "CLINE_HUB_DISCOVERY_PATH": str(machine.private / "cline-hub.json"),
        "CLINE_HUB_HOST": "hub.invalid",
    }
    assert json_file(recipe, FILE) == {
        "version": 1,
        "lastUsedProvider": "anthropic",
        "modes": {},
        "providers": {
            "anthropic": {
                "settings": {"provider": "anthropic", "apiKey": "k", "model": "m", "baseUrl": f"{BASE}/anthropic/v1"},
                "updatedAt": "2026-11-01T00:00:00.000Z",
                "tokenSource": "manual",
            }
        },
    }
    assert (recipe.upstreams, recipe.notes) == ({}, ())


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("anthropic", f"{BASE}/anthropic/v1"),
        ("openai-native", f"{BASE}/openai/v1"),
        ("openai-compatible", f"{BASE}/openai/v1"),
        ("gemini", f"{BASE}/gemini/v1beta"),
        ("openrouter", f"{BASE}/openrouter/api/v1"),
        ("mistral", f"{BASE}/mistral/v1"),
        ("xai", f"{BASE}/xai/v1"),
        ("groq", f"{BASE}/groq/openai/v1"),
        ("deepseek", f"{BASE}/deepseek/v1"),
        ("moonshot", f"{BASE}/kimi/v1"),
    ],
)
@pytest.mark.parametrize("option", ["-P", "--provider"])
def test_a_provider_on_the_command_line_needs_no_settings(machine: Machine, name: str, url: str, option: str) -> None:
    recipe = machine.recipe(cline, option, name, "hi")
    assert urls(recipe) == {name: url}
    assert json_file(recipe, FILE)["providers"][name]["updatedAt"]


def test_the_users_own_address_becomes_the_upstream(machine: Machine) -> None:
    signed_in(machine, "anthropic", entry("anthropic", baseUrl="https://gateway.corp/v1"))
    recipe = machine.recipe(cline)
    assert (urls(recipe), recipe.upstreams) == (
        {"anthropic": f"{BASE}/anthropic/v1"},
        {"anthropic": "https://gateway.corp"},
    )


def test_a_provider_that_is_known_by_its_address(machine: Machine) -> None:
    signed_in(machine, "mine", entry("mine", baseUrl="https://openrouter.ai/api/v1"))
    assert urls(machine.recipe(cline)) == {"mine": f"{BASE}/openrouter/api/v1"}


def test_the_provider_in_use_keeps_its_address_where_two_differ(machine: Machine) -> None:
    native, compatible = (
        entry(f"openai-{kind}", baseUrl=f"https://{kind}.corp/v1") for kind in ("native", "compatible")
    )
    signed_in(machine, "openai-native", compatible, native)
    recipe = machine.recipe(cline)
    assert urls(recipe) == {
        "openai-native": f"{BASE}/openai/v1",
        "openai-compatible": "https://compatible.corp/v1",
    }
    assert recipe.upstreams == {"openai": "https://native.corp"}


@pytest.mark.parametrize(
    ("option", "variables"),
    [
        ((), {"CLINE_PROVIDER_SETTINGS_PATH": "{home}/x/settings/providers.json"}),
        ((), {"CLINE_DATA_DIR": "{home}/x"}),
        ((), {"CLINE_DIR": "{home}/y"}),
        (("--config", "{home}/y"), {}),
    ],
)
def test_settings_elsewhere(machine: Machine, option: tuple[str, ...], variables: dict[str, str]) -> None:
    for file in ("~/x/settings/providers.json", "~/y/data/settings/providers.json"):
        signed_in(machine, "gemini", entry("gemini", apiKey="k"), file=file)
    home = str(machine.home)
    env = {name: value.replace("{home}", home) for name, value in variables.items()}
    args = [value.replace("{home}", home) for value in option]
    assert urls(machine.recipe(cline, *args, **env)) == {"gemini": f"{BASE}/gemini/v1beta"}


def test_what_env_has_written_does_not_lead_a_run_astray(machine: Machine) -> None:
    signed_in(machine, "anthropic", entry("anthropic", baseUrl="http://127.0.0.1:4747/anthropic/v1"))
    recipe = machine.recipe(cline)
    assert (urls(recipe), recipe.upstreams, recipe.notes) == ({"anthropic": f"{BASE}/anthropic/v1"}, {}, ())


def test_a_key_of_another_region_stays_there(machine: Machine) -> None:
    signed_in(machine, "moonshot", entry("moonshot", apiLine="china"))
    assert machine.recipe(cline).notes == ("Cline uses its provider moonshot: its calls are not guarded",)
    signed_in(machine, "moonshot", entry("moonshot", apiLine="china", baseUrl="https://api.moonshot.ai/v1"))
    assert urls(machine.recipe(cline)) == {"moonshot": f"{BASE}/kimi/v1"}


def test_a_login_is_left_alone(machine: Machine) -> None:
    """Its tokens are renewed in the file: a copy would lose the new ones."""
    login = entry("anthropic", auth={"accessToken": "a", "refreshToken": "r"})
    signed_in(machine, "anthropic", login)
    recipe = machine.recipe(cline)
    assert (environment(recipe), recipe.files) == ({}, {})
    assert recipe.notes == ("Cline uses its provider anthropic: its calls are not guarded",)
    signed_in(machine, "gemini", login, entry("gemini"))
    assert urls(machine.recipe(cline)) == {"anthropic": None, "gemini": f"{BASE}/gemini/v1beta"}


@pytest.mark.parametrize("used", ["cline", "bedrock"])
def test_other_services_are_told(machine: Machine, used: str) -> None:
    signed_in(machine, used, entry(used), entry("anthropic"))
    recipe = machine.recipe(cline)
    assert (environment(recipe), recipe.files) == ({}, {})
    assert recipe.notes == (f"Cline uses its provider {used}: its calls are not guarded",)


def test_its_own_service_is_what_it_uses_at_first(machine: Machine) -> None:
    """Its first dialog writes the settings: they must not go away with the run."""
    recipe = machine.recipe(cline)
    assert (environment(recipe), recipe.files, len(recipe.notes)) == ({}, {}, 1)


@pytest.mark.parametrize("command", ["auth", "config", "hub", "history", "schedule"])
def test_commands_that_keep_settings_get_the_users_own(machine: Machine, command: str) -> None:
    signed_in(machine, "anthropic", entry("anthropic"))
    recipe = machine.recipe(cline, command, "x")
    assert (recipe.args, environment(recipe), recipe.files) == ((command, "x"), {}, {})


@pytest.mark.parametrize(
    ("args", "note"),
    [
        (("--zen", "hi"), "outlives this run"),
        (("-z",), "outlives this run"),
        (("--data-dir", "/x"), "from --data-dir"),
    ],
)
def test_what_is_not_guarded_is_told(machine: Machine, args: tuple[str, ...], note: str) -> None:
    signed_in(machine, "anthropic", entry("anthropic"))
    assert note in machine.recipe(cline, *args).notes[0]


def test_a_hub_that_the_user_wants_is_told(machine: Machine) -> None:
    signed_in(machine, "anthropic", entry("anthropic"))
    recipe = machine.recipe(cline, CLINE_SESSION_BACKEND_MODE="hub")
    assert recipe.env["CLINE_SESSION_BACKEND_MODE"] == "local"
    assert "CLINE_SESSION_BACKEND_MODE is not used" in recipe.notes[0]


@pytest.mark.parametrize("broken", ["{", "[]", '{"providers": []}', '{"providers": {"anthropic": 1}}', "\0\xff"])
def test_broken_settings_count_as_absent(machine: Machine, broken: str) -> None:
    machine.write(USER, broken)
    assert urls(machine.recipe(cline, "-P", "anthropic"))["anthropic"] == f"{BASE}/anthropic/v1"


def test_the_dialects_own_refusal_serves() -> None:
    assert cline.refuse("anthropic-messages", "stopped") is None


def test_by_hand() -> None:
    ((file, text),) = cline.by_hand(BASE).settings
    assert file == USER
    assert f"anthropic: {BASE}/anthropic/v1" in text.splitlines()
