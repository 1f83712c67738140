"""Answers that stay open: server-sent events, until the client or the daemon goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from tokenguard.records import Event

HEARTBEAT = 15.0
"""Seconds between comments, by which both sides notice that the other one is gone."""


async def serve(request: web.Request, events: AsyncIterator[Event], closing: asyncio.Event) -> web.StreamResponse:
    """Send `events`, and heartbeats between them, until `closing` is set or the client has gone."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    try:
        async with asyncio.TaskGroup() as tasks:
            senders = [tasks.create_task(_beat(response)), tasks.create_task(_send(response, events))]
            await closing.wait()
            for sender in senders:
                sender.cancel()
    except* ConnectionError:
        pass
    return response


async def _beat(response: web.StreamResponse) -> None:
    while True:
        await response.write(b": still here\n\n")
        await asyncio.sleep(HEARTBEAT)


async def _send(response: web.StreamResponse, events: AsyncIterator[Event]) -> None:
    async for event in events:
        await response.write(b"event: %s\ndata: %s\n\n" % (event.type.encode(), msgspec.json.encode(event)))
