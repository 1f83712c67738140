"""Gemini as its client libraries read it."""

from __future__ import annotations

import json
from typing import Any

from tests.simulator.support import GEMINI_STREAM, Answer, Client
from tokenguard.simulator import Simulator

TOOLS = [
    {
        "functionDeclarations": [
            {
                "name": "run_shell_command",
                "parametersJsonSchema": {
                    "type": "object",
                    "properties": {"command": {"type": "string"}, "dir_path": {"type": "string"}},
                    "required": ["command"],
                },
            }
        ]
    }
]


def assembled(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Text, thoughts, calls, finish reason and the last usage of a stream."""
    built: dict[str, Any] = {"text": "", "thought": "", "calls": [], "finish": None, "usage": {}}
    for chunk in chunks:
        built["usage"] = chunk["usageMetadata"]
        candidate = chunk["candidates"][0]
        built["finish"] = candidate.get("finishReason", built["finish"])
        for part in candidate["content"]["parts"]:
            if "functionCall" in part:
                built["calls"].append(part["functionCall"])
            else:
                built["thought" if part.get("thought") else "text"] += part["text"]
    return built


def chunks(answer: Answer) -> list[dict[str, Any]]:
    return [data for _, data in answer.events]


async def test_a_document_and_a_stream_say_and_bill_the_same_size(sim: Simulator, client: Client) -> None:
    document = assembled([(await client.say("gemini", "Hello [sim:output=37]")).json])
    stream = assembled(chunks(await client.say("gemini", "Hello [sim:output=37]", stream=True)))
    for built in (document, stream):
        assert len(built["text"].encode()) == 37 * 4 and built["finish"] == "STOP"
        assert built["usage"]["candidatesTokenCount"] == 37
        assert built["usage"]["totalTokenCount"] == built["usage"]["promptTokenCount"] + 37
    assert document["usage"] == stream["usage"]
    assert [call.model for call in sim.bill().calls] == ["gemini-2.5-pro"] * 2


async def test_without_sse_a_stream_is_one_array(client: Client) -> None:
    path = GEMINI_STREAM.removesuffix("?alt=sse")
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello [sim:output=37]"}]}]}
    answer = await client.post(path, body)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert len(answer.json) > 1 and len(assembled(answer.json)["text"].encode()) == 37 * 4


async def test_only_the_last_chunk_knows_the_prompt(client: Client) -> None:
    answer = await client.say("gemini", "word " * 100, stream=True)
    counts = [chunk["usageMetadata"]["promptTokenCount"] for chunk in chunks(answer)]
    assert len(set(counts[:-1])) == 1 and counts[0] > counts[-1]
    said = [chunk["usageMetadata"]["candidatesTokenCount"] for chunk in chunks(answer)]
    assert said == sorted(said)


async def test_thoughts_are_outside_the_candidates(sim: Simulator, client: Client) -> None:
    config = {"thinkingConfig": {"includeThoughts": True}}
    words = "x [sim:thinking=40][sim:output=20]"
    answer = await client.say("gemini", words, stream=True, generationConfig=config)
    built = assembled(chunks(answer))
    usage = built["usage"]
    assert len(built["thought"].encode()) == 160
    assert (usage["thoughtsTokenCount"], usage["candidatesTokenCount"]) == (40, 20)
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + 60
    assert sim.bill().calls[0].usage.output == 60 and sim.bill().calls[0].usage.reasoning == 40


async def test_a_tool_loop(client: Client) -> None:
    contents: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": "Do it [sim:tool]"}]}]
    more: dict[str, Any] = {"contents": contents, "tools": TOOLS}
    first = assembled(chunks(await client.say("gemini", "", stream=True, **more)))
    (call,) = first["calls"]
    assert call == {"name": "run_shell_command", "args": {"command": "echo simulated-step-1"}}
    contents += [
        {"role": "model", "parts": [{"functionCall": call}]},
        {"role": "user", "parts": [{"functionResponse": {"name": call["name"], "response": {"output": "printed"}}}]},
    ]
    second = assembled([(await client.say("gemini", "", **more)).json])
    assert second["text"].startswith("The command printed: printed")


async def test_a_router_gets_a_choice(client: Client) -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "reasoning": {"type": "STRING"},
            "model_choice": {"type": "STRING", "enum": ["flash", "pro"]},
        },
        "required": ["reasoning", "model_choice"],
    }
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    answer = await client.say("gemini", "x [sim:tool]", generationConfig=config)
    text = answer.json["candidates"][0]["content"]["parts"][0]["text"]
    assert json.loads(text)["model_choice"] == "flash"
    free = await client.say("gemini", "x", generationConfig={"responseMimeType": "application/json"})
    assert json.loads(free.json["candidates"][0]["content"]["parts"][0]["text"]) == {}


async def test_the_output_limit(client: Client) -> None:
    answer = await client.say("gemini", "x [sim:output=500]", stream=True, generationConfig={"maxOutputTokens": 12})
    built = assembled(chunks(answer))
    assert built["finish"] == "MAX_TOKENS" and built["usage"]["candidatesTokenCount"] == 12


async def test_a_limit_that_thinking_uses_up_leaves_no_text(sim: Simulator, client: Client) -> None:
    config = {"maxOutputTokens": 8, "thinkingConfig": {"thinkingBudget": 100}}
    answer = await client.say("gemini", "x [sim:thinking=50]", stream=True, generationConfig=config)
    built = assembled(chunks(answer))
    assert built["text"] == "" and built["usage"]["thoughtsTokenCount"] == 8
    assert sim.bill().calls[0].usage.output == 8


async def test_errors(client: Client) -> None:
    refused = await client.say("gemini", "x [sim:error=503]")
    assert refused.status == 503 and refused.json["error"]["status"] == "UNAVAILABLE"
    broken = await client.say("gemini", "x [sim:midstream-error]", stream=True)
    assert chunks(broken)[-1]["error"]["code"] == 503
    assert (await client.post(GEMINI_STREAM, {"contents": []})).status == 400


async def test_counting_tokens_is_free(sim: Simulator, client: Client) -> None:
    contents = [{"role": "user", "parts": [{"text": "word " * 50}]}]
    counted = await client.post("/v1beta/models/gemini-2.5-pro:countTokens", {"contents": contents})
    assert sim.bill().calls == ()
    answer = await client.say("gemini", "", contents=contents)
    assert counted.json["totalTokens"] == answer.json["usageMetadata"]["promptTokenCount"]
