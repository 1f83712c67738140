"""Ollama as its client library reads it."""

from __future__ import annotations

from typing import Any

from tests.simulator.support import PATHS, Client, request
from tokenguard.simulator import Simulator

SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
TOOLS = [{"type": "function", "function": {"name": "bash", "parameters": SCHEMA}}]


async def test_it_needs_no_key_and_costs_nothing(sim: Simulator, client: Client) -> None:
    for stream in (False, True):
        path, body = request("ollama", "Hello [sim:output=37]", stream=stream)
        assert (await client.post(path, body, {})).status == 200
    bill = sim.bill()
    assert [call.usage.output for call in bill.calls] == [37, 37]
    assert bill.total_nanos == sum(leg.nanos for call in bill.calls for leg in call.legs) == 0


async def test_lines_end_with_the_counts(client: Client) -> None:
    words = "Hello [sim:output=37][sim:thinking=10]"
    answer = await client.say("ollama", words, stream=True)
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    *lines, last = [data for _, data in answer.events]
    assert len("".join(line["message"]["content"] for line in lines).encode()) == 37 * 4
    assert len("".join(line["message"].get("thinking", "") for line in lines).encode()) == 10 * 4
    assert not any(line["done"] or "eval_count" in line for line in lines)
    assert (last["done"], last["done_reason"], last["eval_count"]) == (True, "stop", 47)
    document = (await client.say("ollama", words)).json
    assert (document["prompt_eval_count"], document["eval_count"]) == (last["prompt_eval_count"], 47)
    assert len(document["message"]["thinking"]) == 40


async def test_it_streams_unless_told_otherwise(client: Client) -> None:
    _, body = request("ollama", "x")
    del body["stream"]
    assert len((await client.post(PATHS["ollama"], body)).events) > 1


async def test_a_tool_loop(client: Client) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Do it [sim:tool]"}]
    streamed = (await client.say("ollama", "", stream=True, messages=messages, tools=TOOLS)).events
    document = (await client.say("ollama", "", messages=messages, tools=TOOLS)).json
    calls = [one for _, line in streamed for one in line["message"].get("tool_calls", [])]
    assert calls == document["message"]["tool_calls"]
    (call,) = calls
    assert call["function"] == {"name": "bash", "arguments": {"command": "echo simulated-step-1"}}
    messages += [{"role": "assistant", "content": "", "tool_calls": calls}, {"role": "tool", "content": "printed"}]
    last = (await client.say("ollama", "", messages=messages, tools=TOOLS)).json
    assert last["message"]["content"].startswith("The command printed: printed")


async def test_limits_and_schemas(client: Client) -> None:
    limited = (await client.say("ollama", "x [sim:output=500]", options={"num_predict": 12})).json
    assert (limited["done_reason"], limited["eval_count"]) == ("length", 12)
    free = (await client.say("ollama", "x [sim:output=500]", options={"num_predict": -1})).json
    assert free["eval_count"] == 500
    formed = (await client.say("ollama", "x", format=SCHEMA)).json
    assert formed["message"]["content"] == '{"command":"simulated"}'


async def test_errors(client: Client) -> None:
    refused = await client.say("ollama", "x [sim:error=500]")
    assert (refused.status, refused.json) == (500, {"error": "simulated error"})
    broken = await client.say("ollama", "x [sim:midstream-error]", stream=True)
    assert set(broken.events[-1][1]) == {"error"}
    assert (await client.post(PATHS["ollama"], {"model": "x"})).status == 400
