"""Bytes to the client, and the charge for them."""

from __future__ import annotations

import asyncio
import zlib
from datetime import date

from aiohttp import web
from msgspec import Struct

from tokenguard.simulator.bill import Account, billed
from tokenguard.simulator.faults import Ending, Plan, document_plan, ragged, stream_plan
from tokenguard.simulator.markers import Directions
from tokenguard.simulator.shape import Dialect, Reply

_STOPPING = ("anthropic-messages", "openai-responses", "openai-chat")
"""Who stops generating, and charging, when the client leaves a stream; Google does not."""


class Job(Struct, frozen=True):
    """A reply that is to be sent."""

    dialect: Dialect
    reply: Reply
    directions: Directions
    account: Account
    day: date
    """On which the call started (UTC)."""
    speed: float = 0.0
    """Output tokens per second; 0: as fast as possible."""
    billing: str | None = None
    """`stop` or `to-end`, for streams whose client leaves; None: the habit of the provider."""


async def deliver(request: web.Request, job: Job) -> web.StreamResponse:
    """Answer the request. The charge is on the bill before the client has the last byte."""
    tab = _Tab(job)
    stream = job.reply.ask.stream
    plan = (stream_plan if stream else document_plan)(job.dialect, job.reply, job.directions)
    paced = job.speed > 0 or job.directions.slow > 0
    events = plan.events if paced or not stream else tuple(ragged(plan.events, job.reply.key))
    output = 0
    with job.account.running():
        try:
            await asyncio.sleep(job.directions.wait)
            channel = await _open(request, job, plan)
            for index, event in enumerate(events, 1):
                await asyncio.sleep(_pause(job, event.output - output))
                output = event.output
                if index == len(events) and plan.ending is Ending.REGULAR:
                    tab.charge(plan.outcome, output)
                await channel.write(event.data)
            if plan.ending is Ending.HANG:
                await asyncio.Event().wait()
            if plan.ending is Ending.CLOSE:
                tab.charge(plan.outcome, output)
                channel.drop(request)
            else:
                await channel.write_end()
            return channel.response
        except (asyncio.CancelledError, ConnectionError):
            tab.charge("left", output)
            raise


class _Tab:
    """Charges a call once."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._open = True

    def charge(self, outcome: str, output: int) -> None:
        if not self._open:
            return
        self._open = False
        job = self._job
        ask = job.reply.ask
        habit = "stop" if ask.stream and ask.dialect in _STOPPING else "to-end"
        rule = (job.directions.billing or job.billing or habit) if ask.stream else habit
        if outcome in ("left", "cut") and rule == "to-end":
            output = job.reply.usage.output
        ids = job.dialect.identity(job.reply.key), _request_id(job)
        job.account.calls.append(billed(job.reply, job.day, ids, outcome, output))


class _Channel:
    """The open response."""

    def __init__(self, response: web.StreamResponse, *, gzip: bool) -> None:
        self.response = response
        self._squeeze = zlib.compressobj(wbits=31) if gzip else None

    async def write(self, data: bytes) -> None:
        if self._squeeze:
            data = self._squeeze.compress(data) + self._squeeze.flush(zlib.Z_SYNC_FLUSH)
        await self.response.write(data)

    async def write_end(self) -> None:
        if self._squeeze:
            await self.response.write(self._squeeze.flush())

    def drop(self, request: web.Request) -> None:
        """Break the connection where it stands."""
        if request.transport is not None:
            request.transport.close()


async def _open(request: web.Request, job: Job, plan: Plan) -> _Channel:
    ask = job.reply.ask
    gzip = job.directions.gzip and "gzip" in request.headers.get("Accept-Encoding", "")
    kind = "text/event-stream; charset=utf-8" if ask.stream and ask.sse else "application/json"
    response = web.StreamResponse(headers={"Content-Type": kind} | job.dialect.headers(job.reply.key))
    if gzip:
        response.headers["Content-Encoding"] = "gzip"
    elif plan.length is not None:
        response.content_length = plan.length
    await response.prepare(request)
    return _Channel(response, gzip=gzip)


def _pause(job: Job, tokens: int) -> float:
    return job.directions.slow + (tokens / job.speed if job.speed else 0.0)


def _request_id(job: Job) -> str:
    headers = job.dialect.headers(job.reply.key)
    return headers.get("request-id") or headers.get("x-request-id") or ""
