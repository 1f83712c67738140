"""OpenAI Responses as its client libraries read it."""

from __future__ import annotations

import json
from typing import Any

from tests.simulator.support import Answer, Client
from tokenguard.simulator import Simulator

SHELL = {
    "type": "function",
    "name": "shell",
    "parameters": {
        "type": "object",
        "properties": {"command": {"type": "array", "items": {"type": "string"}}, "workdir": {"type": "string"}},
        "required": ["command"],
    },
}


def assembled(answer: Answer) -> dict[str, Any]:
    """The final response, after checking that the deltas before it tell the same."""
    texts: dict[str, str] = {}
    items: list[dict[str, Any]] = []
    final: dict[str, Any] = {}
    for number, (name, data) in enumerate(answer.events):
        assert name == data["type"] and data["sequence_number"] == number
        if name == "response.created":
            assert data["response"]["usage"] is None and data["response"]["service_tier"] == "auto"
        elif name.endswith(".delta"):
            texts[data["item_id"]] = texts.get(data["item_id"], "") + data["delta"]
        elif name == "response.output_item.done":
            assert data["output_index"] == len(items)
            items.append(data["item"])
        elif name in ("response.completed", "response.incomplete"):
            final = data["response"]
    assert final["output"] == items
    for item in items:
        if item["type"] == "message":
            assert texts[item["id"]] == item["content"][0]["text"]
        if item["type"] == "function_call":
            assert texts[item["id"]] == item["arguments"]
        if item["type"] == "custom_tool_call":
            assert texts[item["id"]] == item["input"]
        if item["type"] == "reasoning" and item["summary"]:
            assert texts[item["id"]] == item["summary"][0]["text"]
    return final


async def test_a_document_and_a_stream_say_and_bill_the_same_size(sim: Simulator, client: Client) -> None:
    document = await client.say("openai-responses", "Hello [sim:output=37]")
    stream = await client.say("openai-responses", "Hello [sim:output=37]", stream=True)
    assert document.headers["x-request-id"].startswith("req_")
    for response in (document.json, assembled(stream)):
        (message,) = response["output"]
        assert len(message["content"][0]["text"].encode()) == 37 * 4
        assert response["status"] == "completed" and response["service_tier"] == "default"
        assert response["usage"]["output_tokens"] == 37
        assert response["usage"]["total_tokens"] == response["usage"]["input_tokens"] + 37
    assert [call.id for call in sim.bill().calls] == [document.json["id"], assembled(stream)["id"]]


async def test_only_the_last_event_carries_usage(client: Client) -> None:
    answer = await client.say("openai-responses", "Hello", stream=True)
    with_usage = [name for name, data in answer.events if data.get("response", {}).get("usage")]
    assert with_usage == ["response.completed"]


async def test_reasoning_is_inside_the_output(sim: Simulator, client: Client) -> None:
    asked = {"reasoning": {"effort": "high", "summary": "auto"}}
    answer = await client.say("openai-responses", "x [sim:thinking=40][sim:output=20]", stream=True, **asked)
    response = assembled(answer)
    assert [item["type"] for item in response["output"]] == ["reasoning", "message"]
    assert response["usage"]["output_tokens"] == 60
    assert response["usage"]["output_tokens_details"]["reasoning_tokens"] == 40
    assert sim.bill().calls[0].usage.output == 60


async def test_a_tool_loop(client: Client) -> None:
    items: list[dict[str, Any]] = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Do it [sim:tool]"}]}
    ]
    first = assembled(await client.say("openai-responses", "", stream=True, input=items, tools=[SHELL]))
    (call,) = first["output"]
    assert call["type"] == "function_call" and call["name"] == "shell"
    assert json.loads(call["arguments"]) == {"command": ["bash", "-lc", "echo simulated-step-1"]}
    items += [call, {"type": "function_call_output", "call_id": call["call_id"], "output": "simulated-step-1"}]
    second = assembled(await client.say("openai-responses", "", stream=True, input=items, tools=[SHELL]))
    assert second["output"][0]["content"][0]["text"].startswith("The command printed: simulated-step-1")


async def test_a_local_shell_is_called_in_its_own_way(client: Client) -> None:
    answer = await client.say("openai-responses", "[sim:tool]", stream=True, tools=[{"type": "local_shell"}])
    (call,) = assembled(answer)["output"]
    assert call["type"] == "local_shell_call"
    assert call["action"]["command"] == ["bash", "-lc", "echo simulated-step-1"]


async def test_a_tool_that_takes_a_script_gets_one(client: Client) -> None:
    offered = {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"}]}
    items = [{"type": "additional_tools", "tools": [offered]}, {"role": "user", "content": "[sim:tool]"}]
    (call,) = assembled(await client.say("openai-responses", "", stream=True, input=items))["output"]
    assert (call["type"], call["name"], call["namespace"]) == ("custom_tool_call", "exec", "functions")
    assert 'tools.exec_command({"cmd": "echo simulated-step-1"})' in call["input"]


async def test_searches_are_items_and_fees(sim: Simulator, client: Client) -> None:
    answer = await client.say("openai-responses", "x [sim:search=3][sim:output=10]", stream=True)
    response = assembled(answer)
    assert [item["type"] for item in response["output"]] == ["web_search_call"] * 3 + ["message"]
    assert response["output"][0]["action"]["type"] == "search"
    (call,) = sim.bill().calls
    assert call.nanos == 3 * 10_000_000 + call.usage.input * 2_000 + 10 * 10_000


async def test_the_output_limit_makes_the_response_incomplete(client: Client) -> None:
    answer = await client.say("openai-responses", "x [sim:output=500]", stream=True, max_output_tokens=12)
    assert answer.events[-1][0] == "response.incomplete"
    response = assembled(answer)
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["usage"]["output_tokens"] == 12


async def test_the_tier_that_served_is_billed(sim: Simulator, client: Client) -> None:
    body = {"model": "gpt-5.5", "input": "x [sim:output=10]", "service_tier": "priority"}
    served = (await client.post("/v1/responses", body)).json
    assert served["service_tier"] == "priority" and served["model"] == "gpt-5.5-2026-04-23"
    body["model"] = "gpt-5.4-mini"
    assert (await client.post("/v1/responses", body)).json["service_tier"] == "default"
    priority, default = sim.bill().calls
    assert priority.nanos == priority.usage.input * 12_500 + 10 * 75_000
    assert default.nanos == default.usage.input * 750 + 10 * 4_500


async def test_a_response_is_continued_by_its_id(sim: Simulator, client: Client) -> None:
    first = (await client.say("openai-responses", "word " * 100)).json
    await client.say("openai-responses", "and?", previous_response_id=first["id"])
    one, two = sim.bill().calls
    assert two.usage.input > one.usage.input + one.usage.output
    unknown = await client.say("openai-responses", "and?", previous_response_id="resp_other")
    assert unknown.status == 400
    unstored = (await client.say("openai-responses", "hello", store=False)).json
    refused = await client.say("openai-responses", "and?", previous_response_id=unstored["id"])
    assert refused.status == 400


async def test_an_error_in_the_stream(client: Client) -> None:
    answer = await client.say("openai-responses", "x [sim:midstream-error]", stream=True)
    name, data = answer.events[-1]
    assert name == "response.failed" and data["response"]["error"]["code"] == "server_error"
    refused = await client.say("openai-responses", "x [sim:error=429]")
    assert refused.status == 429 and refused.json["error"]["code"] == "rate_limit_exceeded"


async def test_counting_tokens_is_free(sim: Simulator, client: Client) -> None:
    counted = await client.post("/v1/responses/input_tokens", {"model": "gpt-5.5", "input": "word " * 50})
    assert sim.bill().calls == ()
    answer = await client.post("/v1/responses", {"model": "gpt-5.5", "input": "word " * 50})
    assert counted.json["input_tokens"] == answer.json["usage"]["input_tokens"]
