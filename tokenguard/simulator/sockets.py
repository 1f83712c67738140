"""OpenAI Responses over WebSocket.

A turn is answered with the events that HTTP would give, one a message. A turn that continues an earlier one of the same
socket (`previous_response_id`) is billed for the whole conversation, as if all of it had been sent. Turns of one
`stream_id` follow each other, streams run side by side. What is refused is refused by a message, and the socket stays.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

import msgspec
from aiohttp import WSMsgType, web
from msgspec.structs import replace

from tokenguard.simulator import openai_responses
from tokenguard.simulator.delivery import Job, play
from tokenguard.simulator.faults import PAGE, stream_plan
from tokenguard.simulator.shape import Ask, Dialect, Event, Json, Rejected, Request, Seen
from tokenguard.simulator.values import arr, encode, text

_MAX_MESSAGE = 128 * 1024 * 1024


class Provider(Protocol):
    """Who does the work behind a socket."""

    def note(self, method: str, path: str) -> Seen:
        """Take note of a request."""
        ...

    def job(self, dialect: Dialect, ask: Ask) -> Job:
        """Do what is asked. Raises `Rejected`."""
        ...

    def windows(self, asked: Mapping[str, str]) -> bytes | None:
        """What a turn says first of a subscription, to a client with these headers."""
        ...

    def new_key(self) -> str:
        """What the ids of an error derive from."""
        ...


async def converse(request: web.Request, provider: Provider) -> web.StreamResponse:
    """Serve one socket until the client leaves."""
    socket = web.WebSocketResponse(max_msg_size=_MAX_MESSAGE)
    socket.headers.update(openai_responses.headers(provider.new_key()))
    await socket.prepare(request)
    memory = _Memory(request, socket, provider)
    running: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as turns:
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                turn = turns.create_task(memory.answer(message.data))
                running.add(turn)
                turn.add_done_callback(running.discard)
        for turn in running:
            turn.cancel()
    return socket


class _Memory:
    """What one socket remembers of its turns."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, provider: Provider) -> None:
        self._request = request
        self._socket = socket
        self._provider = provider
        self._one_by_one: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._said: dict[str, list[object]] = {}
        """Id of a response -> the conversation up to its end."""

    async def answer(self, message: str | bytes) -> None:
        """Answer one message."""
        seen = self._provider.note("response.create", self._request.path)
        stream_id = ""
        try:
            body = _read(message)
            stream_id = text(body.get("stream_id"))
            async with self._one_by_one[stream_id]:
                await self._turn(body, _Wire(self._request, self._socket, stream_id), seen)
        except Rejected as no:
            seen.status = no.status
            key = self._provider.new_key()
            error = msgspec.json.decode(openai_responses.failure(no.status, no.message, key), type=dict[str, object])
            await _Wire(self._request, self._socket, stream_id).write(
                encode({"type": "error", "status": no.status} | error)
            )
        except ConnectionError:
            # The client is gone; what it costs is on the bill.
            return

    async def _turn(self, body: Json, wire: _Wire, seen: Seen) -> None:
        items = [*self._before(text(body.get("previous_response_id"))), *openai_responses.items_of(body)]
        ask = openai_responses.read(Request(self._request.path, {}, body | {"input": items}))
        seen.max_output, seen.model = ask.max_output, ask.model
        job = self._provider.job(openai_responses, replace(ask, stream=True))
        seen.status = 200
        if job.directions.garbage:
            await wire.write(PAGE)
            wire.drop()
            return
        if told := self._provider.windows(self._request.headers):
            await wire.write(told)
        plan = stream_plan(job.dialect, job.reply, job.directions)
        await play(job, replace(plan, events=tuple(map(_message, plan.events))), wire)
        if plan.outcome == "completed":
            response = msgspec.json.decode(openai_responses.whole(job.reply), type=dict[str, object])
            self._said[openai_responses.identity(job.reply.key)] = [*items, *arr(response["output"])]

    def _before(self, previous: str) -> list[object]:
        if previous and previous not in self._said:
            raise Rejected(400, f"Previous response with id '{previous}' not found.")
        return self._said.get(previous, [])


class _Wire:
    """The way to the client, for one stream."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, stream_id: str) -> None:
        self._request = request
        self._socket = socket
        self._mark = b'{"stream_id":%b,' % encode(stream_id) if stream_id else b"{"

    async def open(self) -> None:
        return None

    async def write(self, data: bytes) -> None:
        await self._socket.send_str((self._mark + data[1:] if data.startswith(b"{") else data).decode())

    async def end(self) -> None:
        return None

    def drop(self) -> None:
        if self._request.transport is not None:
            self._request.transport.close()


def _read(message: str | bytes) -> Json:
    try:
        body = msgspec.json.decode(message, type=dict[str, object])
    except msgspec.MsgspecError as error:
        raise Rejected(400, "the message is not a JSON object") from error
    if body.get("type") != "response.create":
        raise Rejected(400, f"the simulator knows no message of type {text(body.get('type')) or 'none'}")
    return body


def _message(event: Event) -> Event:
    """What stands in an event of the HTTP stream."""
    return Event(event.data.partition(b"data: ")[2].removesuffix(b"\n\n"), event.output)
