"""WebSockets to upstreams: through a company's proxy, trusting its authority, and what becomes of those that fail."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from pathlib import Path

import pytest
from aiohttp import WSMsgType

from tests.upstream.machines import HOST, Authority, ForwardProxy, listening, pooled
from tokenguard.upstream import Network, NotUpgraded, UpstreamError, Upstreams, UpstreamSocket

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, 1.3"""


async def opening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Opens a socket, and says the head of the request over it."""
    head = await reader.readuntil(b"\r\n\r\n")
    key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Turn-State: 1\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )
    writer.write(bytes([0x81, 126]) + len(head).to_bytes(2, "big") + head)
    await reader.read()


async def open_socket(upstreams: Upstreams, network: Network, url: str) -> UpstreamSocket:
    return await upstreams.open_socket(network, url, "/v1/responses?x=%20", headers=[("x-key", "sk-1")])


async def first_message(socket: UpstreamSocket) -> bytes:
    async with asyncio.timeout(20):
        message = await socket.receive()
    assert message.type is WSMsgType.TEXT
    return bytes(message.data)


async def test_nothing_is_added_to_the_headers_but_the_handshake() -> None:
    async with listening(opening) as port, pooled() as upstreams:
        socket = await open_socket(upstreams, Network(), f"http://127.0.0.1:{port}/base")
        assert (b"X-Turn-State", b"1") in socket.raw_headers
        lines = (await first_message(socket)).split(b"\r\n")
        assert lines[0] == b"GET /base/v1/responses?x=%20 HTTP/1.1"
        names = {line.partition(b":")[0].lower() for line in lines[1:] if line}
        assert names == {
            *(b"host", b"x-key", b"upgrade", b"connection"),
            *(b"sec-websocket-version", b"sec-websocket-key"),
        }


async def test_https_goes_through_the_tunnel_and_trusts_the_bundle(authority: Authority) -> None:
    async with listening(opening, authority.context) as port:
        proxy = ForwardProxy(port)
        async with listening(proxy) as proxy_port, pooled() as upstreams:
            network = Network(proxy=f"http://127.0.0.1:{proxy_port}", ca_bundles=(str(authority.bundle),))
            socket = await open_socket(upstreams, network, f"https://{HOST}")
            assert b"x-key: sk-1" in await first_message(socket)
            assert proxy.heads[0].startswith(f"CONNECT {HOST}:443 ".encode()) and b"sk-1" not in proxy.heads[0]
            socket.drop()


async def test_an_unknown_authority_is_not_trusted(authority: Authority) -> None:
    async with listening(opening, authority.context) as port, listening(ForwardProxy(port)) as proxy_port:
        async with pooled() as upstreams:
            with pytest.raises(UpstreamError, match="no secure connection to upstream.test"):
                await open_socket(upstreams, Network(proxy=f"http://127.0.0.1:{proxy_port}"), f"https://{HOST}")


async def test_a_bundle_that_is_none_is_named(tmp_path: Path) -> None:
    bundle = tmp_path / "none.pem"
    async with pooled() as upstreams:
        with pytest.raises(UpstreamError, match=r"none\.pem cannot be read"):
            await open_socket(upstreams, Network(ca_bundles=(str(bundle),)), "https://upstream.test")


async def test_an_answer_that_is_no_socket_is_handed_over() -> None:
    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 No\r\nX-Why: key\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n")
        await reader.read()

    async with listening(refusing) as port, pooled() as upstreams:
        with pytest.raises(NotUpgraded) as refused:
            await open_socket(upstreams, Network(), f"http://127.0.0.1:{port}")
        answer = refused.value.answer
        assert (answer.status, answer.reason, refused.value.body) == (401, "No", b"no!")
        assert (b"X-Why", b"key") in answer.raw_headers


async def test_closing_ends_sockets_too() -> None:
    async with listening(opening) as port:
        async with pooled() as upstreams:
            socket = await open_socket(upstreams, Network(), f"http://127.0.0.1:{port}")
            await first_message(socket)
        async with asyncio.timeout(20):
            assert (await socket.receive()).type is WSMsgType.CLOSED
