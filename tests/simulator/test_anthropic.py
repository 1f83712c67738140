"""Anthropic Messages as its client libraries read it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.support import Answer, Client
from tokenguard.simulator import Simulator, Usage

BASH = {
    "name": "Bash",
    "description": "Run a command.",
    "input_schema": {
        "type": "object",
        "properties": {"command": {"type": "string"}, "description": {"type": "string"}},
        "required": ["command"],
    },
}


def assembled(answer: Answer) -> dict[str, Any]:
    """The message that a client library builds from a stream."""
    message: dict[str, Any] = {}
    partial: dict[int, str] = {}
    order: list[str] = []
    for name, data in answer.events:
        assert name == data["type"]
        order.append(name)
        if name == "message_start":
            message = data["message"]
        elif name == "content_block_start":
            assert data["index"] == len(message["content"])
            message["content"].append(data["content_block"])
        elif name == "content_block_delta":
            block, delta = message["content"][data["index"]], data["delta"]
            kind = delta["type"]
            if kind == "input_json_delta":
                partial[data["index"]] = partial.get(data["index"], "") + delta["partial_json"]
            else:
                field = kind.removesuffix("_delta")
                block[field] += delta[field]
        elif name == "message_delta":
            message |= data["delta"]
            message["usage"] = message["usage"] | data["usage"]
    for index, written in partial.items():
        message["content"][index]["input"] = json.loads(written)
    assert order[0] == "message_start" and order[-1] == "message_stop"
    return message


async def test_a_document_and_a_stream_say_and_bill_the_same_size(sim: Simulator, client: Client) -> None:
    words = "Hello [sim:output=37]"
    document = await client.say("anthropic-messages", words)
    stream = await client.say("anthropic-messages", words, stream=True)
    assert document.headers["request-id"].startswith("req_01")
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    message, streamed = document.json, assembled(stream)
    for one in (message, streamed):
        assert one["stop_reason"] == "end_turn"
        assert [part["type"] for part in one["content"]] == ["text"]
        assert len(one["content"][0]["text"].encode()) == 37 * 4
        assert one["usage"]["output_tokens"] == 37
    assert [call.id for call in sim.bill().calls] == [message["id"], streamed["id"]]
    assert [call.request_id for call in sim.bill().calls] == [
        answer.headers["request-id"] for answer in (document, stream)
    ]
    assert {call.usage for call in sim.bill().calls} == {Usage(input=message["usage"]["input_tokens"], output=37)}


async def test_the_first_event_is_not_the_bill(client: Client) -> None:
    answer = await client.say("anthropic-messages", "Hello [sim:search=2][sim:output=10]", stream=True)
    start = answer.events[0][1]["message"]["usage"]
    final = next(data["usage"] for name, data in answer.events if name == "message_delta")
    assert final["input_tokens"] == start["input_tokens"] + 4_000
    assert start["output_tokens"] == 1 and final["output_tokens"] == 10
    assert "cache_creation" in start and "cache_creation" not in final
    assert final["server_tool_use"]["web_search_requests"] == 2


async def test_fees_are_on_the_bill(sim: Simulator, client: Client) -> None:
    await client.say("anthropic-messages", "x [sim:search=2][sim:output=10]", stream=True)
    (call,) = sim.bill().calls
    # 10 USD per thousand searches; 2 and 10 USD per million tokens.
    assert call.fees == {"web_search": 2}
    assert call.nanos == 2 * 10_000_000 + call.usage.input * 2_000 + 10 * 10_000


async def test_thinking_comes_first_and_is_part_of_the_output(sim: Simulator, client: Client) -> None:
    asked = {"thinking": {"type": "enabled", "budget_tokens": 4_000}}
    answer = await client.say("anthropic-messages", "x [sim:thinking=50][sim:output=20]", stream=True, **asked)
    message = assembled(answer)
    thinking, text = message["content"]
    assert len(thinking["thinking"].encode()) == 200 and thinking["signature"]
    assert text["type"] == "text"
    assert message["usage"]["output_tokens"] == 70
    assert message["usage"]["output_tokens_details"]["thinking_tokens"] == 50
    assert sim.bill().calls[0].usage.reasoning == 50


async def test_hidden_thinking_is_billed_all_the_same(sim: Simulator, client: Client) -> None:
    asked = {"thinking": {"type": "adaptive", "display": "omitted"}}
    answer = await client.say("anthropic-messages", "x [sim:output=20]", stream=True, **asked)
    thinking = assembled(answer)["content"][0]
    assert thinking["thinking"] == "" and thinking["signature"]
    assert sim.bill().calls[0].usage.reasoning >= 16


async def test_a_tool_loop_ends_in_text_that_quotes_the_result(client: Client) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Do it [sim:turns=2]"}]
    for step in (1, 2):
        answer = await client.say("anthropic-messages", "", stream=True, messages=messages, tools=[BASH])
        message = assembled(answer)
        assert message["stop_reason"] == "tool_use"
        (use,) = message["content"]
        assert use["name"] == "Bash" and use["input"] == {"command": f"echo simulated-step-{step}"}
        reminder = {"type": "text", "text": "<system-reminder>Be brief.</system-reminder>"}
        result = {"type": "tool_result", "tool_use_id": use["id"], "content": f"printed {step}"}
        messages += [
            {"role": "assistant", "content": message["content"]},
            {"role": "user", "content": [result, reminder]},
        ]
    answer = await client.say("anthropic-messages", "", messages=messages, tools=[BASH])
    assert answer.json["stop_reason"] == "end_turn"
    assert answer.json["content"][0]["text"].startswith("The command printed: printed 2")


async def test_a_loop_is_the_same_call_again_and_again(client: Client) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Do it [sim:loop=2][sim:turns=3]"}]
    commands: list[str] = []
    for _ in range(3):
        (use,) = (await client.say("anthropic-messages", "", messages=messages, tools=[BASH])).json["content"]
        commands.append(use["input"]["command"])
        result = {"type": "tool_result", "tool_use_id": use["id"], "content": "printed"}
        messages += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    assert commands == ["echo simulated-step-1"] * 2 + ["echo simulated-step-3"]
    answer = await client.say("anthropic-messages", "", messages=messages, tools=[BASH])
    assert answer.json["stop_reason"] == "end_turn"


@pytest.mark.parametrize("budget", [None, 1_023, 4_000])
async def test_thinking_that_leaves_no_room_for_an_answer_is_an_error(
    sim: Simulator, client: Client, budget: int | None
) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget}
    assert (await client.say("anthropic-messages", "x", thinking=thinking, max_tokens=4_000)).status == 400
    thinking = {"type": "enabled", "budget_tokens": 3_999}
    assert (await client.say("anthropic-messages", "x", thinking=thinking, max_tokens=4_000)).status == 200
    assert len(sim.bill().calls) == 1


async def test_a_new_prompt_ends_an_old_direction(client: Client) -> None:
    messages = [
        {"role": "user", "content": "Do it [sim:turns=9]"},
        {"role": "assistant", "content": "done"},
        {"role": "user", "content": [{"type": "text", "text": "Thanks"}]},
    ]
    answer = await client.say("anthropic-messages", "", messages=messages, tools=[BASH])
    assert answer.json["stop_reason"] == "end_turn"


async def test_the_output_limit_cuts_the_answer(sim: Simulator, client: Client) -> None:
    answer = await client.say("anthropic-messages", "x [sim:output=500]", stream=True, max_tokens=12)
    message = assembled(answer)
    assert message["stop_reason"] == "max_tokens"
    assert message["usage"]["output_tokens"] == 12 == sim.bill().calls[0].usage.output


async def test_a_schema_is_answered_with_valid_json(client: Client) -> None:
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "new": {"type": "boolean"}},
        "required": ["title"],
    }
    form = {"format": {"type": "json_schema", "schema": schema}}
    answer = await client.say("anthropic-messages", "x [sim:turns=3]", output_config=form)
    assert set(json.loads(answer.json["content"][0]["text"])) == {"title"}


async def test_an_advisor_is_a_leg_of_its_own(sim: Simulator, client: Client) -> None:
    answer = await client.say("anthropic-messages", "x [sim:advisor][sim:output=10]", stream=True)
    usage = assembled(answer)["usage"]
    assert usage["output_tokens"] == 10
    advisor, message = usage["iterations"]
    assert (advisor["type"], advisor["model"]) == ("advisor_message", "claude-opus-5-5")
    assert message["type"] == "message" and message["output_tokens"] == 10
    (call,) = sim.bill().calls
    prompt = message["input_tokens"]
    # Opus reads at 4 and writes at 20 USD per million, Sonnet at 2 and 10.
    assert [leg.nanos for leg in call.legs] == [prompt * 4_000 + 120 * 20_000, prompt * 2_000 + 10 * 10_000]
    assert call.nanos == sum(leg.nanos for leg in call.legs)


async def test_offering_tools_costs_a_prompt(sim: Simulator, client: Client) -> None:
    await client.say("anthropic-messages", "x")
    await client.say("anthropic-messages", "x", tools=[BASH])
    without, with_tools = (call.usage.input for call in sim.bill().calls)
    assert with_tools > without + 346


async def test_errors_have_the_shape_of_the_protocol(sim: Simulator, client: Client) -> None:
    answer = await client.say("anthropic-messages", "x [sim:error=529]", stream=True)
    assert answer.status == 529
    assert answer.json["type"] == "error" and answer.json["error"]["type"] == "overloaded_error"
    assert answer.headers["request-id"] == answer.json["request_id"]
    missing = await client.post("/v1/messages", {"model": "claude-opus-5-5", "messages": []})
    assert missing.status == 400 and missing.json["error"]["type"] == "invalid_request_error"
    assert sim.bill().calls == ()


async def test_an_error_in_the_stream(client: Client) -> None:
    answer = await client.say("anthropic-messages", "x [sim:midstream-error=5][sim:output=50]", stream=True)
    assert answer.status == 200
    name, data = answer.events[-1]
    assert name == "error" and data["error"]["type"] == "overloaded_error"


async def test_counting_tokens_is_free_and_right(sim: Simulator, client: Client) -> None:
    body = {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": "word " * 300}], "tools": [BASH]}
    counted = await client.post("/v1/messages/count_tokens", body)
    assert sim.bill().calls == ()
    answer = await client.post("/v1/messages", {**body, "max_tokens": 5})
    assert counted.json["input_tokens"] == answer.json["usage"]["input_tokens"]
