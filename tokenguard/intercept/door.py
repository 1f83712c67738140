"""The first to see what comes over a connection: requests to a proxy, and those to a server, come to the same port."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from tokenguard.intercept.head import END, LARGEST, Head, is_for_proxy, read

PATIENCE = 3600.0
"""Seconds within which a connection has to say what it wants. Some programs connect long before they ask."""


class House(Protocol):
    """Who takes what comes through the door."""

    def opened(self, door: Door) -> None:
        """A connection that has said nothing yet."""
        ...

    def closed(self, door: Door) -> None:
        """It has gone, or somebody else has it."""
        ...

    def serve(self, transport: asyncio.Transport, begin: bytes) -> None:
        """A connection of somebody who means us."""
        ...

    def forward(self, transport: asyncio.Transport, head: Head, rest: bytes) -> None:
        """A request to a proxy, and what came behind its head; nothing more is read of it until somebody asks."""
        ...


class Door(asyncio.Protocol):
    """Reads as much of a connection as is needed to tell whom it is for."""

    transport: asyncio.Transport
    _timer: asyncio.TimerHandle

    def __init__(self, house: House) -> None:
        self._house = house
        self._begin = bytearray()
        self._is_for_proxy: bool | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._timer = asyncio.get_running_loop().call_later(PATIENCE, transport.close)
        self._house.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._close()

    def data_received(self, data: bytes) -> None:
        if self._is_for_proxy is None:
            data = bytes(self._begin) + data
            self._begin.clear()
            self._is_for_proxy = is_for_proxy(data)
        if self._is_for_proxy is False:
            self._close()
            self._house.serve(self.transport, data)
            return
        self._begin += data
        if self._is_for_proxy:
            self._read()

    def _read(self) -> None:
        end = self._begin.find(END)
        if end < 0 and len(self._begin) <= LARGEST:
            return
        head = read(bytes(self._begin[: end + len(END)])) if end >= 0 else None
        if head is None:
            turn_away(self.transport, 400, "this is not a request that a proxy understands")
            return
        self.transport.pause_reading()
        self._close()
        self._house.forward(self.transport, head, bytes(self._begin[end + len(END) :]))

    def _close(self) -> None:
        self._timer.cancel()
        self._house.closed(self)


_REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    407: "Proxy Authentication Required",
    500: "Internal Server Error",
    502: "Bad Gateway",
}


def turn_away(transport: asyncio.Transport, status: int, text: str) -> None:
    """Answer instead of whom the client wants to reach, and hang up."""
    body = f"tokenguard: {text}\n".encode()
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
    if status == 407:
        head += 'Proxy-Authenticate: Basic realm="tokenguard"\r\n'
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    transport.write(head.encode() + body)
    transport.close()


def hand_over(transport: asyncio.Transport, protocol: asyncio.Protocol, begin: bytes) -> None:
    """Let another one have a connection, of which it gets all that has come."""
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    if begin:
        protocol.data_received(begin)
