"""What is not for a provider: it passes as it is, directly or through the user's own proxy."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.intercept.rig import Rig, identity_of, intercepting, trusting
from tests.proxy.rig import PATIENCE, Exchange, Wire, happened
from tests.upstream.machines import ForwardProxy, listening
from tokenguard.intercept import way
from tokenguard.intercept.authority import make
from tokenguard.intercept.head import Head
from tokenguard.intercept.pipe import Pipe
from tokenguard.upstream import Network

MUCH = bytes(range(256)) * 16_384
"""Four megabytes."""


async def unused(exchange: Exchange) -> None:
    raise AssertionError("a provider was asked")


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says what it hears, and goodbye when it has heard all."""
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.write(b"goodbye")
    if writer.can_write_eof():
        writer.write_eof()


@asynccontextmanager
async def rig_and(folder: Path, tls: ssl.SSLContext | None = None) -> AsyncGenerator[tuple[Rig, int]]:
    async with listening(echo, tls) as port, intercepting(unused, folder) as rig:
        yield rig, port


async def exchanged(client: Wire, data: bytes) -> bytes:
    """What comes back until the end of what was said."""

    async def say() -> None:
        await client.send(data)

    async with asyncio.timeout(PATIENCE):
        saying = asyncio.get_running_loop().create_task(say())
        back = await client.reader.readexactly(len(data))
        await saying
    return back


async def test_every_byte_passes_both_ways(tmp_path: Path) -> None:
    async with rig_and(tmp_path) as (rig, port):
        client = await rig.tunnel("127.0.0.1", port)
        assert await exchanged(client, MUCH) == MUCH


async def test_each_direction_ends_by_itself(tmp_path: Path) -> None:
    async with rig_and(tmp_path) as (rig, port):
        client = await rig.tunnel("localhost", port)
        await client.send(b"hello")
        client.writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            assert await client.reader.read() == b"hellogoodbye"


async def test_what_is_said_before_the_tunnel_is_there_is_not_lost(tmp_path: Path) -> None:
    async with rig_and(tmp_path) as (rig, port):
        client = await rig.ask(b"CONNECT 127.0.0.1:%d" % port, rest=b"early ")
        assert (await client.head()).status == 200
        await client.send(b"late")
        async with asyncio.timeout(PATIENCE):
            assert await client.reader.readexactly(10) == b"early late"


async def test_the_client_sees_the_host_s_own_certificate(tmp_path: Path) -> None:
    owner = make(("localhost",), datetime.now(UTC))
    async with rig_and(tmp_path, tls=identity_of(owner, "localhost")) as (rig, port):
        client = await rig.tunnel("localhost", port)
        await client.writer.start_tls(trusting(owner), server_hostname="localhost")
        assert await exchanged(client, MUCH) == MUCH
        with pytest.raises(ssl.SSLCertVerificationError):
            await rig.secure("localhost", port, trusted=rig.authority)
    # Whether a program trusts others is not our business.
    assert rig.interceptor.trust.close("s1") == (2, (), ("localhost",))


async def test_a_few_of_those_hosts_are_remembered_for_the_user(tmp_path: Path) -> None:
    async with intercepting(unused, tmp_path) as rig:
        for name in (b"a", b"b", b"a", b"c", b"d"):
            assert (await (await rig.ask(b"CONNECT %b.invalid:443" % name)).message()).status == 502
    assert rig.interceptor.trust.close("s1") == (5, (), ("a.invalid", "b.invalid", "c.invalid"))


@pytest.mark.parametrize("who", ["client", "host"])
async def test_if_one_end_goes_so_does_the_other(tmp_path: Path, who: str) -> None:
    left = asyncio.Event()

    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if who == "host":
            await reader.readexactly(1)
            writer.transport.abort()
            return
        try:
            while await reader.read(1 << 16):
                pass
        except ConnectionError:
            pass
        left.set()

    async with listening(host) as port, intercepting(unused, tmp_path) as rig:
        client = await rig.tunnel("127.0.0.1", port)
        await client.send(b"x")
        if who == "client":
            client.writer.transport.abort()
            await happened(left)
        else:
            assert await client.closed()


async def test_who_does_not_read_is_not_written_to_without_end(tmp_path: Path) -> None:
    sent = 0

    async def pouring(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while sent < 1 << 28:
            writer.write(bytes(1 << 20))
            sent += 1 << 20
            await writer.drain()

    async with listening(pouring) as port, intercepting(unused, tmp_path) as rig:
        client = await rig.tunnel("127.0.0.1", port)
        before = -1
        while before != sent:  # until nothing moves any more
            before = sent
            await asyncio.sleep(0.05)
        assert before < 64 << 20
        async with asyncio.timeout(PATIENCE):
            assert await client.reader.readexactly(before) == bytes(before)


async def test_tunnels_end_with_the_daemon(tmp_path: Path) -> None:
    async with rig_and(tmp_path) as (rig, port):
        client = await rig.tunnel("127.0.0.1", port)
        rig.interceptor.close_doors()
        assert await exchanged(client, b"still there") == b"still there"
        rig.interceptor.close()
        assert await client.closed()


async def test_a_host_that_cannot_be_reached_is_said_to_be_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with intercepting(unused, tmp_path) as rig:
        for first in (b"CONNECT 127.0.0.1:%d" % port, b"GET http://127.0.0.1:%d/" % port):
            answer = await (await rig.ask(first)).message()
            assert answer.status == 502
            assert answer.body.startswith(b"tokenguard: 127.0.0.1 cannot be reached: ")


class TestPlainHttp:
    async def test_a_request_passes_as_it_is_but_for_what_is_said_to_proxies(self, tmp_path: Path) -> None:
        heard = asyncio.get_running_loop().create_future()

        async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            heard.set_result((head, await reader.readexactly(len(MUCH))))
            writer.write(b"HTTP/1.0 299 Odd\r\nx: y\r\n\r\nbody")

        async with listening(host) as port, intercepting(unused, tmp_path) as rig:
            headers = b"Content-Length: %d\r\nX-Odd:  1\r\n" % len(MUCH) + rig.credentials()
            client = await rig.ask(b"PUT http://127.0.0.1:%d/a//b?c" % port, headers, MUCH)
            async with asyncio.timeout(PATIENCE):
                assert await client.reader.read() == b"HTTP/1.0 299 Odd\r\nx: y\r\n\r\nbody"
                head, body = await heard
        assert body == MUCH
        assert head == (
            b"PUT /a//b?c HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %d\r\nX-Odd: 1\r\n"
            b"Connection: close\r\n\r\n" % (port, len(MUCH))
        )

    async def test_sockets_pass_too(self, tmp_path: Path) -> None:
        async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert b"\r\nUpgrade: odd\r\n" in await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: odd\r\n\r\n")
            await echo(reader, writer)

        async with listening(host) as port, intercepting(unused, tmp_path) as rig:
            headers = b"Connection: upgrade\r\nUpgrade: odd\r\n" + rig.credentials()
            client = await rig.ask(b"GET http://127.0.0.1:%d/" % port, headers)
            assert (await client.head()).status == 101
            assert await exchanged(client, b"anything") == b"anything"


class TestTheUsersOwnProxy:
    async def test_a_tunnel_leads_through_it(self, tmp_path: Path) -> None:
        owner = make(("else.test",), datetime.now(UTC))
        async with rig_and(tmp_path, tls=identity_of(owner, "else.test")) as (rig, port):
            proxy = ForwardProxy(port)
            async with listening(proxy) as proxy_port:
                rig.guard.network = Network(proxy=f"http://user:p%40ss@127.0.0.1:{proxy_port}")
                client = await rig.tunnel("else.test")
                await client.writer.start_tls(trusting(owner), server_hostname="else.test")
                assert await exchanged(client, MUCH) == MUCH
        assert proxy.heads == [
            b"CONNECT else.test:443 HTTP/1.1\r\nHost: else.test:443\r\nProxy-Authorization: Basic dXNlcjpwQHNz\r\n\r\n"
        ]

    async def test_so_does_plain_http(self, tmp_path: Path) -> None:
        async with rig_and(tmp_path) as (rig, port):
            proxy = ForwardProxy(port)
            async with listening(proxy) as proxy_port:
                rig.guard.network = Network(plain_proxy=f"http://127.0.0.1:{proxy_port}")
                client = await rig.ask(b"GET http://else.test/x")
                head = await client.head()
                assert head.first == b"GET http://else.test/x HTTP/1.1"
        (head_sent,) = proxy.heads
        assert b"Proxy-" not in head_sent and head_sent.endswith(b"Host: else.test\r\nConnection: close\r\n\r\n")

    async def test_what_it_says_no_to_is_told(self, tmp_path: Path) -> None:
        async with rig_and(tmp_path) as (rig, port):
            async with listening(ForwardProxy(port, status=b"407 Who are you")) as proxy_port:
                rig.guard.network = Network(proxy=f"http://user:secret@127.0.0.1:{proxy_port}")
                answer = await (await rig.ask(b"CONNECT else.test:443")).message()
        assert answer.status == 502
        assert answer.body == b"tokenguard: the proxy on the way to else.test answered 407\n"

    @pytest.mark.parametrize(
        ("no_proxy", "to"),
        [(("else.test",), ("else.test", 443)), ((), ("corp", 3128)), ((".test",), ("else.test", 443))],
    )
    async def test_no_proxy_is_heeded(
        self, monkeypatch: pytest.MonkeyPatch, no_proxy: tuple[str, ...], to: tuple[str, int]
    ) -> None:
        connected: list[tuple[str, int]] = []

        async def nowhere(host: str, port: int, tls: ssl.SSLContext | None) -> Pipe:
            connected.append((host, port))
            raise OSError

        monkeypatch.setattr(way, "_connected", nowhere)
        with pytest.raises(way.UnreachableError):
            network = Network(proxy="http://corp:3128", no_proxy=no_proxy)
            await way.to_host(network, Head(b"CONNECT", "else.test", 443, b"", ()))
        assert connected == [to]

    async def test_it_may_want_tls_itself(self, tmp_path: Path) -> None:
        owner = make(("localhost",), datetime.now(UTC))
        bundle = tmp_path / "corp.pem"
        bundle.write_bytes(owner.pem)
        async with rig_and(tmp_path) as (rig, port):
            async with listening(ForwardProxy(port), identity_of(owner, "localhost")) as proxy_port:
                url = f"https://localhost:{proxy_port}"
                rig.guard.network = Network(proxy=url, ca_bundles=(str(bundle),))
                client = await rig.tunnel("else.test")
                assert await exchanged(client, b"through") == b"through"
                rig.guard.network = Network(proxy=url)
                answer = await (await rig.ask(b"CONNECT else.test:443")).message()
                assert answer.status == 502
