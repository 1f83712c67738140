"""Both ends of a WebSocket that goes through the proxy: a client and an upstream that do what the test says."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
from aiohttp import WSMsgType, web

from tests.proxy.rig import PATIENCE, TOKEN, FakeGuard, PeerUid
from tokenguard.proxy import Proxy
from tokenguard.proxy.clients import Clients
from tokenguard.upstream import Upstreams

RESPONSES = f"/s/{TOKEN}/openai/v1/responses"
KEY = {"Authorization": "Bearer sk-planted-secret"}
PLAIN: Any = {"autoping": False, "autoclose": False, "max_msg_size": 0, "decode_text": False}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Socket = aiohttp.ClientWebSocketResponse | web.WebSocketResponse


class Pair(NamedTuple):
    """The two ends of one socket."""

    client: aiohttp.ClientWebSocketResponse
    upstream: web.WebSocketResponse
    request: web.Request
    """As it came to the upstream."""


class SocketRig:
    """A proxy between clients and an upstream that opens a socket for everybody."""

    def __init__(self, guard: FakeGuard, proxy: Proxy, port: int, session: aiohttp.ClientSession) -> None:
        self.guard = guard
        self.proxy = proxy
        self.port = port
        self._session = session
        self.answer: Answer | None = None
        """What the upstream does instead of opening a socket."""
        self.requests: list[web.Request] = []
        self.opened: asyncio.Queue[tuple[web.WebSocketResponse, web.Request]] = asyncio.Queue()
        self.protocols: tuple[str, ...] = ()
        self.headers: list[tuple[str, str]] = []
        """With which the upstream opens a socket."""
        self._over = asyncio.Event()
        self._clients: list[aiohttp.ClientWebSocketResponse] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The upstream."""
        self.requests.append(request)
        if self.answer is not None:
            return await self.answer(request)
        opened = web.WebSocketResponse(protocols=self.protocols, **PLAIN)
        for name, value in self.headers:
            opened.headers.add(name, value)
        await opened.prepare(request)
        self.opened.put_nowait((opened, request))
        await self._over.wait()
        return opened

    async def dial(self, target: str = RESPONSES, **options: Any) -> aiohttp.ClientWebSocketResponse:
        """A client whose socket was opened."""
        headers = {**KEY, **options.pop("headers", {})}
        connect: Any = self._session.ws_connect
        opened: aiohttp.ClientWebSocketResponse = await connect(
            f"http://127.0.0.1:{self.port}{target}", headers=headers, **options
        )
        self._clients.append(opened)
        return opened

    async def connect(self, target: str = RESPONSES, **options: Any) -> Pair:
        """An open socket, from end to end."""
        client = await self.dial(target, **{**PLAIN, **options})
        async with asyncio.timeout(PATIENCE):
            return Pair(client, *await self.opened.get())

    def end(self) -> None:
        """Let the upstream close what it has open."""
        self._over.set()

    async def close(self) -> None:
        """Close what clients have open; the proxy is gone."""
        for client in self._clients:
            await client.close()


@asynccontextmanager
async def socketed(
    *, peer_uid: PeerUid = lambda own, peer: None, clients: Clients | None = None
) -> AsyncGenerator[SocketRig]:
    """A proxy before an upstream that opens sockets."""
    rigs: list[SocketRig] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        return await rigs[0].serve(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", serve)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    guard = FakeGuard(f"http://127.0.0.1:{runner.addresses[0][1]}")
    upstreams = Upstreams()
    proxy = Proxy(guard, upstreams, ("openai", "anthropic"), peer_uid=peer_uid, clients=clients)
    sock = socket.create_server(("127.0.0.1", 0))
    await proxy.listen(sock)
    async with aiohttp.ClientSession() as session:
        rig = SocketRig(guard, proxy, sock.getsockname()[1], session)
        rigs.append(rig)
        try:
            yield rig
        finally:
            rig.end()
            await proxy.close(grace=0)
            await upstreams.close()
            await runner.cleanup()
            await rig.close()


async def receive(end: Socket) -> tuple[WSMsgType, Any, Any]:
    """The next message, of whatever type."""
    async with asyncio.timeout(PATIENCE):
        message = await end.receive()
    return message.type, message.data, message.extra


async def say(end: Socket, *messages: bytes) -> None:
    for message in messages:
        await end.send_frame(message, WSMsgType.TEXT)


async def heard(end: Socket) -> bytes:
    """The next message, which has to be text."""
    kind, data, _ = await receive(end)
    assert kind is WSMsgType.TEXT, (kind, data)
    return bytes(data)


def lose(end: Socket) -> None:
    """Break the connection of an end, without a closing."""
    with socket.socket(fileno=os.dup(end.get_extra_info("socket").fileno())) as own:
        own.shutdown(socket.SHUT_RDWR)


def create(**fields: Any) -> bytes:
    return json.dumps({"type": "response.create", "model": "gpt-5.5", "input": [], **fields}).encode()


def event(kind: str, response_id: str | None = None, **fields: Any) -> bytes:
    """A message of the upstream; `usage=(input, output)` ends a turn with a bill."""
    usage = fields.pop("usage", None)
    message: dict[str, Any] = {"type": f"response.{kind}", **fields}
    if response_id is not None:
        counted = dict(zip(("input_tokens", "output_tokens"), usage, strict=True)) if usage else None
        message["response"] = {"id": response_id, "model": "gpt-5.5-2026-04-23", "usage": counted}
    return json.dumps(message).encode()
