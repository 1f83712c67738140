"""Bedrock's Converse as its client libraries read it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.support import PATHS, STREAM_PATHS, Answer, Client, parse_frames
from tokenguard.simulator import Simulator

CLAUDE = "/model/us.anthropic.claude-haiku-5-5/converse"
TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": "bash",
                "inputSchema": {
                    "json": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
                },
            }
        }
    ]
}


def assembled(answer: Answer) -> dict[str, Any]:
    """Content blocks, stop reason and usage of a stream, in the form of a document."""
    blocks: dict[int, dict[str, str]] = {}
    built: dict[str, Any] = {}
    for kind, data in answer.events:
        if kind == "contentBlockStart":
            blocks[data["contentBlockIndex"]] = {**data["start"]["toolUse"], "kind": "toolUse", "input": ""}
        elif kind == "contentBlockDelta":
            ((name, delta),) = data["delta"].items()
            block = blocks.setdefault(data["contentBlockIndex"], {"kind": name, "text": ""})
            field = "input" if name == "toolUse" else "text"
            block[field] += delta if isinstance(delta, str) else delta[field]
        elif kind == "messageStop":
            built["stopReason"] = data["stopReason"]
        elif kind == "metadata":
            built["usage"] = data["usage"]
    return {**built, "blocks": [blocks[index] for index in sorted(blocks)]}


async def test_a_document_and_a_stream_say_and_bill_the_same_size(sim: Simulator, client: Client) -> None:
    document = (await client.say("bedrock-converse", "Hello [sim:output=37]")).json
    stream = assembled(await client.say("bedrock-converse", "Hello [sim:output=37]", stream=True))
    (block,) = document["output"]["message"]["content"]
    (streamed,) = stream["blocks"]
    for said in (block["text"], streamed["text"]):
        assert len(said.encode()) == 37 * 4
    assert document["stopReason"] == stream["stopReason"] == "end_turn"
    assert document["usage"] == stream["usage"]
    assert document["usage"]["outputTokens"] == 37
    assert [call.model for call in sim.bill().calls] == ["amazon.nova-pro-v1:0"] * 2


async def test_frames_are_labelled(client: Client) -> None:
    answer = await client.say("bedrock-converse", "Hello", stream=True)
    assert answer.headers["Content-Type"] == "application/vnd.amazon.eventstream"
    frames = parse_frames(answer.body)
    kinds = [frame.kind for frame in frames]
    assert (kinds[0], kinds[-2:]) == ("messageStart", ["messageStop", "metadata"])
    for frame in frames:
        assert frame.headers[":message-type"] == "event" and frame.headers[":content-type"] == "application/json"
        assert json.loads(frame.payload)["p"]


async def test_a_cache_point_marks_what_stands_before_it(sim: Simulator, client: Client) -> None:
    long = {"text": "word " * 2_000}
    system = [long, {"cachePoint": {"type": "default", "ttl": "1h"}}]
    first = [{"role": "user", "content": [long, {"cachePoint": {"type": "default"}}]}]
    then = [*first, {"role": "assistant", "content": [{"text": "Yes."}]}, {"role": "user", "content": [{"text": "x"}]}]
    usages = [(await client.post(CLAUDE, {"system": system, "messages": said})).json["usage"] for said in (first, then)]
    wrote, read = usages
    assert wrote["cacheReadInputTokens"] == 0 and wrote["cacheWriteInputTokens"] > 5_000
    assert [detail["ttl"] for detail in wrote["cacheDetails"]] == ["5m", "1h"]
    assert sum(detail["inputTokens"] for detail in wrote["cacheDetails"]) == wrote["cacheWriteInputTokens"]
    assert (read["cacheReadInputTokens"], read["cacheWriteInputTokens"]) == (wrote["cacheWriteInputTokens"], 0)
    assert read["totalTokens"] == sum(
        read[name] for name in ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    )
    billed = sim.bill().calls[0].usage
    assert (billed.cache_write_5m, billed.cache_write_1h) == tuple(
        detail["inputTokens"] for detail in wrote["cacheDetails"]
    )


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_loop(client: Client, stream: bool) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"text": "Do it [sim:tool][sim:thinking=20]"}]}]
    asked = {"messages": messages, "toolConfig": TOOLS}
    answer = await client.post((STREAM_PATHS if stream else PATHS)["bedrock-converse"], asked)
    if stream:
        built = assembled(answer)
        thought, used = built["blocks"]
        assert len(thought["text"]) == 80 and built["stopReason"] == "tool_use"
        name, arguments = used["name"], json.loads(used["input"])
    else:
        thought, used = answer.json["output"]["message"]["content"]
        assert len(thought["reasoningContent"]["reasoningText"]["text"]) == 80
        name, arguments = used["toolUse"]["name"], used["toolUse"]["input"]
    assert (name, arguments) == ("bash", {"command": "echo simulated-step-1"})
    result = {"toolUseId": "t", "content": [{"text": "printed"}]}
    messages += [
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": name, "input": arguments}}]},
        {"role": "user", "content": [{"toolResult": result}]},
    ]
    last = (await client.post(PATHS["bedrock-converse"], asked)).json["output"]["message"]["content"]
    assert last[-1]["text"].startswith("The command printed: printed")


async def test_the_output_limit(client: Client) -> None:
    answer = await client.say("bedrock-converse", "x [sim:output=500]", inferenceConfig={"maxTokens": 12})
    assert (answer.json["stopReason"], answer.json["usage"]["outputTokens"]) == ("max_tokens", 12)


async def test_errors(sim: Simulator, client: Client) -> None:
    refused = await client.say("bedrock-converse", "x [sim:error=503]")
    assert refused.status == 503 and refused.json == {"message": "simulated error"}
    broken = await client.say("bedrock-converse", "x [sim:midstream-error]", stream=True)
    last = parse_frames(broken.body)[-1]
    assert last.headers[":message-type"] == "exception" and last.kind == "modelStreamErrorException"
    assert (await client.post(PATHS["bedrock-converse"], {"messages": []})).status == 400


async def test_a_request_is_named_by_its_headers(sim: Simulator, client: Client) -> None:
    answer = await client.say("bedrock-converse", "x")
    (call,) = sim.bill().calls
    assert answer.headers["x-amzn-requestid"] == call.id == call.request_id


async def test_counting_tokens_is_free(sim: Simulator, client: Client) -> None:
    messages = [{"role": "user", "content": [{"text": "word " * 50}]}]
    counted = await client.post(
        "/model/amazon.nova-pro-v1:0/count-tokens", {"input": {"converse": {"messages": messages}}}
    )
    assert sim.bill().calls == ()
    answer = await client.post(PATHS["bedrock-converse"], {"messages": messages})
    assert counted.json["inputTokens"] == answer.json["usage"]["inputTokens"]
