"""An upstream's answer on its way to the client: the same head, the same bytes, as they come."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from aiohttp import ClientResponse, web
from aiohttp.abc import AbstractStreamWriter

from tokenguard.proxy.headers import response_head
from tokenguard.upstream import next_bytes
from tokenguard.wire import Filter


class Relay(web.StreamResponse):
    """The response of a request that went upstream.

    aiohttp's own response adds headers and reorders some, so head and framing are written here.
    """

    def __init__(self, request: web.BaseRequest, answer: ClientResponse, *, rewritten: bool) -> None:
        """`rewritten`: the body will not have the length that the upstream gave it."""
        super().__init__(status=answer.status)
        self._transport = request.transport
        """None if the client has left already."""
        self._protocol = request.protocol
        self._writer = request.writer
        bodiless = request.method == "HEAD" or answer.status in (204, 304)
        keep_length = bodiless or ("Content-Length" in answer.headers and not rewritten)
        modern = request.version >= (1, 1)
        self._in_chunks = modern and not keep_length
        self._until_close = not modern and not keep_length
        self._stays = modern and request.keep_alive
        added = (b"Transfer-Encoding: chunked",) if self._in_chunks else ()
        if not self._stays:
            added = (*added, b"Connection: close")
        self._head = response_head(
            answer.status, answer.reason or "", answer.raw_headers, added, keep_length=keep_length
        )

    def send(self, data: bytes, *, last: bool = False) -> None:
        """Write the next bytes of the body at once, behind the head if that is still to be sent."""
        if self._in_chunks:
            if data:
                data = b"%x\r\n%b\r\n" % (len(data), data)
            if last:
                data += b"0\r\n\r\n"
        if self._head:
            data, self._head = self._head + data, b""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
            self._writer.output_size += len(data)

    async def drained(self) -> None:
        """Wait while the client reads more slowly than the upstream sends; not for one that has left."""
        if self._protocol.writing_paused:
            with suppress(ConnectionError):
                await self._writer.drain()

    def break_off(self) -> None:
        """Let the client see that the body is not complete, after all that came of it."""
        self._stays = False
        self.send(b"")
        if self._until_close and self._transport is not None:
            # Where only the connection's end marks that of the body, a regular end would look complete: reset it.
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    # What aiohttp's server asks of a response after the handler; all has been written by then.

    @property
    def keep_alive(self) -> bool:
        return self._stays

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


async def pass_on(
    answer: ClientResponse, relay: Relay, seen: Callable[[bytes], None], sieve: Filter | None = None
) -> None:
    """Send a body to its end; `seen` gets every piece after the client, `sieve` decides what the client gets.

    Raises `UpstreamError` if the body breaks off.
    """
    body = answer.content
    last = body.at_eof()
    if last or not body.total_bytes:
        # Nothing of the body is here yet: the head goes alone.
        relay.send(b"", last=last)
    while not last:
        chunk = await next_bytes(answer)
        last = body.at_eof()
        out = chunk
        if sieve is not None:
            out = sieve.feed(chunk) + (sieve.finish() if last else b"")
        relay.send(out, last=last)
        seen(chunk)
        if not last:
            await relay.drained()
