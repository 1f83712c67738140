"""Tunnels: two connections of which each gets what comes over the other, byte by byte, as fast as it takes it."""

from __future__ import annotations

import asyncio
from typing import cast

_KEPT = 1 << 16
"""Bytes that are kept of what comes before there is another end."""


class Pipe(asyncio.Protocol):
    """One end of a tunnel. What comes before it is joined to the other end is kept, and then more is not read."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        """Done when the connection is gone."""
        self._other: Pipe | None = None
        self._early = bytearray()
        self._came = asyncio.Event()
        self._eof = False

    @property
    def open(self) -> bool:
        """Whether it can still be written to."""
        return not self.ended.done() and not self.transport.is_closing()

    def join(self, other: Pipe) -> None:
        """Let each get what the other got so far, and from now on."""
        self._other, other._other = other, self
        for one in (self, other):
            early = bytes(one._early)
            one._early.clear()
            if early:
                one.data_received(early)
            if one._eof:
                one.eof_received()
            if one.ended.done():
                one.connection_lost(None)
        for one in (self, other):
            if one.open:
                one.transport.resume_reading()

    def close(self) -> None:
        """End the connection, and with it the other one."""
        self.transport.close()

    async def until(self, mark: bytes) -> bytes:
        """What comes up to a mark, without it. Raises `ConnectionError` if it does not come."""
        while mark not in self._early:
            if self._eof or self.ended.done() or len(self._early) > _KEPT:
                raise ConnectionError("no answer")
            self._came.clear()
            await self._came.wait()
        head, _, rest = bytes(self._early).partition(mark)
        self._early[:] = rest
        return head

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._other is not None:
            if self._other.open:
                self._other.transport.write(data)
            return
        self._early += data
        self._came.set()
        if len(self._early) > _KEPT:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """While the other direction goes on, this connection stays."""
        self._eof = True
        self._came.set()
        other = self._other
        if other is None:
            return True
        if other._eof or not other.open or not other.transport.can_write_eof():
            other.transport.close()
            return False
        other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        self._came.set()
        if self._other is not None:
            self._other.transport.close()

    def pause_writing(self) -> None:
        if self._other is not None and self._other.open:
            self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other is not None and self._other.open:
            self._other.transport.resume_reading()
