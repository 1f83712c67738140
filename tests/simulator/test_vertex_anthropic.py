"""Claude at Vertex AI as Anthropic's client library reads it."""

from __future__ import annotations

from tests.simulator.support import PATHS, VERTEX, Client, request
from tokenguard.simulator import Simulator


async def test_a_document_and_a_stream_are_anthropic_s(sim: Simulator, client: Client) -> None:
    document = (await client.say("vertex-anthropic", "Hello [sim:output=37]")).json
    stream = (await client.say("vertex-anthropic", "Hello [sim:output=37]", stream=True)).events
    assert document["usage"]["output_tokens"] == 37
    assert (stream[0][0], stream[-1][0]) == ("message_start", "message_stop")
    assert [call.id for call in sim.bill().calls] == [document["id"], stream[0][1]["message"]["id"]]
    assert [(call.dialect, call.model, call.stream) for call in sim.bill().calls] == [
        ("vertex-anthropic", "claude-sonnet-5-5", False),
        ("vertex-anthropic", "claude-sonnet-5-5", True),
    ]
    assert len({call.nanos for call in sim.bill().calls}) == 1


async def test_a_stream_can_be_asked_for_in_the_body_too(client: Client) -> None:
    answer = await client.say("vertex-anthropic", "x", **{"stream": True})
    assert answer.events[-1][0] == "message_stop"


async def test_a_date_behind_an_at(client: Client) -> None:
    _, body = request("vertex-anthropic", "x")
    path = "/v1/projects/p/locations/global/publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict"
    assert (await client.post(path, body)).json["model"] == "claude-haiku-4-5-20251001"


async def test_the_cache_is_the_client_s_to_mark(sim: Simulator, client: Client) -> None:
    block = {"type": "text", "text": "word " * 2_000, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    _, body = request("vertex-anthropic", "x", system=[block])
    for _ in range(2):
        await client.post(PATHS["vertex-anthropic"], body)
    first, then = sim.bill().calls
    assert first.usage.cache_write_1h == then.usage.cache_read > 2_000


async def test_errors_and_the_free_counter(sim: Simulator, client: Client) -> None:
    _, body = request("vertex-anthropic", "x")
    refused = await client.post(f"{VERTEX}:rawPredict", {**body, "anthropic_version": "2023-06-01"})
    assert (refused.status, refused.json["error"]["type"]) == (400, "invalid_request_error")
    counter = VERTEX.replace("claude-sonnet-5-5", "count-tokens:rawPredict")
    assert (await client.post(counter, body)).json["input_tokens"] > 0
    assert sim.bill().calls == ()
