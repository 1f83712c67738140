"""A daemon's port as an intercepted program sees it: the data path of `tests.proxy.rig` behind its door."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.proxy.rig import PATIENCE, TOKEN, FakeGuard, Script, Seen, Upstream, Wire, serving
from tokenguard.config.settings import PROVIDERS, Config
from tokenguard.intercept import authority, hosts, store
from tokenguard.intercept.authority import Authority
from tokenguard.intercept.interceptor import Interceptor
from tokenguard.proxy import Proxy
from tokenguard.upstream import Upstreams

ANTHROPIC = "api.anthropic.com"


class Rig:
    """An interceptor between programs and whom they talk to."""

    def __init__(self, upstream: Upstream, folder: Path, peer: Callable[[], int | None]) -> None:
        self.upstream = upstream
        self.guard = FakeGuard(upstream.url)
        self.config = Config(
            providers=PROVIDERS | {"anthropic": upstream.url}, chosen_providers=frozenset({"anthropic"})
        )
        self.folder = folder
        self.authority = store.obtain(folder, hosts.names(self.config.providers, ()), datetime.now(UTC))
        self.upstreams = Upstreams()
        self.proxy = Proxy(self.guard, self.upstreams, PROVIDERS, peer_uid=lambda own, theirs: peer())
        self.interceptor = Interceptor(
            self.proxy, self.guard, lambda: self.config, folder, peer_uid=lambda own, theirs: peer()
        )
        self.port = 0
        self.clients: list[Wire] = []

    def configure(self, **providers: str) -> None:
        """Take these providers of the user's own besides."""
        chosen = {"anthropic": self.upstream.url, **providers}
        self.config = Config(providers=PROVIDERS | chosen, chosen_providers=frozenset(chosen))

    async def connect(self) -> Wire:
        client = Wire(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    def credentials(self, token: str = TOKEN, identity: str | None = None) -> bytes:
        """The line that shows who asks."""
        words = f"{self.authority.id if identity is None else identity}:{token}".encode()
        return b"Proxy-Authorization: Basic %b\r\n" % base64.b64encode(words)

    async def ask(self, first: bytes, headers: bytes | None = None, rest: bytes = b"") -> Wire:
        """A client that has sent the head of a request to a proxy."""
        client = await self.connect()
        given = self.credentials() if headers is None else headers
        await client.send(b"%b HTTP/1.1\r\nHost: any\r\n%b\r\n%b" % (first, given, rest))
        return client

    async def tunnel(self, host: str, port: int = 443, identity: str | None = None) -> Wire:
        """A client with a tunnel through which nothing has been said."""
        client = await self.ask(b"CONNECT %b:%d" % (host.encode(), port), self.credentials(identity=identity))
        assert (await client.head()).status == 200
        return client

    async def secure(self, host: str = ANTHROPIC, port: int = 443, trusted: Authority | None = None) -> Wire:
        """A client that talks TLS through a tunnel, and trusts only this authority."""
        client = await self.tunnel(host, port)
        async with asyncio.timeout(PATIENCE):
            await client.writer.start_tls(trusting(trusted or self.authority), server_hostname=host)
        return client


def trusting(trusted: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=trusted.pem.decode())
    return context


def identity_of(owner: Authority, host: str) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for this host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(authority.issue(owner, host, datetime.now(UTC)))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def message(body: bytes, *, host: str = ANTHROPIC, target: bytes = b"/v1/messages", headers: bytes = b"") -> bytes:
    length = len(body)
    return b"POST %b HTTP/1.1\r\nHost: %b\r\n%bContent-Length: %d\r\n\r\n%b" % (
        target,
        host.encode(),
        headers,
        length,
        body,
    )


def named(seen: Seen) -> Mapping[bytes, bytes]:
    """Headers by name."""
    return {name.lower(): value for name, value in seen.headers}


@asynccontextmanager
async def intercepting(
    script: Script, folder: Path, *, peer: Callable[[], int | None] = lambda: None
) -> AsyncGenerator[Rig]:
    """An interceptor whose provider `anthropic` follows the script."""
    async with serving(script) as upstream:
        rig = Rig(upstream, folder, peer)
        sock = socket.create_server(("127.0.0.1", 0))
        rig.port = sock.getsockname()[1]
        await rig.proxy.listen(sock, rig.interceptor.door)
        try:
            yield rig
        finally:
            for client in rig.clients:
                client.close()
            rig.interceptor.close_doors()
            await rig.proxy.close(grace=0)
            rig.interceptor.close()
            await rig.upstreams.close()
