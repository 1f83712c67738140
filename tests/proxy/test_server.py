"""Who may come in, where a request belongs, and how the door closes."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.proxy.rig import ASK, MESSAGES, TOKEN, Exchange, Wire, happened, proxied, request
from tokenguard import __version__


async def ok(exchange: Exchange) -> None:
    await exchange.answer(b"{}")


async def one_line(client: Wire) -> tuple[int, str]:
    answer = await client.message()
    message = json.loads(answer.body)["error"]["message"]
    assert "\n" not in message and answer.get(b"Content-Type") == b"application/json"
    return answer.status, message


async def test_healthz_tells_the_version() -> None:
    async with proxied(ok) as rig:
        answer = await (await rig.post(b"", target=b"/healthz")).message()
        assert (answer.status, json.loads(answer.body)) == (200, {"ok": True, "version": __version__})
        assert not rig.upstream.received


async def test_a_session_and_the_fixed_port_lead_to_the_same_provider() -> None:
    async with proxied(ok) as rig:
        for target in (MESSAGES, b"/anthropic/v1/messages"):
            assert (await (await rig.post(target=target)).message()).status == 200
        assert [seen.first for seen in rig.upstream.received] == [b"POST /v1/messages HTTP/1.1"] * 2
        assert [call.session for call in rig.guard.admitted] == ["s1", ""]


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/a%2Fb/%7E~?x=%20+&y&x=1",
        b"/v1/../v1//messages?a=b?c=d",
        b"/v1/models/m:generate|Content?key={secret}",
        b"",
        b"/",
    ],
)
async def test_path_and_query_keep_their_spelling(target: bytes) -> None:
    async with proxied(ok) as rig:
        assert (await (await rig.post(target=b"/anthropic" + target)).message()).status == 200
        assert rig.upstream.received[0].first == b"POST %b HTTP/1.1" % (target or b"/")


async def test_an_unknown_token_is_named_with_its_remedy_and_not_echoed() -> None:
    async with proxied(ok) as rig:
        status, message = await one_line(await rig.post(target=b"/s/wrong-token/anthropic/v1/nothing"))
        assert status == 404 and "tokenguard run" in message and "wrong-token" not in message
        assert not rig.upstream.received


async def test_a_call_of_no_session_is_refused_as_its_agent_takes_it() -> None:
    async with proxied(ok) as rig:
        answer = await (await rig.post(target=b"/s/wrong-token/anthropic/v1/messages")).message()
        refusal = rig.guard.refusals.of_no_session("wrong-token", "anthropic-messages")
        assert (answer.status, answer.body) == (refusal.status, refusal.body) == (402, refusal.body)
        assert not rig.upstream.received


@pytest.mark.parametrize("target", [b"/nobody/v1/messages", b"/s/%b/nobody/v1" % TOKEN.encode(), b"/", b"/s/x", b"*"])
async def test_an_unknown_provider_names_the_configured_ones(target: bytes) -> None:
    async with proxied(ok) as rig:
        method = b"OPTIONS" if target == b"*" else b"POST"
        client = await rig.connect()
        await client.send(request(target=target, method=method))
        status, message = await one_line(client)
        assert status == 404
        assert "anthropic, openai" in message or target == b"/s/x"


@pytest.mark.parametrize(
    "host", [b"127.0.0.1", b"127.0.0.1:1", b"localhost", b"LocalHost:4747", b"[::1]", b"[::1]:4747"]
)
async def test_hosts_of_this_machine_are_served(host: bytes) -> None:
    async with proxied(ok) as rig:
        client = await rig.connect()
        await client.send(b"GET /healthz HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
        assert (await client.message()).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        b"Host: evil.example\r\n",
        b"Host: 127.0.0.1.evil.example\r\n",
        b"Host: evil.example:127.0.0.1\r\n",
        b"Host: localhost:x\r\n",
        b"Host: \r\n",
        b"Host: 127.0.0.1\r\nOrigin: https://evil.example\r\n",
        b"Host: 127.0.0.1\r\nOrigin: null\r\n",
    ],
)
@pytest.mark.parametrize("path", [b"/healthz", MESSAGES])
async def test_web_pages_are_turned_away(headers: bytes, path: bytes) -> None:
    async with proxied(ok) as rig:
        client = await rig.connect()
        await client.send(b"GET %b HTTP/1.1\r\n%b\r\n" % (path, headers))
        status, _ = await one_line(client)
        assert status == 403
        assert await client.closed()
        assert not rig.upstream.received


async def test_a_request_must_name_its_host() -> None:
    async with proxied(ok) as rig:
        client = await rig.connect()
        await client.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await one_line(client))[0] == 403


async def test_a_websocket_of_another_protocol_is_answered_with_426_at_once() -> None:
    async with proxied(ok) as rig:
        client = await rig.connect()
        await client.send(
            b"GET /s/%b/openai/v1/realtime HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" % TOKEN.encode()
        )
        status, _ = await one_line(client)
        assert status == 426
        assert not rig.upstream.received


async def test_an_error_of_ours_is_one_line_and_the_connection_lives(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with proxied(ok) as rig:

        def broken(session: object, provider: str) -> str:
            raise KeyError("sk-planted-secret")

        monkeypatch.setattr(rig.guard, "upstream_of", broken)
        client = await rig.connect()
        await client.send(request())
        status, message = await one_line(client)
        assert status == 500 and "KeyError" in message
        monkeypatch.undo()
        await client.send(request())
        assert (await client.message()).status == 200
    assert "KeyError at " in caplog.text
    assert "sk-planted-secret" not in caplog.text


async def test_many_requests_go_over_one_connection_each_way() -> None:
    async with proxied(ok) as rig:
        client = await rig.connect()
        for _ in range(20):
            await client.send(request())
            assert (await client.message()).status == 200
        assert rig.upstream.connections == 1


async def test_close_lets_streams_end_and_ends_idle_connections_at_once() -> None:
    more = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"data: 1\n\n")
        await happened(more)
        await exchange.chunk(b"data: 2\n\n")
        await exchange.end()

    async with proxied(script) as rig:
        idle = await rig.connect()
        await idle.send(request(b"", target=b"/healthz"))
        await idle.message()
        busy = await rig.post()
        pieces = busy.pieces(await busy.head())
        assert await anext(pieces) == b"data: 1\n\n"
        closing = asyncio.get_running_loop().create_task(rig.proxy.close(grace=20))
        assert await idle.closed()
        with pytest.raises(OSError):
            await rig.connect()
        assert not closing.done()
        more.set()
        assert [piece async for piece in pieces] == [b"data: 2\n\n"]
        assert await busy.closed()
        await closing
        assert (await rig.guard.next_settled()).outcome == "ok"


async def test_close_breaks_off_what_does_not_end_in_time() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"data: 1\n\n")
        await exchange.closed()

    async with proxied(script) as rig:
        client = await rig.post()
        pieces = client.pieces(await client.head())
        assert await anext(pieces) == b"data: 1\n\n"
        await rig.proxy.close(grace=0)
        settled = rig.guard.settled.get_nowait()
        assert (settled.outcome, settled.status) == ("cut", 200)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await anext(pieces)


async def test_close_takes_no_further_request_on_a_busy_connection() -> None:
    arrived, release = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        arrived.set()
        await happened(release)
        await exchange.answer(b"{}")

    async with proxied(script) as rig:
        client = await rig.post()
        await happened(arrived)
        closing = asyncio.get_running_loop().create_task(rig.proxy.close(grace=20))
        await client.send(request(ASK))
        release.set()
        assert (await client.message()).status == 200
        assert await client.closed()
        await closing
        assert len(rig.upstream.received) == 1
