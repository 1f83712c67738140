"""Requests through proxies and private authorities."""

from __future__ import annotations

import asyncio
import base64
import gc
import socket
import ssl
import struct

import pytest

from tests.upstream.machines import HOST, Authority, ForwardProxy, answering, fetch, listening, pooled
from tokenguard.upstream import Network, UpstreamError, arrived, next_bytes, pool


async def test_connections_are_kept_and_nothing_is_added_to_the_headers() -> None:
    made = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal made
        made += 1
        await answering(reader, writer)

    async with listening(counting) as port, pooled() as upstreams:
        for _ in range(3):
            head = await fetch(upstreams, Network(), f"http://127.0.0.1:{port}/base")
            assert head == (
                b"POST /base/v1?x=%%20 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nx-key: sk-1\r\nContent-Length: 2\r\n\r\n"
                % port
            )
    assert made == 1


async def test_a_large_body_arrives_whole() -> None:
    async with listening(answering) as port, pooled() as upstreams:
        body = b"x" * (5 << 20)
        assert b"Content-Length: 5242880" in await fetch(upstreams, Network(), f"http://127.0.0.1:{port}", body=body)


@pytest.mark.parametrize("credentials", ["", "user:pw%40@"])
async def test_https_goes_through_the_proxys_tunnel(authority: Authority, credentials: str) -> None:
    async with listening(answering, authority.context) as port:
        proxy = ForwardProxy(port)
        async with listening(proxy) as proxy_port, pooled() as upstreams:
            network = Network(f"http://{credentials}127.0.0.1:{proxy_port}", ca_bundles=(str(authority.bundle),))
            for _ in range(2):
                head = await fetch(upstreams, network, f"https://{HOST}")
                assert head.startswith(b"POST /v1?x=%20 HTTP/1.1\r\nHost: upstream.test\r\nx-key: sk-1\r\n")
                assert b"Proxy-Authorization" not in head
        (tunnel,) = proxy.heads
        assert tunnel.startswith(b"CONNECT upstream.test:443 HTTP/1.1\r\n") and b"sk-1" not in tunnel
        basic = b"Proxy-Authorization: Basic " + base64.b64encode(b"user:pw@")
        assert (basic in tunnel) == bool(credentials)


@pytest.mark.parametrize("credentials", ["", "user:pw@"])
async def test_http_goes_to_the_proxy_in_absolute_form(credentials: str) -> None:
    async with listening(answering) as port:
        proxy = ForwardProxy(port)
        async with listening(proxy) as proxy_port, pooled() as upstreams:
            network = Network(plain_proxy=f"http://{credentials}127.0.0.1:{proxy_port}")
            head = await fetch(upstreams, network, f"http://{HOST}/base")
            assert head.startswith(b"POST http://upstream.test/base/v1?x=%20 HTTP/1.1\r\nHost: upstream.test\r\n")
            assert (b"Proxy-Authorization: Basic" in head) == bool(credentials)
        assert len(proxy.heads) == 1


async def test_no_proxy_and_loopback_are_direct() -> None:
    async with listening(answering) as port, pooled() as upstreams:
        network = Network("http://127.0.0.1:1", "http://127.0.0.1:1")
        assert await fetch(upstreams, network, f"http://127.0.0.1:{port}")


async def test_a_private_authority_is_trusted_besides_the_systems(authority: Authority) -> None:
    # A connection does not tell whom else it would have trusted.
    context = pool._trust(Network(ca_bundles=(str(authority.bundle),)))  # pyright: ignore[reportPrivateUsage]
    assert isinstance(context, ssl.SSLContext)
    names = {str(known.get("subject")) for known in context.get_ca_certs()}
    system = {str(known.get("subject")) for known in ssl.create_default_context().get_ca_certs()}
    assert names - system and names >= system


async def test_an_idle_connection_that_is_reset_is_no_error() -> None:
    begun, reset = asyncio.Event(), asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if begun.is_set():
            return await answering(reader, writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
        await begun.wait()
        writer.write(b"x")
        await reset.wait()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    problems: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
    async with listening(once) as port, pooled() as upstreams, asyncio.timeout(20):
        url = f"http://127.0.0.1:{port}"
        answer = await upstreams.send(Network(), url, "/", method="GET", headers=[], body=b"")
        begun.set()
        assert (await next_bytes(answer), await next_bytes(answer)) == (b"x", b"")
        reset.set()
        # That the connection is lost is told to nobody who could be asked.
        while upstreams._bodies:  # noqa: ASYNC110  # pyright: ignore[reportPrivateUsage]
            await asyncio.sleep(0)
        # The next request drops the dead connection, and with it all that nobody asked about.
        assert await fetch(upstreams, Network(), url)
        del answer
        gc.collect()
        assert not problems


async def test_what_has_come_and_was_not_taken_can_be_had_without_waiting() -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await taken.wait()

    taken = asyncio.Event()
    async with listening(connected) as port, pooled() as upstreams, asyncio.timeout(20):
        url = f"http://127.0.0.1:{port}"
        answer = await upstreams.send(Network(), url, "/", method="GET", headers=(), body=b"")
        while not (got := arrived(answer)):  # noqa: ASYNC110  # `arrived` is the one that does not wait
            await asyncio.sleep(0)
        assert (got, arrived(answer)) == (b"abc", b"")
        taken.set()
        with pytest.raises(UpstreamError):
            await next_bytes(answer)
        assert arrived(answer) == b""
        answer.close()
