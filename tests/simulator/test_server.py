"""What holds for every dialect: credentials, free endpoints, determinism, the account of requests."""

from __future__ import annotations

import pytest

from tests.simulator.support import PATHS, Client, request
from tokenguard.simulator import Simulator

DIALECTS = list(PATHS)


@pytest.mark.parametrize("dialect", [dialect for dialect in DIALECTS if dialect != "ollama"])
async def test_a_key_is_needed(sim: Simulator, client: Client, dialect: str) -> None:
    path, body = request(dialect, "Hello")
    assert (await client.post(path, body, {})).status == 401
    for name in ("x-api-key", "Authorization", "x-goog-api-key"):
        assert (await client.post(path, body, {name: "key"})).status == 200
    assert (await client.post(f"{path}?key=key", body, {})).status == 200
    assert len(sim.bill().calls) == 4


async def test_the_bill_over_http_is_the_bill(sim: Simulator, client: Client) -> None:
    for dialect in DIALECTS:
        await client.say(dialect, "Hello")
    bill = (await client.get("/__sim/bill")).json
    assert [call["dialect"] for call in bill["calls"]] == DIALECTS
    assert bill["total_nanos"] == sum(call["nanos"] for call in bill["calls"]) == sim.bill().total_nanos > 0
    leg = bill["calls"][0]["legs"][0]
    assert {"input", "cache_read", "cache_write_5m", "cache_write_1h", "output"} <= set(leg["usage"])


async def test_requests_are_told_without_content(sim: Simulator, client: Client) -> None:
    await client.say("anthropic-messages", "Hello [sim:error=500]")
    await client.post("/v1/messages?beta=true", {}, {})
    told = (await client.get("/__sim/requests")).json["requests"]
    assert told == [
        {"method": "POST", "path": "/v1/messages", "status": 500, "max_output": 32_000, "model": "claude-sonnet-5-5"},
        {"method": "POST", "path": "/v1/messages", "status": 401, "max_output": None, "model": ""},
    ]
    assert [seen.status for seen in sim.requests()] == [500, 401]


async def test_models_are_listed_for_free(sim: Simulator, client: Client) -> None:
    key = {"Authorization": "Bearer key"}
    openai = (await client.get("/v1/models")).json["data"]
    anthropic = (await client.get("/v1/models", {**key, "anthropic-version": "2023-06-01"})).json["data"]
    gemini = (await client.get("/v1beta/models?key=x", {})).json["models"]
    assert "gpt-5.5" in {model["id"] for model in openai}
    assert "claude-opus-5-5" in {model["id"] for model in anthropic}
    assert "models/gemini-2.5-pro" in {model["name"] for model in gemini}
    assert sim.bill().calls == ()


async def test_what_is_not_there(sim: Simulator, client: Client) -> None:
    assert (await client.get("/v1/nothing")).status == 404
    assert (await client.post("/v1/nothing", {})).status == 404
    upgrade = {"Authorization": "Bearer key", "Connection": "Upgrade", "Upgrade": "websocket"}
    assert (await client.get("/v1/realtime", upgrade)).status == 426
    assert (await client.post("/v1/chat/completions", [])).status == 400
    assert (await client.post("/v1/responses", {"input": "Hello"})).status == 400
    assert sim.bill().calls == ()


async def test_paths_of_other_providers(sim: Simulator, client: Client) -> None:
    _, body = request("openai-chat", "Hello")
    assert (await client.post("/api/v1/chat/completions", body)).status == 200
    _, body = request("openai-responses", "Hello")
    assert (await client.post("/responses", body)).status == 200
