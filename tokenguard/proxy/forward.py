"""The way of one request: read it, ask the guard, send it upstream, pass the answer on, settle."""

from __future__ import annotations

import asyncio
import logging
from typing import NamedTuple

from aiohttp import ClientResponse, UploadTracker, web
from msgspec import Struct

from tokenguard import wire
from tokenguard.proxy.answers import problem, refused
from tokenguard.proxy.crossing import Guard
from tokenguard.proxy.encoding import decode, is_encoded
from tokenguard.proxy.headers import request_headers
from tokenguard.proxy.metering import Gauge
from tokenguard.proxy.relay import Relay, pass_on
from tokenguard.records import Call, Facts, Reading, Session
from tokenguard.upstream import UpstreamError, Upstreams
from tokenguard.wire.shape import Dialect

LARGEST_BODY = 100 << 20
"""Bytes of a request body, as it comes and decoded."""
_OFF_LOOP = 1 << 20
"""Bytes from which on a request is decoded in a thread."""
_PROGRESS_EVERY = 0.3
"""Seconds."""

_log = logging.getLogger(__name__)


class Route(Struct, frozen=True):
    """Where a request belongs."""

    session: Session | None
    provider: str
    base_url: str
    path: str
    """Below the base URL, as it was written, without the query."""
    query: str
    """With its question mark; empty without one."""


class _Ask(NamedTuple):
    facts: Facts
    body: bytes
    sieve: wire.Filter | None


class Forwarder:
    """Passes requests on. `stopping` says that requests are broken off by us, not by their clients."""

    def __init__(self, guard: Guard, upstreams: Upstreams) -> None:
        self._guard = guard
        self._upstreams = upstreams
        self.stopping = False

    async def handle(self, request: web.BaseRequest, route: Route) -> web.StreamResponse:
        """Answer a request whose route is known."""
        dialect = wire.dialect_of(request.method, route.path)
        body = await _read_body(request)
        if body is None:
            return _too_large(dialect)
        if dialect is None:
            return await self._unguarded(request, route, body)
        return await self._guarded(request, route, dialect, body)

    async def _unguarded(self, request: web.BaseRequest, route: Route, body: bytes) -> web.StreamResponse:
        try:
            answer = await self._send(request, route, body)
        except UpstreamError as error:
            return _unreachable(error)
        if not wire.is_free(request.method, route.path):
            self._guard.unmetered(route.session, route.provider, request.method, route.path, answer.status)
        try:
            relay = Relay(request, answer, rewritten=False)
            try:
                await pass_on(answer, relay, _unseen)
            except UpstreamError:
                relay.break_off()
        finally:
            answer.close()
        return relay

    async def _guarded(
        self, request: web.BaseRequest, route: Route, dialect: Dialect, body: bytes
    ) -> web.StreamResponse:
        encoding = request.headers.get("Content-Encoding")
        if len(body) < _OFF_LOOP:
            ask = _understood(dialect, route.path, body, encoding)
        else:
            ask = await asyncio.to_thread(_understood, dialect, route.path, body, encoding)
        call = self._guard.begin(
            route.session, provider=route.provider, dialect=dialect.NAME, facts=ask.facts, headers=request.headers
        )
        admission = await self._guard.admit(call, ask.facts)
        if admission.refusal is not None:
            return refused(admission.refusal)
        passage = _Passage(self._guard, call)
        try:
            return await self._forward(request, route, dialect, ask, passage)
        finally:
            passage.settle("cut" if self.stopping else "client-gone")

    async def _forward(
        self, request: web.BaseRequest, route: Route, dialect: Dialect, ask: _Ask, passage: _Passage
    ) -> web.StreamResponse:
        try:
            answer = await self._send(
                request, route, ask.body, metered=True, rewritten=ask.sieve is not None, tracker=passage.upload
            )
        except UpstreamError as error:
            passage.failure = "unreachable"
            return _unreachable(error)
        passage.status = answer.status
        passage.gauge = gauge = Gauge(dialect, ask.facts, route.provider, answer)
        readable = gauge.stream and not is_encoded(answer.headers.get("Content-Encoding"))
        sieve = ask.sieve if readable else None
        try:
            relay = Relay(request, answer, rewritten=sieve is not None)
            try:
                await pass_on(answer, relay, passage.seen, sieve)
                passage.complete = True
            except UpstreamError:
                passage.failure = "cut"
                relay.break_off()
        finally:
            # A client that leaves takes the upstream connection with it: the provider then stops generating.
            answer.close()
        return relay

    async def _send(
        self,
        request: web.BaseRequest,
        route: Route,
        body: bytes,
        *,
        metered: bool = False,
        rewritten: bool = False,
        tracker: UploadTracker | None = None,
    ) -> ClientResponse:
        return await self._upstreams.send(
            self._guard.network_of(route.session),
            route.base_url,
            route.path + route.query,
            method=request.method,
            headers=request_headers(request.raw_headers, len(body), metered=metered, rewritten=rewritten),
            body=body,
            tracker=tracker,
        )


class _Passage:
    """An admitted call between its reservation and its settlement."""

    def __init__(self, guard: Guard, call: Call) -> None:
        self._guard = guard
        self._call = call
        self._clock = asyncio.get_running_loop().time
        self._next_progress = self._clock() + _PROGRESS_EVERY
        self.gauge: Gauge | None = None
        self.status: int | None = None
        self.complete = False
        """The answer came to its regular end."""
        self.failure: str | None = None
        """Outcome where the upstream is to blame that it did not."""
        self.upload = UploadTracker()

    def seen(self, chunk: bytes) -> None:
        """Meter a piece of the answer."""
        if self.gauge is None:
            return
        self.gauge.feed(chunk)
        now = self._clock()
        if now >= self._next_progress:
            self._next_progress = now + _PROGRESS_EVERY
            self._guard.progress(self._call, self.gauge.reading(ended=False))

    def settle(self, interrupted: str) -> None:
        """Book the call; `interrupted` is its outcome where it neither ended nor failed."""
        if self.gauge is not None:
            reading = self.gauge.reading(ended=self.complete)
        else:
            reading = Reading(marks=("sent",) if self.upload.bytes_written else ())
        outcome = self.failure or (_outcome(self.status or 0, reading) if self.complete else interrupted)
        self._guard.settle(self._call, reading, status=self.status, outcome=outcome)


def _outcome(status: int, reading: Reading) -> str:
    if status < 300:
        return "ok" if reading.error is None else "provider-error"
    return "refused-upstream" if status < 500 else "provider-error"


def _understood(dialect: Dialect, path: str, body: bytes, content_encoding: str | None) -> _Ask:
    try:
        plain = decode(body, content_encoding, LARGEST_BODY)
        facts = dialect.facts(path, plain)
        injected = wire.inject(dialect, plain, facts)
    except Exception as error:
        # `ValueError` says that the request is not of the dialect; anything else is our fault, and not the agent's.
        if not isinstance(error, ValueError):
            _log.error("a request of %s could not be read: %s", dialect.NAME, type(error).__name__)
        return _Ask(Facts(model="unknown", body_bytes=len(body), uncapped=("unreadable-request",)), body, None)
    return _Ask(facts, body, None) if injected is None else _Ask(facts, *injected)


async def _read_body(request: web.BaseRequest) -> bytes | None:
    """The whole body; None if it is too large."""
    if (request.content_length or 0) > LARGEST_BODY:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    pieces: list[bytes] = []
    size = 0
    while piece := await request.content.readany():
        size += len(piece)
        if size > LARGEST_BODY:
            return None
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_large(dialect: Dialect | None) -> web.Response:
    text = f"the request is larger than {LARGEST_BODY >> 20} MB, which no provider takes"
    if dialect is None:
        return problem(413, "request_too_large", text, close=True)
    return refused(dialect.refuse(f"tokenguard: {text}"), status=413, close=True)


def _unreachable(error: UpstreamError) -> web.Response:
    _log.warning("%s", error)
    return problem(502, "upstream_unreachable", str(error))


def _unseen(chunk: bytes) -> None:
    """What passes here is not metered."""
