"""Bytes to the client, and the charge for them."""

from __future__ import annotations

import asyncio
import zlib
from datetime import date
from typing import Protocol

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from tokenguard.simulator.bill import Account, billed
from tokenguard.simulator.faults import Ending, Plan, document_plan, ragged, stream_plan
from tokenguard.simulator.markers import Directions
from tokenguard.simulator.shape import Dialect, Reply

_STOPPING = ("anthropic-messages", "openai-responses", "openai-chat")
"""Who stops generating, and charging, when the client leaves a stream; Google and Amazon do not."""

_REQUEST_IDS = ("request-id", "x-request-id", "x-amzn-requestid")


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

    @property
    def paced(self) -> bool:
        """Whether there is time between its events."""
        return self.speed > 0 or self.directions.slow > 0


class Channel(Protocol):
    """What leads to the client."""

    async def open(self) -> None:
        """Before the first bytes."""
        ...

    async def write(self, data: bytes) -> None: ...

    async def end(self) -> None:
        """Behind the last bytes, in good order."""
        ...

    def drop(self) -> None:
        """Break the connection where it stands."""
        ...


async def deliver(request: web.Request, job: Job) -> web.StreamResponse:
    """Answer the request."""
    stream = job.reply.ask.stream
    plan = (stream_plan if stream else document_plan)(job.dialect, job.reply, job.directions)
    if stream and not job.paced:
        plan = replace(plan, events=tuple(ragged(plan.events, job.reply.key)))
    channel = _Response(request, job, plan)
    await play(job, plan, channel)
    return channel.response


async def play(job: Job, plan: Plan, channel: Channel) -> None:
    """Send what is planned. The charge is on the bill before the client has the last byte."""
    tab = _Tab(job)
    output = 0
    with job.account.running():
        try:
            await asyncio.sleep(job.directions.wait)
            await channel.open()
            for index, event in enumerate(plan.events, 1):
                await asyncio.sleep(_pause(job, event.output - output))
                output = event.output
                if index == len(plan.events) and plan.ending is Ending.REGULAR:
                    tab.charge(plan.outcome, output)
                await channel.write(event.data)
            if plan.ending is Ending.HANG:
                await asyncio.Event().wait()
            if plan.ending is Ending.CLOSE:
                tab.charge(plan.outcome, output)
                channel.drop()
            else:
                await channel.end()
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


class _Response:
    """An HTTP response on its way."""

    def __init__(self, request: web.Request, job: Job, plan: Plan) -> None:
        self._request = request
        ask = job.reply.ask
        gzip = job.directions.gzip and "gzip" in request.headers.get("Accept-Encoding", "")
        self._squeeze = zlib.compressobj(wbits=31) if gzip else None
        kind = ask.media_type if ask.stream else "application/json"
        self.response = web.StreamResponse(headers={"Content-Type": kind} | job.dialect.headers(job.reply.key))
        if gzip:
            self.response.headers["Content-Encoding"] = "gzip"
        elif plan.length is not None:
            self.response.content_length = plan.length

    async def open(self) -> None:
        await self.response.prepare(self._request)

    async def write(self, data: bytes) -> None:
        if self._squeeze:
            data = self._squeeze.compress(data) + self._squeeze.flush(zlib.Z_SYNC_FLUSH)
        await self.response.write(data)

    async def end(self) -> None:
        if self._squeeze:
            await self.response.write(self._squeeze.flush())

    def drop(self) -> None:
        if self._request.transport is not None:
            self._request.transport.close()


def _pause(job: Job, tokens: int) -> float:
    return job.directions.slow + (tokens / job.speed if job.speed else 0.0)


def _request_id(job: Job) -> str:
    headers = job.dialect.headers(job.reply.key)
    return next((headers[name] for name in _REQUEST_IDS if name in headers), "")
