"""The windows of a subscription, in the words of Anthropic and of ChatGPT."""

from __future__ import annotations

import http.client
import json
from typing import Any

import aiohttp
import pytest

from tests.simulator.support import Client, request
from tokenguard import simulator
from tokenguard.simulator import Simulator, Windows
from tokenguard.simulator.subscriptions import headers

NOW = 1_790_000_000
CLAUDE = {"authorization": "Bearer sk-ant-oat01-simulated"}
CHATGPT = {"authorization": "Bearer simulated", "chatgpt-account-id": "account"}


def test_claude_s_headers() -> None:
    told = headers(CLAUDE, Windows(1, 0), NOW)
    # The names and forms of an answer to a login, as people have published them.
    assert {name.removeprefix("anthropic-ratelimit-unified-"): value for name, value in told.items()} == {
        "5h-status": "allowed",
        "5h-utilization": "0.01",
        "5h-reset": "1790010000",
        "7d-status": "allowed",
        "7d-utilization": "0",
        "7d-reset": "1790208000",
        "status": "allowed",
        "reset": "1790010000",
        "representative-claim": "five_hour",
        "fallback-percentage": "0.5",
        "overage-status": "rejected",
        "overage-disabled-reason": "org_level_disabled",
    }


def test_the_fuller_window_is_claude_s_claim() -> None:
    told = headers(CLAUDE, Windows(20, 94), NOW)
    assert told["anthropic-ratelimit-unified-7d-status"] == "allowed_warning"
    assert told["anthropic-ratelimit-unified-7d-surpassed-threshold"] == "0.75"
    assert told["anthropic-ratelimit-unified-status"] == "allowed_warning"
    assert told["anthropic-ratelimit-unified-representative-claim"] == "seven_day"
    assert told["anthropic-ratelimit-unified-reset"] == told["anthropic-ratelimit-unified-7d-reset"]
    assert headers(CLAUDE, Windows(100, 94), NOW)["anthropic-ratelimit-unified-status"] == "rejected"


def test_codex_s_headers() -> None:
    assert headers(CHATGPT, Windows(12.5, 40), NOW) == {
        "x-codex-plan-type": "plus",
        "x-codex-credits-has-credits": "false",
        "x-codex-credits-unlimited": "false",
        "x-codex-primary-used-percent": "12.5",
        "x-codex-primary-window-minutes": "300",
        "x-codex-primary-reset-at": "1790010000",
        "x-codex-primary-reset-after-seconds": "10000",
        "x-codex-secondary-used-percent": "40",
        "x-codex-secondary-window-minutes": "10080",
        "x-codex-secondary-reset-at": "1790208000",
        "x-codex-secondary-reset-after-seconds": "208000",
    }


def test_an_api_key_has_no_windows() -> None:
    assert headers({"authorization": "Bearer sk-ant-api03-x"}, Windows(), NOW) == {}
    assert headers({"x-api-key": "sk-ant-oat01-x"}, Windows(), NOW) == {}


@pytest.mark.parametrize("stream", [False, True])
async def test_answers_tell_of_them(client: Client, stream: bool) -> None:
    path, body = request("anthropic-messages", "x", stream=stream)
    told = (await client.post(path, body, CLAUDE)).headers
    assert told["anthropic-ratelimit-unified-5h-utilization"] == "0.12"
    assert told["anthropic-ratelimit-unified-7d-utilization"] == "0.34"
    path, body = request("openai-responses", "x", stream=stream)
    told = (await client.post(path, body, CHATGPT)).headers
    assert told["x-codex-primary-used-percent"] == "12" and told["x-codex-secondary-used-percent"] == "34"
    assert not any("unified" in name or "codex" in name for name in (await client.post(path, body)).headers)


async def first_message(sim: Simulator, headers: dict[str, str]) -> Any:
    async with aiohttp.ClientSession(headers=headers) as session, session.ws_connect(f"{sim.url}/responses") as socket:
        await socket.send_json({"type": "response.create", "model": "gpt-6.1-sol", "input": "x"})
        return await socket.receive_json()


async def test_each_turn_of_a_socket_tells_of_them_first(sim: Simulator) -> None:
    told = await first_message(sim, CHATGPT)
    assert (told["type"], told["rate_limits"]["allowed"]) == ("codex.rate_limits", True)
    primary, secondary = told["rate_limits"]["primary"], told["rate_limits"]["secondary"]
    assert (primary["used_percent"], primary["window_minutes"]) == (12, 300)
    assert (secondary["used_percent"], secondary["window_minutes"]) == (34, 10_080)
    assert 0 < primary["reset_after_seconds"] <= 5 * 3_600
    assert (await first_message(sim, {"authorization": "Bearer key"}))["type"] == "response.created"


async def test_a_full_window_refuses_and_says_when_it_ends() -> None:
    async with simulator.running(windows=Windows(100, 40)) as sim, aiohttp.ClientSession() as session:
        client = Client(session, sim.url)
        path, body = request("anthropic-messages", "x")
        refused = await client.post(path, body, CLAUDE)
        assert (refused.status, refused.json["error"]["type"]) == (429, "rate_limit_error")
        assert refused.headers["anthropic-ratelimit-unified-status"] == "rejected"
        assert (await client.post(path, body)).status == 200
        assert len(sim.bill().calls) == 1


def test_a_process_can_be_told_of_them() -> None:
    with simulator.spawn(windows=Windows(71.5, 3)) as sim:
        path, body = request("openai-responses", "x")
        connection = http.client.HTTPConnection("127.0.0.1", sim.port)
        connection.request("POST", path, json.dumps(body), CHATGPT)
        assert connection.getresponse().headers["x-codex-primary-used-percent"] == "71.5"
        connection.close()
