"""What the providers make of a request, whatever its dialect."""

from __future__ import annotations

import aiohttp
import pytest

from tests.simulator.support import PATHS, Client, request
from tokenguard import simulator
from tokenguard.simulator import Simulator

DIALECTS = list(PATHS)


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


async def test_reset_forgets_everything(sim: Simulator, client: Client) -> None:
    first = await client.say("openai-responses", "word " * 1_000)
    await client.post("/__sim/reset", {})
    assert sim.bill().calls == () == sim.requests()
    assert (await client.say("openai-responses", "word " * 1_000)).body == first.body


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


@pytest.mark.parametrize("dialect", ["anthropic-messages", "openai-responses", "openai-chat"])
async def test_a_model_that_nobody_knows(sim: Simulator, client: Client, dialect: str) -> None:
    answer = (await client.say(dialect, "x [sim:unknown-model][sim:output=10]")).json
    assert answer["model"].endswith("-unreleased")
    (call,) = sim.bill().calls
    assert call.model == answer["model"]
    assert call.nanos == call.usage.input * 2_000 + call.usage.output * 10_000
