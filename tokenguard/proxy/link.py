"""The messages of one WebSocket, on their way between client and upstream: the same bytes, in the same order."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType, web

from tokenguard.proxy.turns import Turns

CLOSING_TIME = 5.0
"""Seconds in which the other end may answer a closing, and finish what it is saying."""

_MESSAGES = (WSMsgType.TEXT, WSMsgType.BINARY)

_Socket = web.WebSocketResponse | ClientWebSocketResponse
_Pass = Callable[[WSMsgType, bytes], Awaitable[None]]


class _End(NamedTuple):
    """How passing messages on in one direction came to its end."""

    outcome: str
    """What that makes of turns that have not ended: `client-gone` or `cut`, by who left."""
    closed: bool = False
    """Whether it left with a closing, which was passed on."""


class Link:
    """Joins the two ends until one of them leaves."""

    def __init__(self, client: web.WebSocketResponse, upstream: ClientWebSocketResponse, turns: Turns) -> None:
        self._client = client
        self._upstream = upstream
        self._turns = turns
        self._finishing = False
        self._finished = asyncio.Event()

    async def run(self) -> str:
        """Pass messages on; at the end, the outcome of turns that have not ended."""
        async with asyncio.TaskGroup() as group:
            up = group.create_task(_pump(self._client, self._upstream, self._up, "client-gone", "cut"))
            down = group.create_task(_pump(self._upstream, self._client, self._down, "cut", "client-gone"))
            finished = group.create_task(self._finished.wait())
            done, _ = await asyncio.wait({up, down, finished}, return_when=asyncio.FIRST_COMPLETED)
            first = next((pump.result() for pump in (up, down) if pump in done), None)
            if first is None:
                await self._say_goodbye()
            elif first.closed:
                await asyncio.wait({up, down}, timeout=CLOSING_TIME)
            for task in (up, down, finished):
                task.cancel()
        return first.outcome if first is not None else "cut"

    def finish(self) -> None:
        """Take no more turns, and end when those that run have ended."""
        self._finishing = True
        self._end_if_finished()

    def _end_if_finished(self) -> None:
        if self._finishing and self._turns.idle:
            self._finished.set()

    async def _up(self, kind: WSMsgType, message: bytes) -> None:
        """To the upstream, unless it asks for a turn that is refused."""
        if kind not in _MESSAGES:
            await self._upstream.send_frame(message, kind)
            return
        if self._finishing:
            # It is not too late for the client to say it again, elsewhere: the closing comes before any answer.
            return
        asked = await self._turns.ask(message)
        if isinstance(asked, bytes):
            with suppress(ConnectionError):
                await self._client.send_frame(asked, WSMsgType.TEXT)
        else:
            try:
                await self._upstream.send_frame(message, kind)
            except ConnectionError:
                if asked is not None:
                    self._turns.unsent(asked)
                raise
        self._end_if_finished()

    async def _down(self, kind: WSMsgType, message: bytes) -> None:
        """To the client; what it means is read behind that, and also if the client takes it no more."""
        try:
            await self._client.send_frame(message, kind)
        finally:
            if kind in _MESSAGES:
                self._turns.tell(message)
                self._end_if_finished()

    async def _say_goodbye(self) -> None:
        for end in (self._client, self._upstream):
            with suppress(ConnectionError):
                await end.send_frame(_closing(WSCloseCode.GOING_AWAY, ""), WSMsgType.CLOSE)


async def _pump(source: _Socket, sink: _Socket, pass_on: _Pass, source_left: str, sink_left: str) -> _End:
    """Pass on what comes from `source` until it leaves, or until `sink` takes no more."""
    try:
        while True:
            message = await source.receive()
            match message.type:
                case WSMsgType.TEXT | WSMsgType.BINARY | WSMsgType.PING | WSMsgType.PONG:
                    await pass_on(message.type, message.data)
                case WSMsgType.CLOSE:
                    await sink.send_frame(_closing(message.data, message.extra or ""), WSMsgType.CLOSE)
                    return _End(source_left, closed=True)
                case _:
                    return _End(source_left)
    except ConnectionError:
        return _End(sink_left)


def _closing(code: int, reason: str) -> bytes:
    """The payload of a closing; aiohttp says 0 where it has none."""
    return struct.pack("!H", code) + reason.encode() if code else b""
