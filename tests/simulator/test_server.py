"""What holds for every dialect: credentials, free endpoints, determinism, the account of requests."""

from __future__ import annotations

import aiohttp
import pytest

from tests.simulator.support import PATHS, Client, request
from tokenguard import simulator
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


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
async def test_the_same_seed_gives_the_same_bytes(dialect: str, stream: bool) -> None:
    bodies: list[bytes] = []
    bills: list[object] = []
    for seed in (1, 1, 2):
        async with simulator.running(seed=seed) as sim, aiohttp.ClientSession() as session:
            client = Client(session, sim.url)
            if seed == 1 and bodies:
                # What else arrived before does not matter.
                await client.say(dialect, "Something else")
            bodies.append((await client.say(dialect, "Hello", stream=stream)).body)
            bills.append(sim.bill().calls[-1])
    assert bodies[0] == bodies[1] != bodies[2]
    assert bills[0] == bills[1]


async def test_repeating_a_request_gives_another_answer(sim: Simulator, client: Client) -> None:
    bodies = [(await client.say("openai-chat", "Hello")).body for _ in range(2)]
    assert bodies[0] != bodies[1]
    assert len({call.id for call in sim.bill().calls}) == 2


async def test_the_bill_over_http_is_the_bill(sim: Simulator, client: Client) -> None:
    for dialect in DIALECTS:
        await client.say(dialect, "Hello")
    bill = (await client.get("/__sim/bill")).json
    assert [call["dialect"] for call in bill["calls"]] == DIALECTS
    assert bill["total_nanos"] == sum(call["nanos"] for call in bill["calls"]) == sim.bill().total_nanos > 0
    leg = bill["calls"][0]["legs"][0]
    assert {"input", "cache_read", "cache_write_5m", "cache_write_1h", "output"} <= set(leg["usage"])


async def test_reset_forgets_everything(sim: Simulator, client: Client) -> None:
    first = await client.say("openai-responses", "word " * 1_000)
    await client.post("/__sim/reset", {})
    assert sim.bill().calls == () == sim.requests()
    assert (await client.say("openai-responses", "word " * 1_000)).body == first.body


async def test_requests_are_told_without_content(sim: Simulator, client: Client) -> None:
    await client.say("anthropic-messages", "Hello [sim:error=500]")
    await client.post("/v1/messages?beta=true", {}, {})
    told = (await client.get("/__sim/requests")).json["requests"]
    assert told == [
        {"method": "POST", "path": "/v1/messages", "status": 500, "max_output": 32_000, "model": "claude-sonnet-5-5"},
        {"method": "POST", "path": "/v1/messages", "status": 401, "max_output": None, "model": ""},
    ]
    assert [seen.status for seen in sim.requests()] == [500, 401]


@pytest.mark.parametrize(
    ("dialect", "key", "most"),
    [
        ("anthropic-messages", "max_tokens", 128_000),
        ("openai-responses", "max_output_tokens", 128_000),
        ("gemini", "maxOutputTokens", 65_536),
    ],
)
async def test_a_limit_that_no_model_of_a_family_takes_is_an_error(
    sim: Simulator, client: Client, dialect: str, key: str, most: int
) -> None:
    for limit, status in ((most, 200), (most + 1, 400)):
        path, body = request(dialect, "x")
        (body.setdefault("generationConfig", {}) if dialect == "gemini" else body)[key] = limit
        assert (await client.post(path, body)).status == status
    assert len(sim.bill().calls) == 1


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


@pytest.mark.parametrize("dialect", ["anthropic-messages", "openai-responses", "openai-chat"])
async def test_a_model_that_nobody_knows(sim: Simulator, client: Client, dialect: str) -> None:
    answer = (await client.say(dialect, "x [sim:unknown-model][sim:output=10]")).json
    assert answer["model"].endswith("-unreleased")
    (call,) = sim.bill().calls
    assert call.model == answer["model"]
    assert call.nanos == call.usage.input * 2_000 + call.usage.output * 10_000


async def test_paths_of_other_providers(sim: Simulator, client: Client) -> None:
    _, body = request("openai-chat", "Hello")
    assert (await client.post("/api/v1/chat/completions", body)).status == 200
    _, body = request("openai-responses", "Hello")
    assert (await client.post("/responses", body)).status == 200
