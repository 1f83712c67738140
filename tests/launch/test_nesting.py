"""A run within a run finds the environment in which the user started the outer one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.launch.support import FakeDaemon, launched
from tokenguard.launch.nesting import BEFORE, kept, restore

RUNS = Path("/state/runs")
OURS = "http://127.0.0.1:4747/s/token"


def within(env: dict[str, str], ours: dict[str, str], **changed: str) -> dict[str, str]:
    """The environment that an inner run starts with, which the agent or its user has changed."""
    inside = {**env, **ours, **kept(env, ours), **changed}
    restore(inside, RUNS)
    return inside


@pytest.mark.parametrize(
    ("env", "ours"),
    [
        ({"OPENAI_BASE_URL": "https://llm.corp/v1"}, {"OPENAI_BASE_URL": f"{OURS}/openai/v1"}),
        ({}, {"OPENAI_BASE_URL": f"{OURS}/openai/v1"}),
        ({"GEMINI_CLI_HOME": "/home/u/g"}, {"GEMINI_CLI_HOME": f"{RUNS}/12-ab"}),
        ({}, {"GEMINI_CLI_HOME": f"{RUNS}/12-ab"}),
        ({"SETTINGS": '{"url": "https://a"}'}, {"SETTINGS": json.dumps({"url": f"{OURS}/anthropic/v1"})}),
        ({"LANG": "C", "EMPTY": ""}, {}),
    ],
)
def test_what_a_run_replaces_is_put_back(env: dict[str, str], ours: dict[str, str]) -> None:
    assert within(env, ours) == env


def test_what_an_agent_sets_by_its_own_settings_is_put_back_too() -> None:
    """Claude Code puts the addresses of its settings into the environment of what it starts."""
    env = {"ANTHROPIC_BASE_URL": "https://llm.corp", "OTHER_API": "https://other.corp"}
    mine = {name: f"{OURS}/anthropic" for name in (*env, "ANTHROPIC_API_BASE")}
    assert within(env, {}, **mine) == env


def test_what_somebody_sets_for_the_inner_run_stays() -> None:
    ours = {"OPENAI_BASE_URL": f"{OURS}/openai/v1"}
    inside = within({"OPENAI_BASE_URL": "https://llm.corp/v1"}, ours, OPENAI_BASE_URL="https://mine/v1", NEW="1")
    assert inside == {"OPENAI_BASE_URL": "https://mine/v1", "NEW": "1"}


def test_a_loopback_address_of_the_users_is_not_ours() -> None:
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"}
    assert within(env, {}) == env


@pytest.mark.parametrize("odd", ["", "[]", "null", "{", '{"A": 1, "OPENAI_BASE_URL": 7}'])
def test_whatever_stands_in_the_variable_harms_nothing(odd: str) -> None:
    env = {BEFORE: odd, "A": "1"}
    restore(env, RUNS)
    assert env == {"A": "1"}


def test_an_inner_run_goes_where_the_user_wants_it_and_says_within_which_it_is(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://llm.corp/v1")
    monkeypatch.delenv("TOKENGUARD_SESSION", raising=False)
    done = subprocess.run(launched(*launched("env", "-0")), capture_output=True, text=True, check=True)
    outer, inner = (daemon.wait_for("sessions", number).body for number in (1, 2))
    assert (outer["parent"], inner["parent"]) == (None, "bcdfg")
    assert outer["upstreams"] == inner["upstreams"] == [["openai", "https://llm.corp"]]
    shown = dict(line.split("=", 1) for line in done.stdout.rstrip("\0").split("\0"))
    assert shown["OPENAI_BASE_URL"] == f"http://127.0.0.1:4747/s/{inner['token']}/openai/v1"
    assert json.loads(shown[BEFORE])["OPENAI_BASE_URL"] == "https://llm.corp/v1"
    assert outer["run_pid"] != inner["run_pid"]
