"""The messages of one WebSocket, on their way between client and upstream: the same bytes, in the same order."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType, web

from tokenguard.proxy.turns import Turns
from tokenguard.wire import openai_socket
from tokenguard.wire.openai_socket import Turn

CLOSING_TIME = 5.0
"""Seconds in which the other end may answer a closing, and finish what it is saying."""

_MOST_WAITING = 16
"""Messages of a stream behind one that is being decided; the client is not read on beyond that."""

_MESSAGES = (WSMsgType.TEXT, WSMsgType.BINARY)

_Socket = web.WebSocketResponse | ClientWebSocketResponse
_Pass = Callable[[WSMsgType, bytes], Awaitable[None]]


class _End(NamedTuple):
    """How passing messages on in one direction came to its end."""

    outcome: str
    """What that makes of turns that have not ended: `client-gone` or `cut`, by who left."""
    closed: bool = False
    """Whether it left with a closing, which was passed on."""


class _Message(NamedTuple):
    """What the client says, and the turn that it asks for by that."""

    kind: WSMsgType
    data: bytes
    turn: Turn | None


class _Lane:
    """The messages of one stream, from the one on that is being decided: what came behind it waits."""

    def __init__(self) -> None:
        self.waiting: deque[_Message] = deque()
        self.task: asyncio.Task[None] | None = None


class Link:
    """Joins the two ends until one of them leaves.

    While a turn is being decided, its own stream waits. All else passes: other streams, pings, and the closing by which
    a client gives up.
    """

    def __init__(self, client: web.WebSocketResponse, upstream: ClientWebSocketResponse, turns: Turns) -> None:
        self._client = client
        self._upstream = upstream
        self._turns = turns
        self._lanes: dict[str, _Lane] = {}
        self._group = asyncio.TaskGroup()
        self._finishing = False
        self._finished = asyncio.Event()
        self._lost = asyncio.Event()
        """The upstream takes no more."""

    async def run(self) -> str:
        """Pass messages on; at the end, the outcome of turns that have not ended."""
        async with self._group as group:
            up = group.create_task(_pump(self._client, self._upstream, self._up, "client-gone", "cut"))
            down = group.create_task(_pump(self._upstream, self._client, self._down, "cut", "client-gone"))
            finished = group.create_task(self._finished.wait())
            lost = group.create_task(self._lost.wait())
            done, _ = await asyncio.wait({up, down, finished, lost}, return_when=asyncio.FIRST_COMPLETED)
            self._give_up()
            first = next((pump.result() for pump in (up, down) if pump in done), None)
            if first is None and finished in done:
                await self._say_goodbye()
            elif first is not None and first.closed:
                await asyncio.wait({up, down}, timeout=CLOSING_TIME)
            for task in (up, down, finished, lost):
                task.cancel()
            self._give_up()
        return first.outcome if first is not None else "cut"

    def finish(self) -> None:
        """Take no more turns, and end when those that run have ended."""
        self._finishing = True
        self._end_if_finished()

    def _end_if_finished(self) -> None:
        if self._finishing and self._turns.idle and not self._lanes:
            self._finished.set()

    async def _up(self, kind: WSMsgType, message: bytes) -> None:
        """To the upstream, unless it asks for a turn that is refused."""
        if kind not in _MESSAGES:
            await self._upstream.send_frame(message, kind)
            return
        if self._finishing:
            # It is not too late for the client to say it again, elsewhere: the closing comes before any answer.
            return
        turn = await self._turns.read(message)
        stream = turn.stream_id if turn is not None else openai_socket.stream_of(message) if self._lanes else ""
        lane = self._lanes.get(stream)
        while lane is not None and lane.task is not None and len(lane.waiting) >= _MOST_WAITING:
            await asyncio.wait({lane.task})
            lane = self._lanes.get(stream)
        if lane is not None:
            lane.waiting.append(_Message(kind, message, turn))
        elif turn is None:
            await self._upstream.send_frame(message, kind)
            self._end_if_finished()
        else:
            lane = self._lanes[stream] = _Lane()
            lane.waiting.append(_Message(kind, message, turn))
            lane.task = self._group.create_task(self._empty(stream, lane))

    def _give_up(self) -> None:
        """What is being decided is for nobody any more."""
        for lane in self._lanes.values():
            if lane.task is not None:
                lane.task.cancel()

    async def _empty(self, stream: str, lane: _Lane) -> None:
        """Pass on what a stream says, in its order."""
        try:
            while lane.waiting and not self._finishing:
                await self._pass(lane.waiting.popleft())
        except ConnectionError:
            self._lost.set()
        finally:
            del self._lanes[stream]
        self._end_if_finished()

    async def _pass(self, message: _Message) -> None:
        if message.turn is None:
            await self._upstream.send_frame(message.data, message.kind)
            return
        decided = await self._turns.decide(message.turn, message.data)
        if isinstance(decided, bytes):
            with suppress(ConnectionError):
                await self._client.send_frame(decided, WSMsgType.TEXT)
            return
        try:
            await self._upstream.send_frame(decided.message, message.kind)
        except ConnectionError:
            self._turns.unsent(decided.turn)
            raise

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
