"""Bedrock's native calls of Claude as Anthropic's client library reads them."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from tests.simulator.support import PATHS, Answer, Client, parse_frames, request
from tokenguard.simulator import Simulator


def unwrapped(answer: Answer) -> list[dict[str, Any]]:
    """Anthropic's events out of the frames."""
    return [json.loads(b64decode(data["bytes"])) for kind, data in answer.events if kind == "chunk"]


async def test_a_document_is_anthropic_s_with_an_id_of_bedrock_s(sim: Simulator, client: Client) -> None:
    answer = (await client.say("bedrock-invoke", "Hello [sim:output=37]")).json
    assert answer["type"] == "message" and answer["id"].startswith("msg_bdrk_01")
    assert answer["usage"]["output_tokens"] == 37
    (call,) = sim.bill().calls
    assert (call.id, call.dialect, call.stream) == (answer["id"], "bedrock-invoke", False)


async def test_the_answer_has_anthropic_s_name_and_the_bill_the_region_s_price(sim: Simulator, client: Client) -> None:
    _, body = request("bedrock-invoke", "x [sim:output=10]")
    for model, named in (
        ("us.anthropic.claude-sonnet-5-5", "claude-sonnet-5-5"),
        ("global.anthropic.claude-sonnet-5-5", "claude-sonnet-5-5"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1%3A0", "claude-haiku-4-5-20251001"),
    ):
        assert (await client.post(f"/model/{model}/invoke", body)).json["model"] == named
    regional, anywhere, _ = sim.bill().calls
    assert regional.model == "claude-sonnet-5-5" and regional.legs[0].model == "us.anthropic.claude-sonnet-5-5"
    assert regional.nanos == regional.usage.input * 2_200 + 10 * 11_000
    assert anywhere.nanos == anywhere.usage.input * 2_000 + 10 * 10_000


async def test_a_stream_is_anthropic_s_in_frames_with_metrics_at_its_end(client: Client) -> None:
    answer = await client.say("bedrock-invoke", "Hello [sim:output=37]", stream=True)
    assert answer.headers["Content-Type"] == "application/vnd.amazon.eventstream"
    assert {frame.headers[":message-type"] for frame in parse_frames(answer.body)} == {"event"}
    events = unwrapped(answer)
    assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]
    assert events[0]["message"]["id"].startswith("msg_bdrk_01")
    said = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert len(said.encode()) == 37 * 4
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    assert metrics["outputTokenCount"] == 37
    assert metrics["inputTokenCount"] == events[0]["message"]["usage"]["input_tokens"]


async def test_a_cache_is_read_as_at_anthropic(client: Client) -> None:
    block = {"type": "text", "text": "word " * 2_000, "cache_control": {"type": "ephemeral"}}
    _, body = request("bedrock-invoke", "x", system=[block])
    first, then = [(await client.post(PATHS["bedrock-invoke"], body)).json["usage"] for _ in range(2)]
    assert first["cache_creation_input_tokens"] == then["cache_read_input_tokens"] > 2_000


async def test_errors(sim: Simulator, client: Client) -> None:
    path, body = request("bedrock-invoke", "x")
    assert (await client.post("/model/amazon.nova-pro-v1%3A0/invoke", body)).status == 400
    assert (await client.post(path, {**body, "anthropic_version": "2023-06-01"})).status == 400
    assert sim.bill().calls == ()
    broken = await client.say("bedrock-invoke", "x [sim:midstream-error]", stream=True)
    assert parse_frames(broken.body)[-1].headers[":exception-type"] == "modelStreamErrorException"
