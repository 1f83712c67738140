"""WebSockets to upstreams: messages pass as they are, pings and closings too, and nothing is answered on its own."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import ClientResponse

LARGEST_MESSAGE = 128 << 20
"""Bytes of one message."""

_LARGEST_ANSWER = 1 << 20
_PATIENCE = 10.0
"""Seconds for the body of an answer that is no WebSocket."""


class NotUpgraded(Exception):
    """The upstream answered, but did not open a WebSocket."""

    def __init__(self, answer: ClientResponse, body: bytes) -> None:
        super().__init__()
        self.answer = answer
        """Its head; the connection is closed."""
        self.body = body


class UpstreamSocket(aiohttp.ClientWebSocketResponse):
    """An open WebSocket."""

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Headers of the answer that opened it."""
        return self._response.raw_headers

    def drop(self) -> None:
        """Close the connection as it stands."""
        self._response.close()


async def expect_upgrade(answer: ClientResponse) -> None:
    """Raise `NotUpgraded`, with the body as far as it comes, unless the protocol was changed."""
    if answer.status == 101:
        return
    body = b""
    try:
        async with asyncio.timeout(_PATIENCE):
            while len(body) < _LARGEST_ANSWER and (piece := await answer.content.readany()):
                body += piece
    except (aiohttp.ClientError, OSError):
        pass
    raise NotUpgraded(answer, body)
