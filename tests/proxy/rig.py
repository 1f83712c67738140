"""Both ends of the data path on real sockets: a scripted upstream, a client that sees every byte, a noting guard."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from msgspec.structs import replace

from tokenguard.agents import claude
from tokenguard.policy.disconnects import Drain
from tokenguard.proxy import Proxy
from tokenguard.proxy.clients import Clients
from tokenguard.records import Call, Facts, Reading, Session, Verdict
from tokenguard.upstream import Network, Upstreams
from tokenguard.wire import DIALECTS
from tokenguard.wire.shape import Refusal

PATIENCE = 20.0
"""Seconds after which a test that waits for something has failed."""
TOKEN = "token-of-the-session"
SESSION = Session(id="s1", agent="claude", started_us=1)
MESSAGES = b"/s/token-of-the-session/anthropic/v1/messages"
ASK = b'{"model":"claude-sonnet-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hello"}]}'


class Seen(NamedTuple):
    """A message as it came over a socket."""

    first: bytes
    """Request or status line."""
    headers: list[tuple[bytes, bytes]]
    body: bytes
    complete: bool = True
    """Whether the body came to the end that its framing announced."""

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: bytes) -> bytes | None:
        return next(iter(self.all(name)), None)

    @property
    def status(self) -> int:
        return int(self.first.split(b" ")[1])


class Wire:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        async with asyncio.timeout(PATIENCE):
            await self.writer.drain()

    async def head(self) -> Seen:
        """The next message up to its body. Raises `IncompleteReadError` if the other end closes before."""
        async with asyncio.timeout(PATIENCE):
            raw = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = raw[:-4].split(b"\r\n")
        return Seen(first, [(name, value) for name, _, value in (line.partition(b": ") for line in lines)], b"")

    async def message(self, *, bodiless: bool = False) -> Seen:
        """The next message with its body, as far as it comes."""
        head = await self.head()
        if bodiless:
            return head
        body = bytearray()
        complete = True
        try:
            async for piece in self.pieces(head):
                body += piece
        except (asyncio.IncompleteReadError, ConnectionResetError) as error:
            body += error.partial if isinstance(error, asyncio.IncompleteReadError) else b""
            complete = False
        return head._replace(body=bytes(body), complete=complete)

    async def pieces(self, head: Seen) -> AsyncIterator[bytes]:
        """The body behind `head`: each chunk on its own where it is chunked."""
        async with asyncio.timeout(PATIENCE):
            if head.get(b"Transfer-Encoding") == b"chunked":
                while size := int(await self.reader.readuntil(b"\r\n"), 16):
                    yield await self.reader.readexactly(size)
                    assert await self.reader.readexactly(2) == b"\r\n"
                assert await self.reader.readexactly(2) == b"\r\n"
            elif (length := head.get(b"Content-Length")) is not None:
                yield await self.reader.readexactly(int(length))
            elif head.first.startswith(b"HTTP/"):
                yield await self.reader.read()

    async def closed(self) -> bool:
        """Wait until the other end closes; False if it sends something instead."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read(1) == b""
            except ConnectionResetError:
                return True

    def close(self) -> None:
        self.writer.close()


class Exchange(Wire):
    """The upstream's end while it answers one request."""

    def __init__(self, request: Seen, wire: Wire) -> None:
        super().__init__(wire.reader, wire.writer)
        self.request = request

    async def answer(self, body: bytes = b"", *, status: bytes = b"200 OK", headers: bytes = b"") -> None:
        """A plain answer; `headers` are whole lines."""
        await self.send(b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body))

    async def start(self, headers: bytes = b"Content-Type: text/event-stream\r\n") -> None:
        await self.send(b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n" % headers)

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.send(b"0\r\n\r\n")


Script = Callable[[Exchange], Awaitable[None]]


class Upstream:
    """A provider that does what the script says, for every request."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.received: list[Seen] = []
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        wire = Wire(reader, writer)
        try:
            while True:
                request = await wire.message()
                self.received.append(request)
                await self.script(Exchange(request, wire))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def happened(event: asyncio.Event) -> None:
    """Wait for something that a correct data path lets happen."""
    async with asyncio.timeout(PATIENCE):
        await event.wait()


@asynccontextmanager
async def serving(script: Script) -> AsyncGenerator[Upstream]:
    """An upstream on a free port."""
    upstream = Upstream(script)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.get_running_loop().create_task(upstream.serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Settled(NamedTuple):
    call: Call
    reading: Reading
    status: int | None
    outcome: str


class Decision:
    def __init__(
        self, call: Call, refusal: Refusal | None, model: str | None = None, max_output: int | None = None
    ) -> None:
        self.call = call
        self.model = model
        self.max_output = max_output
        self.verdict = Verdict("refuse", reason=refusal.body.decode()) if refusal else Verdict("allow")
        self.refusal = refusal


class FakeGuard:
    """Admits everything unless told otherwise, and notes what it is told."""

    def __init__(self, base_url: str) -> None:
        self.refusals = self.ways = self.unread = self
        self.base_url = base_url
        self.other_urls: dict[str, str] = {}
        self.refusal: Refusal | None = None
        self.unreadable_because: str | None = None
        self.model: str | None = None
        """The model that is let through in place of any other."""
        self.max_output: int | None = None
        self.answers: list[tuple[Call, dict[str, str]]] = []
        self.network = Network()
        self.drained: Drain | None = None
        self.asked_to_drain = asyncio.Event()
        self.begun: list[tuple[Call, Facts, dict[str, str]]] = []
        self.admitted: list[Call] = []
        self.counting = False
        """Whether the provider's count is wanted."""
        self.counters: list[Callable[[], Awaitable[int | None]] | None] = []
        self.counts: list[int | None] = []
        self.joined: list[Call] = []
        self.holding = False
        self.held = asyncio.Event()
        self.release = asyncio.Event()
        self.left = asyncio.Event()
        self.settled: asyncio.Queue[Settled] = asyncio.Queue()
        self.progressed: list[Reading] = []
        self.passed: list[tuple[str | None, str, str, str, int]] = []
        self.questions = 0
        """Clients that asked for a count themselves."""

    async def next_settled(self) -> Settled:
        async with asyncio.timeout(PATIENCE):
            return await self.settled.get()

    def session_of(self, token: str) -> Session | None:
        return SESSION if token == TOKEN else None

    def begin(
        self, session: Session | None, *, provider: str, dialect: str, facts: Facts, headers: Mapping[str, str]
    ) -> Call:
        call = Call(
            id=len(self.begun) + 1,
            session=session.id if session else "",
            agent="claude",
            provider=provider,
            dialect=dialect,
            model=facts.model,
            started_us=0,
        )
        self.begun.append((call, facts, dict(headers)))
        return call

    async def admit(
        self, call: Call, facts: Facts, count: Callable[[], Awaitable[int | None]] | None = None
    ) -> Decision:
        self.counters.append(count)
        if count is not None and self.counting:
            self.counts.append(await count())
        if self.holding:
            self.held.set()
            try:
                await self.release.wait()
            finally:
                self.left.set()
        if self.refusal is None:
            self.admitted.append(call)
        if self.model is not None:
            call = replace(call, model=self.model, requested=call.model)
        return Decision(call, self.refusal, self.model, self.max_output)

    def of_no_session(self, token: str, dialect: str) -> Refusal:
        return claude.refuse(dialect, "over") or DIALECTS[dialect].refuse("over")

    def in_dialect(self, call: Call, text: str) -> Refusal:
        return claude.refuse(call.dialect, text) or DIALECTS[call.dialect].refuse(text)

    def join(self, call: Call) -> None:
        self.joined.append(call)

    def answered(self, call: Call, headers: Mapping[str, str]) -> None:
        self.answers.append((call, dict(headers)))

    def settle(self, call: Call, reading: Reading, *, status: int | None, outcome: str) -> None:
        self.settled.put_nowait(Settled(call, reading, status, outcome))

    def progress(self, call: Call, reading: Reading) -> None:
        self.progressed.append(reading)

    def drain(self, call: Call) -> Drain | None:
        self.asked_to_drain.set()
        return self.drained

    def upstream_of(self, session: Session | None, provider: str) -> str | None:
        return self.base_url if provider in ("anthropic", "openai") else self.other_urls.get(provider)

    def network_of(self, session: Session | None) -> Network:
        return self.network

    def counted(self, session: Session | None) -> None:
        self.questions += 1

    def why_not(self, session: Session | None, provider: str) -> str | None:
        return self.unreadable_because

    def unmetered(self, session: Session | None, provider: str, method: str, path: str, status: int) -> None:
        self.passed.append((session.id if session else None, provider, method, path, status))


class Rig:
    """A proxy between clients and an upstream."""

    def __init__(self, upstream: Upstream, guard: FakeGuard, proxy: Proxy, port: int) -> None:
        self.upstream = upstream
        self.guard = guard
        self.proxy = proxy
        self.port = port
        self.clients: list[Wire] = []

    async def connect(self, *, receive_buffer: int | None = None) -> Wire:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        except OSError:
            sock.close()
            raise
        reader, writer = await asyncio.open_connection(sock=sock)
        client = Wire(reader, writer)
        self.clients.append(client)
        return client

    async def post(self, body: bytes = ASK, *, target: bytes = MESSAGES, headers: bytes = b"") -> Wire:
        """A client that has sent one request; `headers` are whole lines."""
        client = await self.connect()
        await client.send(request(body, target=target, headers=headers))
        return client


def request(body: bytes = ASK, *, target: bytes = MESSAGES, headers: bytes = b"", method: bytes = b"POST") -> bytes:
    return b"%b %b HTTP/1.1\r\nHost: 127.0.0.1:4747\r\n%bContent-Length: %d\r\n\r\n%b" % (
        method,
        target,
        headers,
        len(body),
        body,
    )


PeerUid = Callable[[tuple[str, int], tuple[str, int]], int | None]


@asynccontextmanager
async def proxied(
    script: Script, *, peer_uid: PeerUid = lambda own, peer: None, clients: Clients | None = None
) -> AsyncGenerator[Rig]:
    """A proxy before an upstream that follows the script."""
    async with serving(script) as upstream:
        guard = FakeGuard(upstream.url)
        upstreams = Upstreams()
        proxy = Proxy(guard, upstreams, ("openai", "anthropic"), peer_uid=peer_uid, clients=clients)
        sock = socket.create_server(("127.0.0.1", 0))
        await proxy.listen(sock)
        rig = Rig(upstream, guard, proxy, sock.getsockname()[1])
        try:
            yield rig
        finally:
            for client in rig.clients:
                client.close()
            await proxy.close(grace=0)
            await upstreams.close()
