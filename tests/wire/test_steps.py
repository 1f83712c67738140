"""What is seen of the tools that a turn called, in the words of every dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tests.wire.histories import LS, READ, Called, facts_of, request
from tokenguard.records import Step, Trail
from tokenguard.wire import DIALECTS
from tokenguard.wire.steps import step_of

LONG = Called("Bash", {"command": "x" * 900})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_last_turn_tells_what_it_called(dialect: str) -> None:
    trail = facts_of(dialect, request(dialect, [(READ,), (LS, READ)])).trail
    assert trail.steps == (Step("Bash", "ls -la"), Step("Read"))
    assert trail.brings_results


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_prompt_brings_no_results(dialect: str) -> None:
    for found in (request(dialect, []), request(dialect, [(LS,)], then="and now?")):
        trail = facts_of(dialect, found).trail
        assert (trail.steps, trail.brings_results) == ((), False)


def test_results_whose_calls_are_elsewhere_are_results() -> None:
    output = {"type": "function_call_output", "call_id": "call_1", "output": "done"}
    body = {"model": "m", "previous_response_id": "resp_1", "input": [output]}
    trail = DIALECTS["openai-responses"].facts("/v1/responses", json.dumps(body).encode()).trail
    assert trail == Trail(trail.body, brings_results=True)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_of_a_command_only_the_beginning_is_taken(dialect: str) -> None:
    (step,) = facts_of(dialect, request(dialect, [(LONG,)])).trail.steps
    assert step == Step("Bash", "x" * 400)


def step(given_: object, *, encoded: bool = False) -> Step:
    text = json.dumps(given_)
    return step_of(("Bash", Raw(json.dumps(text).encode() if encoded else text.encode())))


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize(
    ("given_", "command"),
    [
        ({"command": "pytest -q", "timeout": 5}, "pytest -q"),
        ({"command": ["bash", "-lc", "pytest -q"], "workdir": "/"}, "bash -lc pytest -q"),
        ({"cmd": "ls"}, "ls"),
        ({"type": "exec", "command": ["ls", "-la"]}, "ls -la"),
        ({"commands": ["ls", "pwd"]}, "ls\npwd"),
        ({"path": "command.py", "content": "secret"}, ""),
        ({"command": {"run": "ls"}}, ""),
        ({"command": None}, ""),
        (["command"], ""),
        ("command", ""),
    ],
)
def test_commands_as_agents_write_them(given_: Any, command: str, encoded: bool) -> None:
    assert step(given_, encoded=encoded) == Step("Bash", command)


def test_arguments_that_hold_files_are_not_looked_at() -> None:
    assert step({"command": "ls", "rest": "x" * (1 << 16)}) == Step("Bash")


@given(name=st.binary(max_size=40), arguments=st.binary(max_size=80) | st.just(b'{"command":'))
def test_nothing_is_too_odd(name: bytes, arguments: bytes) -> None:
    assert isinstance(step_of((Raw(name), Raw(arguments))), Step)
