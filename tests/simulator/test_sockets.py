"""OpenAI Responses over WebSocket: the answers and the bill of HTTP, turn by turn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.simulator.support import Client
from tests.simulator.test_openai_responses import SHELL
from tokenguard import simulator
from tokenguard.simulator import Simulator

KEY = {"Authorization": "Bearer key"}
LAST = ("response.completed", "response.incomplete", "response.failed", "error")
AROUND = "look around [sim:tool][sim:output=30]" + " word" * 100
Socket = aiohttp.ClientWebSocketResponse


@pytest.fixture
async def socket(sim: Simulator, client: Client) -> AsyncIterator[Socket]:
    async with client.session.ws_connect(f"{sim.url}/v1/responses", headers=KEY) as opened:
        yield opened


async def create(socket: Socket, said: str | list[Any], **more: object) -> None:
    await socket.send_json({"type": "response.create", "model": "gpt-6.1-sol", "input": user(said), **more})


async def events(socket: Socket) -> list[dict[str, Any]]:
    """The messages up to one that ends a turn."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not found or found[-1]["type"] not in LAST:
            found.append(await socket.receive_json())
    return found


async def ask(socket: Socket, said: str | list[Any], **more: object) -> dict[str, Any]:
    """The last message of a turn."""
    await create(socket, said, **more)
    return (await events(socket))[-1]


def user(said: str | list[Any]) -> list[Any]:
    return [{"type": "message", "role": "user", "content": said}] if isinstance(said, str) else said


async def test_a_turn_says_and_bills_what_http_would(sim: Simulator, client: Client, socket: Socket) -> None:
    await create(socket, "Hello [sim:thinking=20][sim:output=40]", reasoning={"effort": "low"})
    over_socket = await events(socket)
    answer = await client.say(
        "openai-responses",
        "",
        stream=True,
        input=user("Hello [sim:thinking=20][sim:output=40]"),
        reasoning={"effort": "low"},
    )
    http = [data for _, data in answer.events]
    # The answer to a repeated request is another one, in other pieces.
    assert list(dict.fromkeys(event["type"] for event in over_socket)) == list(
        dict.fromkeys(event["type"] for event in http)
    )
    assert [event["sequence_number"] for event in over_socket] == list(range(len(over_socket)))
    one, two = sim.bill().calls
    assert (one.legs, one.stream) == (two.legs, True)
    assert over_socket[-1]["response"]["id"] == one.id


async def test_the_same_seed_gives_the_same_messages() -> None:
    runs: list[list[dict[str, Any]]] = []
    for _ in range(2):
        async with simulator.running(seed=3) as sim, aiohttp.ClientSession() as session:
            async with session.ws_connect(f"{sim.url}/v1/responses", headers=KEY) as socket:
                await create(socket, "Hello")
                runs.append(await events(socket))
    assert runs[0] == runs[1]


async def test_a_later_turn_is_billed_for_the_whole_conversation(
    sim: Simulator, client: Client, socket: Socket
) -> None:
    first = (await ask(socket, AROUND, tools=[SHELL], store=False))["response"]
    (call,) = first["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "simulated-step-1"}
    last = await ask(socket, [result], tools=[SHELL], store=False, previous_response_id=first["id"])
    assert last["response"]["output"][0]["content"][0]["text"].startswith("The command printed: simulated-step-1")
    whole = [*user(AROUND), call, result]
    await client.say("openai-responses", "", stream=True, input=whole, tools=[SHELL])
    _, over_socket, http = sim.bill().calls
    assert over_socket.usage == http.usage


async def test_a_warm_up_bills_its_input_and_is_continued(sim: Simulator, socket: Socket) -> None:
    warm = await ask(socket, "word " * 100, generate=False)
    assert (warm["type"], warm["response"]["output"]) == ("response.completed", [])
    await ask(socket, "Hello", previous_response_id=warm["response"]["id"])
    one, two = sim.bill().calls
    assert (one.usage.output, one.usage.input) == (0, warm["response"]["usage"]["input_tokens"])
    assert two.usage.input > one.usage.input > 100


async def test_an_empty_warm_up_costs_nothing(sim: Simulator, socket: Socket) -> None:
    assert (await ask(socket, [], generate=False))["type"] == "response.completed"
    (call,) = sim.bill().calls
    assert call.nanos == 0


async def test_streams_run_side_by_side_and_turns_of_one_in_order(socket: Socket) -> None:
    await create(socket, "slow [sim:slow=5ms]", stream_id="a")
    await create(socket, "next", stream_id="a")
    await create(socket, "quick", stream_id="b")
    ended: list[str] = []
    while len(ended) < 3:
        ended.append((await events(socket))[-1]["stream_id"])
    assert ended == ["b", "a", "a"]


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("garbage", 400),
        ('{"type": "response.steer"}', 400),
        ('{"type": "response.create", "model": "gpt-6.1-sol"}', 400),
        ('{"type": "response.create", "model": "gpt-6.1-sol", "input": "x [sim:error=529]"}', 529),
        ('{"type": "response.create", "model": "gpt-6.1-sol", "input": "x", "previous_response_id": "resp_no"}', 400),
    ],
)
async def test_an_error_is_a_message(sim: Simulator, socket: Socket, message: str, status: int) -> None:
    await socket.send_str(message)
    error = await socket.receive_json()
    assert (error["type"], error["status"]) == ("error", status)
    assert error["error"]["message"]
    assert sim.bill().calls == ()
    assert (await ask(socket, "Hello"))["type"] == "response.completed"
    assert [seen.status for seen in sim.requests()] == [101, status, 200]


async def test_an_error_names_its_stream(socket: Socket) -> None:
    assert (await ask(socket, "x [sim:error=500]", stream_id="a"))["stream_id"] == "a"


async def test_faults_within_a_turn(sim: Simulator, socket: Socket) -> None:
    assert (await ask(socket, "x [sim:midstream-error]"))["response"]["error"]["code"] == "server_error"
    assert (await ask(socket, "x [sim:output=500]", max_output_tokens=12))["type"] == "response.incomplete"
    assert [call.outcome for call in sim.bill().calls] == ["error", "completed"]


async def test_a_cut_breaks_the_socket_and_bills_what_was_said(sim: Simulator, socket: Socket) -> None:
    await create(socket, "x [sim:output=100][sim:cut=30]")
    messages = [message async for message in socket]
    assert json.loads(messages[-1].data)["type"] == "response.output_text.delta"
    assert socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
    await sim.idle()
    (call,) = sim.bill().calls
    assert (call.outcome, 0 < call.usage.output <= 30) == ("cut", True)


@pytest.mark.parametrize("politely", [True, False])
async def test_a_client_that_leaves_stops_the_turn(sim: Simulator, socket: Socket, politely: bool) -> None:
    await create(socket, "x [sim:output=100][sim:hang=30]")
    while (await socket.receive_json())["type"] != "response.output_text.delta":
        pass
    if politely:
        await socket.close()
    else:
        transport = socket.get_extra_info("socket")
        transport.shutdown(2)
    await sim.idle()
    (call,) = sim.bill().calls
    assert (call.outcome, 0 < call.usage.output <= 30) == ("left", True)


async def test_garbage_is_no_json(socket: Socket) -> None:
    await create(socket, "x [sim:garbage]")
    message = await socket.receive()
    assert message.data.startswith("<!doctype html>")
    assert (await socket.receive()).type is not aiohttp.WSMsgType.TEXT


async def test_a_key_is_needed(sim: Simulator, client: Client) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.session.ws_connect(f"{sim.url}/v1/responses")
    assert refused.value.status == 401
