"""Handshakes: what both sides say to each other, who may come in, and what becomes of a socket that cannot be had."""

from __future__ import annotations

import asyncio
import os

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from tests.proxy.rig import MESSAGES, TOKEN, Exchange, happened, proxied
from tests.proxy.socket_rig import RESPONSES, create, heard, receive, say, socketed
from tokenguard.upstream import Network

HANDSHAKE = (
    b"Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


async def test_headers_and_query_pass_as_over_http() -> None:
    async with socketed() as rig:
        rig.headers = [("x-codex-turn-state", "state"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
        pair = await rig.connect(
            f"{RESPONSES}?a=b%20c&a", headers={"OpenAI-Beta": "responses_websockets", "X-Odd": "é"}
        )
        seen = pair.request
        assert seen.raw_path == "/v1/responses?a=b%20c&a"
        assert seen.headers["Authorization"] == "Bearer sk-planted-secret"
        assert (seen.headers["OpenAI-Beta"], seen.headers["X-Odd"]) == ("responses_websockets", "é")
        assert seen.headers["Host"] == rig.guard.base_url.removeprefix("http://")
        answer = pair.client._response.headers  # pyright: ignore[reportPrivateUsage]  # aiohttp has a socket's headers there only
        assert (answer["x-codex-turn-state"], answer.getall("Set-Cookie")) == ("state", ["a=1", "b=2"])


async def test_the_handshake_of_each_side_is_its_own_and_nothing_is_compressed() -> None:
    async with socketed() as rig:
        pair = await rig.connect(compress=15)
        assert "Sec-WebSocket-Extensions" not in pair.request.headers
        assert pair.client.compress == 0
        assert len(pair.request.headers.getall("Sec-WebSocket-Key")) == 1


@pytest.mark.parametrize(("spoken", "agreed"), [((), None), (("one", "two"), "two")])
async def test_a_subprotocol_is_agreed_on_end_to_end(spoken: tuple[str, ...], agreed: str | None) -> None:
    async with socketed() as rig:
        rig.protocols = ("two", "three")
        pair = await rig.connect(protocols=spoken)
        assert (pair.client.protocol, pair.upstream.ws_protocol) == (agreed, agreed)


@pytest.mark.parametrize("status", [400, 401, 404, 426, 503])
async def test_a_refused_socket_is_refused_in_the_same_words(status: int) -> None:
    async def refuse(request: web.Request) -> web.Response:
        headers = [("WWW-Authenticate", "Bearer"), ("x-request-id", "req_1")]
        return web.Response(status=status, reason="Not so", text='{"error": "no"}', headers=headers)

    async with socketed() as rig:
        rig.answer = refuse
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await rig.dial()
        assert (refused.value.status, rig.guard.begun) == (status, [])
        async with aiohttp.ClientSession() as session:
            headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
            headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
            async with session.get(f"http://127.0.0.1:{rig.port}{RESPONSES}", headers=headers) as answer:
                assert (answer.status, answer.reason) == (status, "Not so")
                assert (answer.headers["WWW-Authenticate"], answer.headers["x-request-id"]) == ("Bearer", "req_1")
                assert await answer.text() == '{"error": "no"}'


async def test_an_answer_that_breaks_off_is_passed_as_far_as_it_came() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\nhalf of")
        raise ConnectionError

    async with proxied(script) as rig:
        client = await rig.connect()
        await client.send(b"GET %b HTTP/1.1\r\n%b\r\n" % (RESPONSES.encode(), HANDSHAKE))
        answer = await client.message()
        assert (answer.status, answer.body) == (401, b"half of")


@pytest.mark.parametrize("body", [b"", b"no"])
async def test_after_a_refusal_the_connection_serves_on(body: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(body, status=b"426 Upgrade Required")

    async with proxied(script) as rig:
        client = await rig.connect()
        for _ in range(2):
            await client.send(b"GET %b HTTP/1.1\r\n%b\r\n" % (RESPONSES.encode(), HANDSHAKE))
            assert (await client.message()).status == 426
        await client.send(b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}" % MESSAGES)
        assert (await client.message()).status == 426


async def test_where_no_socket_can_be_had_the_client_is_sent_to_http(caplog: pytest.LogCaptureFixture) -> None:
    async with socketed() as rig:
        rig.guard.base_url = "http://127.0.0.1:1"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await rig.dial()
        assert refused.value.status == 426
    assert "127.0.0.1" in caplog.text and "sk-planted-secret" not in caplog.text


async def test_an_upstream_that_changes_to_something_else_is_not_joined() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: ftp\r\n\r\n")

    async with proxied(script) as rig:
        client = await rig.connect()
        await client.send(b"GET %b HTTP/1.1\r\n%b\r\n" % (RESPONSES.encode(), HANDSHAKE))
        answer = await client.message()
        assert answer.status == 426 and b"not to WebSocket" in answer.body


@pytest.mark.parametrize(
    "flaw",
    [
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Key: short"),
        (b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 99"),
    ],
)
async def test_half_a_handshake_goes_no_further(flaw: tuple[bytes, bytes]) -> None:
    async def script(exchange: Exchange) -> None:
        raise AssertionError

    async with proxied(script) as rig:
        client = await rig.connect()
        await client.send(b"GET %b HTTP/1.1\r\n%b\r\n" % (RESPONSES.encode(), HANDSHAKE.replace(*flaw)))
        assert (await client.message()).status == 400
        assert not rig.upstream.received


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        (RESPONSES, {"Origin": "https://evil.example"}, 403),
        (RESPONSES, {"Host": "evil.example"}, 403),
        ("/s/wrong/openai/v1/responses", {}, 426),
        ("/nobody/v1/responses", {}, 404),
        (f"/s/{TOKEN}/openai/v1/realtime", {}, 426),
    ],
)
async def test_the_door_is_the_same_as_for_http(target: str, headers: dict[str, str], status: int) -> None:
    async with socketed() as rig:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await rig.dial(target, headers=headers)
        assert (refused.value.status, rig.requests) == (status, [])


async def test_other_users_are_turned_away() -> None:
    async with socketed(peer_uid=lambda own, peer: os.getuid() + 1) as rig:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await rig.dial()
        assert (refused.value.status, rig.requests) == (403, [])


async def test_the_way_out_is_the_session_s() -> None:
    """An `https` upstream is reached through a tunnel of the configured proxy, which sees nothing but its name."""
    asked = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        asked.set()
        await exchange.answer(status=b"403 Forbidden")

    async with proxied(script) as rig:
        rig.guard.network = Network(proxy=rig.upstream.url)
        rig.guard.base_url = "https://upstream.test"
        client = await rig.connect()
        await client.send(b"GET %b HTTP/1.1\r\nX-Key: secret\r\n%b\r\n" % (RESPONSES.encode(), HANDSHAKE))
        answer = await client.message()
        await happened(asked)
        assert answer.status == 426 and b"the proxy on the way to upstream.test answered 403" in answer.body
        (connect,) = rig.upstream.received
        assert connect.first == b"CONNECT upstream.test:443 HTTP/1.1"
        assert connect.get(b"X-Key") is None


async def test_shutdown_closes_idle_sockets_at_once() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await rig.proxy.close(grace=20)
        for end in (pair.client, pair.upstream):
            assert (await receive(end))[:2] == (WSMsgType.CLOSE, aiohttp.WSCloseCode.GOING_AWAY)


async def test_an_error_of_ours_is_told_to_nobody_but_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with socketed() as rig:

        async def broken(call: object, facts: object) -> None:
            raise KeyError("sk-planted-secret")

        monkeypatch.setattr(rig.guard, "admit", broken)
        pair = await rig.connect()
        await say(pair.client, create())
        refusal = await heard(pair.client)
        assert b"it could not be decided" in refusal and b"secret" not in refusal
        monkeypatch.undo()
        await say(pair.client, create())
        assert await heard(pair.upstream) == create()
    assert "KeyError" in caplog.text and "sk-planted-secret" not in caplog.text
