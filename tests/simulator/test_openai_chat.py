"""OpenAI Chat Completions as its client libraries read it."""

from __future__ import annotations

import json
from typing import Any

from tests.simulator.support import Answer, Client
from tokenguard.simulator import Simulator

SHELL = {
    "type": "function",
    "function": {
        "name": "run_shell_command",
        "parameters": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
    },
}


def assembled(answer: Answer) -> dict[str, Any]:
    """Content, tool call, finish reason and usage of a stream."""
    built: dict[str, Any] = {"content": "", "arguments": "", "name": None, "finish": None, "usage": None}
    assert answer.events[-1][1] == "[DONE]"
    for _, chunk in answer.events[:-1]:
        built["usage"] = chunk.get("usage") or built["usage"]
        for choice in chunk["choices"]:
            delta = choice["delta"]
            built["content"] += delta.get("content") or ""
            built["finish"] = choice["finish_reason"] or built["finish"]
            for call in delta.get("tool_calls", []):
                built["name"] = call["function"].get("name") or built["name"]
                built["arguments"] += call["function"]["arguments"]
    return built


async def test_a_document_and_a_stream_say_and_bill_the_same_size(sim: Simulator, client: Client) -> None:
    document = (await client.say("openai-chat", "Hello [sim:output=37]")).json
    stream = assembled(await client.say("openai-chat", "Hello [sim:output=37]", stream=True))
    assert len(document["choices"][0]["message"]["content"].encode()) == 37 * 4 == len(stream["content"].encode())
    assert document["choices"][0]["finish_reason"] == "stop" == stream["finish"]
    assert document["usage"] == stream["usage"]
    assert document["usage"]["completion_tokens"] == 37
    assert [call.usage.output for call in sim.bill().calls] == [37, 37]


async def test_a_stream_reports_usage_only_when_asked(sim: Simulator, client: Client) -> None:
    answer = await client.say("openai-chat", "Hello", stream=True, stream_options=None)
    assert all("usage" not in chunk for _, chunk in answer.events[:-1])
    asked = await client.say("openai-chat", "Hello", stream=True)
    report = asked.events[-2][1]
    assert report["choices"] == [] and report["usage"]["total_tokens"] > 0
    silent, told = sim.bill().calls
    assert silent.nanos > 0 and silent.usage.input == told.usage.input


async def test_mistral_calls_a_tool_in_one_piece_and_always_reports_usage(sim: Simulator, client: Client) -> None:
    answer = await client.say(
        "openai-chat", "Look [sim:tool]", model="mistral-medium-2604", tools=[SHELL], stream=True, stream_options=None
    )
    called = [chunk for _, chunk in answer.events[:-1] if chunk["choices"][0]["delta"].get("tool_calls")]
    (function,) = [call["function"] for chunk in called for call in chunk["choices"][0]["delta"]["tool_calls"]]
    assert json.loads(function["arguments"]) == {"command": "echo simulated-step-1"}
    last = answer.events[-2][1]
    (billed,) = sim.bill().calls
    assert (last["choices"][0]["finish_reason"], last["usage"]["completion_tokens"]) == (
        "tool_calls",
        billed.usage.output,
    )
    assert [chunk for _, chunk in answer.events[:-2] if "usage" in chunk] == []


async def test_asking_for_usage_changes_nothing_else(sim: Simulator, client: Client) -> None:
    silent = await client.say("openai-chat", "Hello", stream=True, stream_options=None)
    sim.reset()
    told = await client.say("openai-chat", "Hello", stream=True)
    assert assembled(silent)["content"] == assembled(told)["content"]


async def test_a_tool_loop(client: Client) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Do it [sim:tool]"}]
    more: dict[str, Any] = {"messages": messages, "tools": [SHELL]}
    first = assembled(await client.say("openai-chat", "", stream=True, **more))
    assert first["finish"] == "tool_calls" and first["name"] == "run_shell_command"
    assert json.loads(first["arguments"]) == {"command": "echo simulated-step-1"}
    document = (await client.say("openai-chat", "", **more)).json["choices"][0]
    call = document["message"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"command": "echo simulated-step-1"}
    messages += [document["message"], {"role": "tool", "tool_call_id": call["id"], "content": "printed"}]
    second = assembled(await client.say("openai-chat", "", stream=True, **more))
    assert second["content"].startswith("The command printed: printed")


async def test_reasoning_is_hidden_inside_the_completion(sim: Simulator, client: Client) -> None:
    asked = {"reasoning_effort": "high"}
    answer = await client.say("openai-chat", "x [sim:thinking=40][sim:output=20]", stream=True, **asked)
    built = assembled(answer)
    assert len(built["content"].encode()) == 80
    assert built["usage"]["completion_tokens"] == 60
    assert built["usage"]["completion_tokens_details"]["reasoning_tokens"] == 40
    assert sim.bill().calls[0].usage.output == 60


async def test_the_output_limit(client: Client) -> None:
    for field in ("max_tokens", "max_completion_tokens"):
        limit: dict[str, Any] = {field: 12}
        answer = (await client.say("openai-chat", "x [sim:output=500]", **limit)).json
        assert answer["choices"][0]["finish_reason"] == "length" and answer["usage"]["completion_tokens"] == 12


async def test_a_schema_is_answered_with_valid_json(client: Client) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n"]}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    answer = await client.say("openai-chat", "x", response_format=form)
    assert json.loads(answer.json["choices"][0]["message"]["content"]) == {"n": 3}


async def test_errors(client: Client) -> None:
    answer = await client.say("openai-chat", "x [sim:midstream-error]", stream=True)
    assert "error" in answer.events[-1][1]
    refused = await client.say("openai-chat", "x [sim:error=500]")
    assert refused.status == 500 and refused.json["error"]["type"] == "server_error"
    assert (await client.say("openai-chat", "x", messages=[])).status == 400
