"""Claude Code at Bedrock and Vertex: guarded where its credentials hold at another address, and told where not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.agents_modules.support import BASE, Machine, json_file
from tokenguard.agents import Recipe, claude

BEDROCK = {"CLAUDE_CODE_USE_BEDROCK": "1", "AWS_BEARER_TOKEN_BEDROCK": "k"}
VERTEX = {"CLAUDE_CODE_USE_VERTEX": "true", "ANTHROPIC_VERTEX_PROJECT_ID": "p"}


@pytest.fixture(autouse=True)
def managed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The administrator's file, which is not there."""
    monkeypatch.setattr(claude, "_MANAGED", (tmp_path / "managed.json",))
    return tmp_path / "managed.json"


def settings(recipe: Recipe) -> dict[str, Any]:
    env: dict[str, Any] = json_file(recipe, "claude-settings.json")["env"]
    return {name: env[name] for name in ("ANTHROPIC_BEDROCK_BASE_URL", "ANTHROPIC_VERTEX_BASE_URL") if name in env}


@pytest.mark.parametrize(
    ("env", "region"),
    [
        ({}, None),
        ({"AWS_REGION": "us-east-1"}, None),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2", "AWS_PROFILE": "work"}, "eu-west-2"),
        ({"AWS_PROFILE": "work"}, "eu-west-3"),
        ({"AWS_CONFIG_FILE": "/nowhere"}, None),
    ],
)
def test_a_bedrock_key_is_led_through(machine: Machine, env: dict[str, str], region: str | None) -> None:
    machine.write("~/.aws/config", "[profile work]\nregion = eu-west-3\n")
    recipe = machine.recipe(claude, **BEDROCK, **env)
    assert settings(recipe) == {"ANTHROPIC_BEDROCK_BASE_URL": f"{BASE}/bedrock"}
    assert recipe.upstreams == ({"bedrock": f"https://bedrock-runtime.{region}.amazonaws.com"} if region else {})
    assert recipe.notes == ()


def test_the_region_of_the_default_profile(machine: Machine) -> None:
    machine.write("~/.aws/config", "[default]\nregion=ap-south-1")
    upstreams = {"bedrock": "https://bedrock-runtime.ap-south-1.amazonaws.com"}
    assert machine.recipe(claude, **BEDROCK).upstreams == upstreams


@pytest.mark.parametrize("broken", ["[default", "region = x", "\0\xff"])
def test_a_broken_profile_counts_as_absent(machine: Machine, broken: str) -> None:
    machine.write("~/.aws/config", broken)
    assert machine.recipe(claude, **BEDROCK).upstreams == {}


def test_signed_calls_stay_as_they_are_and_are_told(machine: Machine) -> None:
    """A signature covers host and path: at ours, AWS would turn them away."""
    recipe = machine.recipe(claude, CLAUDE_CODE_USE_BEDROCK="1", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="s")
    assert (settings(recipe), recipe.upstreams) == ({}, {})
    (note,) = recipe.notes
    assert "AWS_BEARER_TOKEN_BEDROCK" in note and note.endswith("not guarded")


def test_so_do_calls_to_two_regions(machine: Machine) -> None:
    env = {"AWS_REGION": "us-west-2", "ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION": "us-east-1"}
    recipe = machine.recipe(claude, **BEDROCK, **env)
    assert (settings(recipe), len(recipe.notes)) == ({}, 1)


def test_a_gateway_that_signs_becomes_the_upstream(machine: Machine) -> None:
    own = {"CLAUDE_CODE_SKIP_BEDROCK_AUTH": "1", "ANTHROPIC_BEDROCK_BASE_URL": "https://llm.corp/bedrock/"}
    recipe = machine.recipe(claude, CLAUDE_CODE_USE_BEDROCK="1", **own)
    assert settings(recipe) == {"ANTHROPIC_BEDROCK_BASE_URL": f"{BASE}/bedrock"}
    assert (recipe.upstreams, recipe.notes) == ({"bedrock": "https://llm.corp/bedrock"}, ())


@pytest.mark.parametrize(
    ("region", "host"),
    [
        (None, "us-east5-aiplatform.googleapis.com"),
        ("europe-west1", "europe-west1-aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("global", None),
    ],
)
def test_vertex_is_led_through(machine: Machine, region: str | None, host: str | None) -> None:
    recipe = machine.recipe(claude, **VERTEX, **({"CLOUD_ML_REGION": region} if region else {}))
    assert settings(recipe) == {"ANTHROPIC_VERTEX_BASE_URL": f"{BASE}/vertex/v1"}
    assert recipe.upstreams == ({"vertex": f"https://{host}"} if host else {})
    assert recipe.notes == ()


def test_models_in_several_regions_are_told(machine: Machine) -> None:
    regions = {"CLOUD_ML_REGION": "us-east5", "VERTEX_REGION_CLAUDE_HAIKU_4_5": "europe-west1"}
    recipe = machine.recipe(claude, **VERTEX, **regions)
    assert (settings(recipe), recipe.upstreams) == ({}, {})
    (note,) = recipe.notes
    assert note.endswith("not guarded")


def test_the_users_own_address_of_vertex(machine: Machine) -> None:
    recipe = machine.recipe(claude, **VERTEX, ANTHROPIC_VERTEX_BASE_URL="https://llm.corp/vertex/v1")
    assert settings(recipe) == {"ANTHROPIC_VERTEX_BASE_URL": f"{BASE}/vertex/v1"}
    assert recipe.upstreams == {"vertex": "https://llm.corp/vertex"}


def test_settings_choose_a_cloud_too(machine: Machine) -> None:
    machine.write("~/.claude/settings.json", {"env": {**BEDROCK, "AWS_REGION": "eu-north-1"}})
    assert machine.recipe(claude).upstreams == {"bedrock": "https://bedrock-runtime.eu-north-1.amazonaws.com"}


def test_what_is_off_is_off(machine: Machine) -> None:
    off = {"CLAUDE_CODE_USE_BEDROCK": "0", "CLAUDE_CODE_USE_VERTEX": "false"}
    recipe = machine.recipe(claude, **off)
    assert (settings(recipe), recipe.notes) == ({}, ())


def test_inside_a_guarded_run_they_lead_to_the_clouds_themselves(machine: Machine) -> None:
    outer = {
        "ANTHROPIC_BEDROCK_BASE_URL": "http://127.0.0.1:4747/s/outer/bedrock",
        "ANTHROPIC_VERTEX_BASE_URL": "http://127.0.0.1:4747/s/outer/vertex/v1",
    }
    recipe = machine.recipe(claude, **BEDROCK, **VERTEX, **outer, AWS_REGION="us-west-2")
    assert recipe.upstreams == {
        "bedrock": "https://bedrock-runtime.us-west-2.amazonaws.com",
        "vertex": "https://us-east5-aiplatform.googleapis.com",
    }


def test_a_managed_address_is_told(machine: Machine, managed: Path) -> None:
    managed.write_text('{"env": {"ANTHROPIC_VERTEX_BASE_URL": "https://llm.corp/v1"}}')
    (note,) = machine.recipe(claude, **VERTEX).notes
    assert "ANTHROPIC_VERTEX_BASE_URL" in note and note.endswith("not guarded")


@pytest.mark.parametrize("dialect", ["vertex-anthropic", "bedrock-invoke"])
def test_a_refusal_is_the_one_of_anthropic(dialect: str) -> None:
    refusal = claude.refuse(dialect, "stopped")
    assert refusal is not None and (refusal.status, b"stopped" in refusal.body) == (402, True)


def test_by_hand() -> None:
    bedrock, vertex = claude.by_hand(BASE).notes
    assert f"ANTHROPIC_BEDROCK_BASE_URL={BASE}/bedrock" in bedrock
    assert f"ANTHROPIC_VERTEX_BASE_URL={BASE}/vertex/v1" in vertex
