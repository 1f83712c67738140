"""What a request repeats, in the words of every dialect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.histories import LS, PWD, READ, Called, Turn, facts_of, request
from tokenguard.records import Trail
from tokenguard.wire import DIALECTS
from tokenguard.wire.repeating import fingerprint

TURNS = st.lists(st.sampled_from([(LS,), (PWD,), (READ,), (LS, READ), (LS, LS)]), max_size=8)


def trail(dialect: str, turns: Sequence[Turn], **options: Any) -> Trail:
    return facts_of(dialect, request(dialect, turns, **options)).trail


@pytest.mark.parametrize("dialect", DIALECTS)
def test_turns_in_a_row_that_call_the_same_are_counted(dialect: str) -> None:
    for count in (1, 2, 9):
        found = trail(dialect, [(READ,), *[(LS,)] * count])
        assert (found.tool, found.repeats) == ("Bash", count)
    assert trail(dialect, [(LS,), (LS,), (PWD,)]).repeats == 1
    assert trail(dialect, [(LS,), (LS,), (READ,), (LS,)]).repeats == 1
    assert trail(dialect, [(LS,), (LS, LS)]).repeats == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_calls_are_the_same_by_name_and_arguments(dialect: str) -> None:
    calls = {
        trail(dialect, [turn]).calls
        for turn in ((LS,), (PWD,), (READ,), (Called("Read", LS.given),), (LS, LS), (LS, READ), (Called("Bash", {}),))
    }
    assert len(calls) == 7 and 0 not in calls
    assert trail(dialect, [(LS,)], seed=1).calls == trail(dialect, [(READ,), (LS,)], seed=2).calls


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_order_of_calls_does_not_matter(dialect: str) -> None:
    found = trail(dialect, [(LS, READ), (READ, LS), (LS, READ)])
    assert (found.tool, found.repeats) == ("Bash", 3)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_fresh_prompt_ends_a_repetition(dialect: str) -> None:
    found = trail(dialect, [(LS,)] * 5, then="what now?")
    assert (found.tool, found.calls, found.repeats) == ("", 0, 0)
    assert found.body != 0
    first = trail(dialect, [])
    assert (first.calls, first.repeats) == (0, 0)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_prompt_in_between_does_so_too(dialect: str) -> None:
    whole, tail = request(dialect, [(LS,)] * 3, then="again"), request(dialect, [(LS,)] * 2)
    inside = whole.get("request", whole)
    for key in ("messages", "input", "contents"):
        if key in inside:
            inside[key] += tail.get("request", tail)[key][1:]
    assert facts_of(dialect, whole).trail.repeats == 2


@pytest.mark.parametrize("dialect", DIALECTS)
@given(turns=TURNS, seed=st.integers(0, 9))
def test_it_is_as_counted_by_hand(dialect: str, turns: list[Turn], seed: int) -> None:
    expected = 0
    for turn in reversed(turns):
        if sorted(turn) != sorted(turns[-1]):
            break
        expected += 1
    assert trail(dialect, turns, seed=seed).repeats == expected


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_request_is_known_and_another_is_told_apart(dialect: str) -> None:
    bodies = [
        trail(dialect, turns, prompt=prompt).body
        for prompt in ("fix it", "break it")
        for turns in ([], [(LS,)], [(LS,), (LS,)])
    ]
    assert len(set(bodies)) == 6 and 0 not in bodies
    assert trail(dialect, [(LS,)]).body == bodies[1]


def test_fields_that_change_with_every_request_do_not_matter() -> None:
    one = request("code-assist", [(LS,)])
    assert facts_of("code-assist", one).trail == facts_of("code-assist", one | {"user_prompt_id": "another"}).trail
    one = request("anthropic-messages", [(LS,)])
    again = one | {"metadata": {"user_id": "x"}, "stream": True}
    assert facts_of("anthropic-messages", one).trail == facts_of("anthropic-messages", again).trail


def test_another_system_prompt_is_another_request() -> None:
    one = request("openai-responses", [])
    assert facts_of("openai-responses", one).trail != facts_of("openai-responses", one | {"instructions": "x"}).trail
    later = one | {"previous_response_id": "resp_1"}
    assert facts_of("openai-responses", one).trail != facts_of("openai-responses", later).trail


def test_cache_marks_that_move_on_do_not_matter() -> None:
    history = request("anthropic-messages", [(LS,)] * 3)
    history["messages"][-2]["content"][-1]["cache_control"] = {"type": "ephemeral"}
    assert facts_of("anthropic-messages", history).trail.repeats == 3


def test_what_the_system_says_in_between_is_no_prompt() -> None:
    history = request("openai-chat", [(LS,)] * 3)
    history["messages"].insert(-2, {"role": "system", "content": "keep going"})
    history["messages"].append({"role": "developer", "content": "keep going"})
    assert facts_of("openai-chat", history).trail.repeats == 3


def test_an_answer_without_a_call_ends_a_repetition() -> None:
    history = request("openai-chat", [(LS,)] * 3)
    history["messages"][-2]["tool_calls"] = []
    assert facts_of("openai-chat", history).trail.repeats == 0


def test_words_of_the_model_at_the_end_are_no_result() -> None:
    history = request("anthropic-messages", [(LS,)] * 3)
    history["messages"].append({"role": "assistant", "content": "I will"})
    assert facts_of("anthropic-messages", history).trail.repeats == 0


def test_a_turn_may_be_written_as_several_messages() -> None:
    history = request("anthropic-messages", [(LS, READ)] * 2)
    first = history["messages"][1]["content"]
    history["messages"][1:2] = [{"role": "assistant", "content": [part]} for part in first]
    found = facts_of("anthropic-messages", history).trail
    assert (found.tool, found.repeats) == ("Bash", 2)


@pytest.mark.parametrize(
    ("call", "result", "name"),
    [
        (
            {"type": "custom_tool_call", "name": "apply_patch", "input": "*** Begin"},
            "custom_tool_call_output",
            "apply_patch",
        ),
        ({"type": "local_shell_call", "action": {"command": ["ls"]}}, "local_shell_call_output", "local_shell"),
        ({"type": "shell_call", "action": {"commands": ["ls"]}}, "shell_call_output", "shell"),
        ({"type": "apply_patch_call", "operation": {"path": "a"}}, "apply_patch_call_output", "apply_patch"),
        ({"type": "computer_call", "action": {"type": "click"}}, "computer_call_output", "computer"),
    ],
)
def test_all_tools_of_the_responses_api_are_known(call: dict[str, Any], result: str, name: str) -> None:
    turns = [[{**call, "call_id": f"{n}"}, {"type": result, "call_id": f"{n}", "output": "x"}] for n in range(3)]
    found = facts_of("openai-responses", {"model": "m", "input": [item for turn in turns for item in turn]}).trail
    assert (found.tool, found.repeats) == (name, 3)
    given = next(key for key in ("input", "action", "operation") if key in call)
    turns[-1][0][given] = "another"
    assert facts_of("openai-responses", {"input": [item for turn in turns for item in turn]}).trail.repeats == 1


def test_the_old_function_of_a_chat_is_a_tool() -> None:
    turn = [
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "x"},
    ]
    found = facts_of("openai-chat", {"model": "m", "messages": turn * 2}).trail
    assert (found.tool, found.repeats) == ("f", 2)


@pytest.mark.parametrize("calls", ["x", [{}], [{"function": 7}], [{"function": {"name": 7}}], {}])
def test_what_is_no_call_does_no_harm(calls: object) -> None:
    turn = [{"role": "assistant", "tool_calls": calls, "content": None}, {"role": "tool", "content": "x"}]
    facts = facts_of("openai-chat", {"model": "m", "messages": turn * 2})
    assert facts.uncapped == () and facts.prompt.messages == 4


def test_a_single_text_repeats_nothing() -> None:
    assert DIALECTS["openai-responses"].facts("/v1/responses", b'{"model":"m"}').trail == Trail()
    found = DIALECTS["openai-responses"].facts("/v1/responses", b'{"model":"m","input":"hi"}').trail
    assert found == Trail(found.body) and found.body


@given(st.binary(min_size=3000, max_size=6000), st.integers(0, 2999))
def test_large_bytes_are_told_apart_by_their_end_and_their_length(data: bytes, at: int) -> None:
    changed = data[: -at - 1] + bytes([data[-at - 1] ^ 1]) + (data[-at:] if at else b"")
    assert fingerprint(data) == fingerprint(bytes(bytearray(data))) != fingerprint(data + b"x")
    if at < 2048:
        assert fingerprint(data) != fingerprint(changed)


def test_large_requests_are_told_apart_by_a_paragraph_in_the_middle() -> None:
    one, other = (json.dumps(["x" * 5_000 + word * 200 + "y" * 5_000]).encode() for word in ("cats ", "dogs "))
    assert fingerprint(one) != fingerprint(other)
