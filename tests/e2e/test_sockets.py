"""Responses over WebSocket from outside: real processes, and the ledger against the provider's bill."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Generator
from contextlib import closing, contextmanager
from typing import Any

import aiohttp
import pytest

from tests.e2e.test_run import PLANTED_KEY, PLANTED_PROMPT, PROMPT, billed_rows, ledger_rows
from tests.support.installation import Installation
from tokenguard import simulator
from tokenguard.config.paths import find_paths
from tokenguard.ledger.queries import connect_readonly

LAST = ("response.completed", "response.incomplete", "response.failed", "error")
Socket = aiohttp.ClientWebSocketResponse


@contextmanager
def guarded(tg: Installation, *options: str, shows: str = "OPENAI_BASE_URL") -> Generator[str]:
    """The base URL of that variable, as an agent under `run` gets it; the session lasts as long as the block."""
    with subprocess.Popen(
        tg.command("run", *options, "--", "sh", "-c", f"echo ${shows}; cat"),
        env=tg.env, cwd=tg.work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as run:  # fmt: skip
        assert run.stdin and run.stdout
        yield run.stdout.readline().strip()
        run.stdin.close()
        run.wait(30)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {PLANTED_KEY}"}) as session:
        yield session


async def ask(socket: Socket, said: str | list[Any], **more: Any) -> None:
    given = [{"type": "message", "role": "user", "content": said}] if isinstance(said, str) else said
    await socket.send_json({"type": "response.create", "model": "gpt-6.1-sol", "input": given, **more})


async def answer(socket: Socket) -> dict[str, Any]:
    """The message that ends a turn."""
    async with asyncio.timeout(30):
        while (message := await socket.receive_json())["type"] not in LAST:
            pass
    found: dict[str, Any] = message
    return found


async def test_a_conversation_is_billed_turn_by_turn(
    tg: Installation, sim: simulator.Process, client: aiohttp.ClientSession
) -> None:
    with guarded(tg) as url:
        async with client.ws_connect(f"{url}/responses") as socket:
            await ask(socket, PROMPT * 10, generate=False, store=False)
            previous = (await answer(socket))["response"]["id"]
            for said in (PLANTED_PROMPT, "more [sim:output=300]", "less [sim:thinking=50]", "search [sim:search=2]"):
                await ask(socket, said, store=False, previous_response_id=previous)
                previous = (await answer(socket))["response"]["id"]
    assert len(billed_rows(sim)) == 5
    assert ledger_rows(tg) == billed_rows(sim)
    kept = b"".join(file.read_bytes() for file in tg.home.rglob("*") if file.is_file())
    assert PLANTED_KEY.encode() not in kept and PLANTED_PROMPT.encode() not in kept


async def test_streams_side_by_side_and_agents_side_by_side(
    tg: Installation, sim: simulator.Process, client: aiohttp.ClientSession
) -> None:
    async def talk(url: str) -> None:
        async with client.ws_connect(f"{url}/responses") as socket:
            for turn in range(3):
                for name in "abc":
                    await ask(socket, f"{turn} {name} [sim:slow=1ms]", stream_id=name)
            ended = [(await answer(socket))["stream_id"] for _ in range(9)]
            assert sorted(ended) == sorted("abc" * 3)

    with guarded(tg) as one, guarded(tg) as other:
        await asyncio.gather(talk(one), talk(one), talk(other))
    assert len(billed_rows(sim)) == 27
    assert ledger_rows(tg) == billed_rows(sim)
    assert tg.json("report")["total"]["confidence"] == "exact"


async def test_a_budget_refuses_turns_and_not_the_socket(
    tg: Installation, sim: simulator.Process, client: aiohttp.ClientSession
) -> None:
    with guarded(tg, "--budget", "2 calls") as url:
        async with client.ws_connect(f"{url}/responses") as socket:
            answers: list[dict[str, Any]] = []
            for _ in range(4):
                await ask(socket, PROMPT)
                answers.append(await answer(socket))
    assert [each["type"] for each in answers] == ["response.completed"] * 2 + ["response.failed"] * 2
    error: dict[str, str] = answers[-1]["response"]["error"]
    assert error["code"] == "invalid_prompt"
    assert error["message"].startswith("tokenguard stopped this request: the session budget")
    assert sum(seen.method == "response.create" for seen in sim.requests()) == 2
    assert ledger_rows(tg) == billed_rows(sim)


@pytest.mark.parametrize("marker", ["[sim:cut]", "[sim:cut=0]", "[sim:midstream-error]", "[sim:halfevent]"])
async def test_a_turn_without_a_bill_is_charged_within_an_interval(
    tg: Installation, sim: simulator.Process, client: aiohttp.ClientSession, marker: str
) -> None:
    with guarded(tg) as url:
        async with client.ws_connect(f"{url}/responses") as socket:
            await ask(socket, PROMPT + "[sim:output=200]" + marker)
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                try:
                    if json.loads(message.data)["type"] in LAST:
                        break
                except ValueError:
                    break
    total = tg.json("report")["total"]
    assert (total["calls"], total["confidence"]) == (1, "estimated")
    assert total["cost_low_nanos"] <= sim.bill().total_nanos <= total["cost_high_nanos"]


@pytest.mark.parametrize("billing", ["stop", "to-end"])
@pytest.mark.parametrize("after", [0, 1, 20])
async def test_a_client_that_leaves_is_charged_within_an_interval(
    tg: Installation, sim: simulator.Process, client: aiohttp.ClientSession, billing: str, after: int
) -> None:
    with guarded(tg) as url:
        async with client.ws_connect(f"{url}/responses") as socket:
            await ask(socket, f"{PROMPT}[sim:output=200][sim:slow=5ms][sim:billing={billing}]")
            for _ in range(after):
                await socket.receive_json()
        total = _settled(tg)
    # Who leaves at once may do so before the call is let through: then it is sent to nobody.
    assert total["confidence"] == "estimated" or (after == 0 and not sim.bill().calls)
    if billing == "stop":
        assert total["cost_low_nanos"] <= sim.bill().total_nanos <= total["cost_high_nanos"]
        # Leaving was passed on: the provider did not go on to the end.
        assert sum(call.usage.output for call in sim.bill().calls) < 200


async def test_an_error_in_place_of_an_answer_costs_nothing(
    tg: Installation, sim: simulator.Process, client: aiohttp.ClientSession
) -> None:
    with guarded(tg) as url:
        async with client.ws_connect(f"{url}/responses") as socket:
            for said in ("x [sim:error=429]", "x [sim:error=529]"):
                await ask(socket, said)
                assert (await answer(socket))["type"] == "error"
            await ask(socket, "x", previous_response_id="resp_of_nobody")
            assert (await answer(socket))["status"] == 400
    total = tg.json("report")["total"]
    assert (total["calls"], total["cost_nanos"], total["confidence"]) == (3, 0, "exact")
    assert sim.bill().calls == ()


def _settled(tg: Installation) -> dict[str, Any]:
    """The totals once the one call has ended, or was withdrawn since its client left before it was sent."""
    with closing(connect_readonly(find_paths(tg.env).ledger)) as ledger:
        while not ledger.execute("SELECT count(*) FROM calls WHERE state <> 'open'").fetchone()[0]:
            pass
    found: dict[str, Any] = tg.json("report")["total"]
    return found
