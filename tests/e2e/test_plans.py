"""Logins to plans from outside: real processes, and a simulator that tells of a plan's windows as providers do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.test_run import PROMPT
from tests.e2e.test_sockets import answer, ask, guarded
from tests.support.installation import Installation
from tokenguard import simulator
from tokenguard.simulator.subscriptions import Windows

CLAUDE = {"Authorization": "Bearer sk-ant-oat01-PLANTED"}
CHATGPT = {"Authorization": "Bearer eyJ.PLANTED", "chatgpt-account-id": "4c1d"}
BODY = {"model": "claude-opus-5-5", "max_tokens": 900, "messages": [{"role": "user", "content": PROMPT}]}


async def send(url: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, str]:
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=body) as response:
        return response.status, await response.text()


def windows(tg: Installation) -> dict[str, float]:
    found = tg.json("status")["windows"]
    return {f"{one['provider']}/{one['name']}": one["used_percent"] for one in found}


async def test_a_claude_login_is_notional_and_its_windows_are_known(tg: Installation, sim: simulator.Process) -> None:
    with guarded(tg, shows="ANTHROPIC_BASE_URL") as url:
        assert (await send(f"{url}/v1/messages", BODY, CLAUDE))[0] == 200
        assert windows(tg) == {"anthropic/five_hour": 12.0, "anthropic/seven_day": 34.0}
        assert (await send(f"{url}/v1/messages", BODY, {"x-api-key": "sk-ant-api03-PLANTED"}))[0] == 200
    plan, metered = (call.nanos for call in sim.bill().calls)
    today = tg.json("status")["totals"]["today"]
    assert (today["cost_nanos"], today["notional_nanos"]) == (metered, plan)
    kept = b"".join(file.read_bytes() for file in tg.home.rglob("*") if file.is_file())
    assert b"PLANTED" not in kept


async def test_calls_stop_at_a_share_of_the_providers_window(tmp_path: Path) -> None:
    budget = '[[budget]]\nname = "plan"\nlimit = "90%"\nofficial = "anthropic/five_hour"\n'
    with simulator.spawn(windows=Windows(91.0, 40.0)) as sim:
        tg = Installation(tmp_path / "home", sim.url, settings=budget)
        try:
            with guarded(tg, shows="ANTHROPIC_BASE_URL") as url:
                assert (await send(f"{url}/v1/messages", BODY, CLAUDE))[0] == 200
                status, text = await send(f"{url}/v1/messages", BODY, CLAUDE)
                assert (status, "the five hour budget plan of anthropic is used up" in text) == (400, True), text
                assert (await send(f"{url}/v1/messages", BODY, {"x-api-key": "sk-ant-api03-1"}))[0] == 200
            assert len(sim.bill().calls) == 2
        finally:
            tg.stop()


@pytest.mark.parametrize("socket", [False, True])
async def test_a_chatgpt_login_is_notional_and_its_windows_are_known(
    tmp_path: Path, sim: simulator.Process, socket: bool
) -> None:
    tg = Installation(tmp_path / "home", sim.url, settings=f'[providers.chatgpt]\nbase_url = "{sim.url}/v1"\n')
    try:
        with guarded(tg) as url:
            if socket:
                async with (
                    aiohttp.ClientSession(headers=CHATGPT) as session,
                    session.ws_connect(f"{url}/responses") as ws,
                ):
                    await ask(ws, PROMPT)
                    await answer(ws)
            else:
                body = {"model": "gpt-6.1-sol", "input": PROMPT, "stream": True}
                assert (await send(f"{url}/responses", body, CHATGPT))[0] == 200
        today = tg.json("status")["totals"]["today"]
        assert (today["cost_nanos"], today["notional_nanos"]) == (0, sim.bill().total_nanos)
        assert windows(tg) == {"chatgpt/five_hour": 12.0, "chatgpt/seven_day": 34.0}
    finally:
        tg.stop()
