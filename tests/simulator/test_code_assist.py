"""Code Assist as Gemini CLI reads it."""

from __future__ import annotations

from tests.simulator.support import Client
from tokenguard.simulator import Simulator


async def test_answers_are_gemini_s_in_an_envelope(sim: Simulator, client: Client) -> None:
    document = (await client.say("code-assist", "Hello [sim:output=37]")).json
    plain = (await client.say("gemini", "Hello [sim:output=37]")).json
    assert set(document) == {"response", "traceId"}
    assert set(document["response"]) == set(plain)
    assert document["response"]["usageMetadata"] | {"cachedContentTokenCount": 0} == plain["usageMetadata"] | {
        "cachedContentTokenCount": 0
    }
    inside, outside = sim.bill().calls
    assert (inside.dialect, inside.model, inside.nanos) == ("code-assist", "gemini-2.5-pro", outside.nanos)
    assert inside.id == document["response"]["responseId"]


async def test_a_stream(sim: Simulator, client: Client) -> None:
    answer = await client.say("code-assist", "Hello [sim:output=37]", stream=True)
    chunks = [data["response"] for _, data in answer.events]
    said = "".join(chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks)
    assert len(said.encode()) == 37 * 4 and len(chunks) > 1
    assert chunks[-1]["usageMetadata"]["candidatesTokenCount"] == 37
    assert sim.bill().calls[0].stream


async def test_counting_tokens_is_free(sim: Simulator, client: Client) -> None:
    contents = [{"role": "user", "parts": [{"text": "word " * 50}]}]
    counted = await client.post("/v1internal:countTokens", {"request": {"model": "models/x", "contents": contents}})
    assert sim.bill().calls == ()
    answer = await client.say("code-assist", "", contents=contents)
    assert counted.json["totalTokens"] == answer.json["response"]["usageMetadata"]["promptTokenCount"]


async def test_what_it_says_of_an_account_is_free(sim: Simulator, client: Client) -> None:
    loaded = (await client.post("/v1internal:loadCodeAssist", {"metadata": {}})).json
    assert loaded["currentTier"]["id"] and loaded["cloudaicompanionProject"]
    assert (await client.post("/v1internal:retrieveUserQuota", {})).json == {}
    assert sim.bill().calls == ()


async def test_errors(client: Client) -> None:
    refused = await client.say("code-assist", "x [sim:error=429]")
    assert (refused.status, refused.json["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    broken = await client.say("code-assist", "x [sim:midstream-error]", stream=True)
    assert broken.events[-1][1]["error"]["code"] == 503
    assert (await client.post("/v1internal:generateContent", {"model": "gemini-2.5-pro"})).status == 400
    assert (await client.post("/v1internal:generateContent", {"request": {"contents": ["x"]}})).status == 400
