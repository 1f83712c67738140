"""Faults on the way, clients that leave, and what is billed then."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from tests.simulator.support import PATHS, RUNS_ON, Answer, Client, parse_events, parse_frames, request
from tokenguard import simulator
from tokenguard.simulator import Bill, BilledCall, Simulator

STREAMS = list(PATHS)
KEY = {"Authorization": "Bearer key"}


async def leave(sim: Simulator, dialect: str, words: str, *, stream: bool = True) -> BilledCall:
    """Send a request, take some of the answer, and hang up."""
    path, body = request(dialect, words, stream=stream)
    async with aiohttp.ClientSession() as session:
        response = await session.post(sim.url + path, json=body, headers=KEY)
        await response.content.readany()
        response.close()
    await sim.idle()
    return sim.bill().calls[-1]


@pytest.mark.parametrize("dialect", STREAMS)
async def test_a_client_that_leaves_pays_as_the_provider_bills(sim: Simulator, dialect: str) -> None:
    call = await leave(sim, dialect, "x [sim:hang=30][sim:output=100]")
    assert call.outcome == "left"
    if dialect in RUNS_ON:
        assert call.usage.output == 100
    else:
        assert 0 < call.usage.output <= 30


async def test_the_rule_can_be_chosen() -> None:
    words = "x [sim:hang=30][sim:output=100]"
    async with simulator.running(billing="stop") as sim:
        assert (await leave(sim, "gemini", words)).usage.output <= 30
        assert (await leave(sim, "gemini", words + "[sim:billing=to-end]")).usage.output == 100
    async with simulator.running(billing="to-end") as sim:
        assert (await leave(sim, "openai-chat", words)).usage.output == 100


async def test_a_document_is_billed_in_full(sim: Simulator) -> None:
    call = await leave(sim, "anthropic-messages", "x [sim:hang][sim:output=100][sim:billing=stop]", stream=False)
    assert (call.outcome, call.stream, call.usage.output) == ("left", False, 100)


async def test_leaving_before_the_first_byte_pays_for_the_prompt(sim: Simulator, client: Client) -> None:
    path, body = request("anthropic-messages", "x [sim:wait=600s]", stream=True)
    async with aiohttp.ClientSession() as session:
        waiting = asyncio.ensure_future(session.post(sim.url + path, json=body, headers=KEY))
        while not (await client.get("/__sim/bill")).json["in_flight"]:
            pass
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await sim.idle()
    (call,) = sim.bill().calls
    assert call.usage.output == 0 and call.nanos == call.usage.input * 2_000


async def test_reasoning_is_never_more_than_what_was_generated(sim: Simulator) -> None:
    call = await leave(sim, "openai-chat", "x [sim:thinking=40][sim:hang=0]")
    assert call.usage.reasoning == call.usage.output


async def test_the_bill_can_wait_for_running_calls(sim: Simulator, client: Client) -> None:
    path, body = request("openai-chat", "x [sim:hang]", stream=True)
    response = await client.session.post(sim.url + path, json=body, headers=KEY)
    assert (await client.get("/__sim/bill")).json["in_flight"] == 1
    response.close()
    bill = (await client.get("/__sim/bill?idle=10")).json
    assert bill["in_flight"] == 0 and len(bill["calls"]) == 1


@pytest.mark.parametrize("dialect", STREAMS)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_cut(sim: Simulator, client: Client, dialect: str, stream: bool) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.say(dialect, "x [sim:cut][sim:output=100]", stream=stream)
    (call,) = sim.bill().calls
    full = dialect in RUNS_ON or not stream
    assert call.outcome == "cut"
    assert call.usage.output == 100 if full else call.usage.output <= 50


@pytest.mark.parametrize("dialect", STREAMS)
async def test_an_error_in_a_stream_is_billed_so_far(sim: Simulator, client: Client, dialect: str) -> None:
    await client.say(dialect, "x [sim:midstream-error=40][sim:output=100]", stream=True)
    (call,) = sim.bill().calls
    assert call.outcome == "error" and 0 < call.usage.output <= 40
    assert (await client.say(dialect, "x [sim:midstream-error]")).status == 500
    assert len(sim.bill().calls) == 1


def ends_within_an_event(answer: Answer) -> bool:
    kind = answer.headers["Content-Type"]
    if kind == "application/vnd.amazon.eventstream":
        return sum(frame.size for frame in parse_frames(answer.body)) < len(answer.body)
    if kind == "application/x-ndjson":
        return not answer.body.endswith(b"\n")
    last = answer.body.replace(b"\r", b"").split(b"\n\n")[-1]
    return b"data: {" in last and not last.endswith(b"}")


@pytest.mark.parametrize("dialect", STREAMS)
async def test_half_an_event(sim: Simulator, client: Client, dialect: str) -> None:
    half = await client.say(dialect, "x [sim:output=20][sim:halfevent]", stream=True)
    assert ends_within_an_event(half)
    document = await client.say(dialect, "x [sim:output=20][sim:halfevent]")
    with pytest.raises(json.JSONDecodeError):
        json.loads(document.body)
    assert [call.outcome for call in sim.bill().calls] == ["halfevent", "halfevent"]
    assert {call.usage.output for call in sim.bill().calls} == {20}


@pytest.mark.parametrize("dialect", STREAMS)
@pytest.mark.parametrize("stream", [True, False])
async def test_big_answers_stay_readable(sim: Simulator, client: Client, dialect: str, stream: bool) -> None:
    answer = await client.say(dialect, "x [sim:big=2MB][sim:output=20]", stream=stream)
    assert len(answer.body) > 2_000_000
    assert answer.events if stream else answer.json
    assert sim.bill().calls[0].usage.output == 20


async def test_garbage(sim: Simulator, client: Client) -> None:
    answer = await client.say("anthropic-messages", "x [sim:garbage]", stream=True)
    assert answer.status == 200 and answer.body.startswith(b"<!doctype html>")
    assert sim.bill() == Bill()


@pytest.mark.parametrize("stream", [True, False])
async def test_compression(client: Client, stream: bool) -> None:
    plain = await client.say("openai-chat", "x [sim:gzip]", stream=stream)
    path, body = request("openai-chat", "x [sim:gzip]", stream=stream)
    async with client.session.post(client.url + path, json=body, headers={**KEY, "Accept-Encoding": "identity"}) as raw:
        assert "Content-Encoding" not in raw.headers
    assert plain.headers["Content-Encoding"] == "gzip"
    assert plain.events if stream else plain.json


async def test_compressed_requests_are_understood(client: Client) -> None:
    path, body = request("openai-responses", "word " * 1_000)
    plain = await client.post(path, body)
    async with client.session.post(client.url + path, json=body, headers=KEY, compress="gzip") as response:
        packed = Answer(response.status, response.headers, await response.read())
    assert packed.json["usage"]["input_tokens"] == plain.json["usage"]["input_tokens"]


async def test_speed_spreads_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    async with simulator.running(speed=100.0) as sim, aiohttp.ClientSession() as session:
        monkeypatch.setattr("tokenguard.simulator.delivery.asyncio.sleep", note)
        answer = await Client(session, sim.url).say("anthropic-messages", "x [sim:output=50]", stream=True)
    assert sum(slept) == pytest.approx(0.5)
    assert parse_events(answer.body)[-1][0] == "message_stop"
