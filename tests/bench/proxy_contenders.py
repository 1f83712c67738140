"""The processes that `bench_proxy.py` measures or needs: python tests/bench/proxy_contenders.py NAME [UPSTREAM_PORT]

Each prints the port that it listens on, and serves until it is killed.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import NamedTuple, cast

import aiohttp
import msgspec
import uvloop
from aiohttp import web

from tokenguard import platforms
from tokenguard.proxy import Proxy
from tokenguard.records import Call, Facts, Reading, Session, Verdict
from tokenguard.upstream import Network, Upstreams
from tokenguard.wire.shape import Refusal

EVENTS = 200
PAUSE = 0.002
"""Seconds."""
_USAGE = b'{"input_tokens":20000,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":%d}'
_JSON = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5",'
    b'"content":[{"type":"text","text":"Done."}],"stop_reason":"end_turn","usage":' + _USAGE % 3 + b"}"
)
_START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"claude-sonnet-5","content":[],"stop_reason":null,"usage":' + _USAGE % 1 + b"}}\n\n"
)
_DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":" a few words of text"}}\n\n'
)
_STOP = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":'
    + _USAGE % 600
    + b'}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)


class _Upstream(asyncio.Protocol):
    """Answers a request with JSON, or with a stream if the body says so: each event is sent on its own."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
        if not end or len(body) < length:
            return
        self._buffer = body[length:]
        if b'"stream":true' in body[:200]:
            self._stream()
        else:
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nrequest-id: req_1\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(_JSON), _JSON)
            )

    def _stream(self) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nrequest-id: req_1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        self._send(_START)
        # A provider thinks on after its first event. Without the pause, the first byte would wait for a processor
        # behind all the events that this process is busy with.
        events = iter((*[_DELTA] * (EVENTS - 2), _STOP))
        asyncio.get_running_loop().call_later(PAUSE, self._next, events)

    def _next(self, events: Iterator[bytes]) -> None:
        """One event in each turn of the loop, which would send them together otherwise."""
        event = next(events, None)
        if event is None:
            self._transport.write(b"0\r\n\r\n")
            return
        self._send(event)
        asyncio.get_running_loop().call_soon(self._next, events)

    def _send(self, event: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))


async def upstream(_: int) -> int:
    server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0)
    return int(server.sockets[0].getsockname()[1])


async def bare_aiohttp(upstream_port: int) -> int:
    """The least that aiohttp can do: read, request, stream back; no guard, no meter, no care for headers."""
    session = aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0))

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        url = f"http://127.0.0.1:{upstream_port}{request.path_qs}"
        async with session.request(request.method, url, headers=headers, data=await request.read()) as answer:
            response = web.StreamResponse(status=answer.status, headers=answer.headers)
            response.headers.pop("Transfer-Encoding", None)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    return await _listen(web.Server(handle, access_log=None))


class _Admission(NamedTuple):
    call: Call
    verdict: Verdict = Verdict("allow")
    refusal: Refusal | None = None
    model: str | None = None
    max_output: int | None = None


class _StubGuard:
    """Allows everything and books nothing: what is left is the data path with its meter."""

    def __init__(self, base_url: str) -> None:
        self.refusals = self.ways = self.unread = self
        self._base_url = base_url

    def session_of(self, token: str) -> Session | None:
        return Session(id="s1", agent="claude", started_us=0)

    def begin(
        self, session: Session | None, *, provider: str, dialect: str, facts: Facts, headers: Mapping[str, str]
    ) -> Call:
        return Call(1, "s1", "claude", provider, dialect, facts.model, 0, facts.stream)

    async def admit(
        self, call: Call, facts: Facts, count: Callable[[], Awaitable[int | None]] | None = None
    ) -> _Admission:
        return _Admission(call)

    def of_no_session(self, token: str, dialect: str) -> Refusal:
        raise RuntimeError("the benchmark is broken: it has a session")

    def in_dialect(self, call: Call, text: str) -> Refusal:
        raise RuntimeError("the benchmark is broken: nothing is refused")

    def counted(self, session: Session | None) -> None:
        pass

    def join(self, call: Call) -> None:
        pass

    def answered(self, call: Call, headers: Mapping[str, str]) -> None:
        pass

    def settle(self, call: Call, reading: Reading, *, status: int | None, outcome: str) -> None:
        if outcome != "ok" or reading.state != "final":
            raise RuntimeError(f"the benchmark is broken: {outcome}, {msgspec.to_builtins(reading)}")

    def progress(self, call: Call, reading: Reading) -> None:
        pass

    def drain(self, call: Call) -> None:
        return None

    def upstream_of(self, session: Session | None, provider: str) -> str | None:
        return self._base_url

    def network_of(self, session: Session | None) -> Network:
        return Network()

    def why_not(self, session: Session | None, provider: str) -> str | None:
        return None

    def unmetered(self, session: Session | None, provider: str, method: str, path: str, status: int) -> None:
        pass


async def data_path(upstream_port: int) -> int:
    """tokenguard's proxy and meter, without guard and ledger."""
    platforms.reuse_memory()
    guard = _StubGuard(f"http://127.0.0.1:{upstream_port}")
    proxy = Proxy(guard, Upstreams(), ("anthropic",), peer_uid=lambda own, peer: None)
    sock = socket.create_server(("127.0.0.1", 0))
    await proxy.listen(sock)
    return int(sock.getsockname()[1])


async def _listen(server: web.Server) -> int:
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    return int(listening.sockets[0].getsockname()[1])


SERVERS = {"upstream": upstream, "bare-aiohttp": bare_aiohttp, "data-path": data_path}


async def _serve(name: str, upstream_port: int) -> None:
    print(await SERVERS[name](upstream_port), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
