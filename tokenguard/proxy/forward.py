"""The way of one request: read it, ask the guard, send it upstream, pass the answer on, settle."""

from __future__ import annotations

import logging
from asyncio import BaseProtocol
from collections.abc import Callable

from aiohttp import ClientResponse, UploadTracker, web
from msgspec.structs import replace

from tokenguard import wire
from tokenguard.proxy.answers import problem, refused, unchangeable
from tokenguard.proxy.asking import LARGEST_BODY, Ask, change, read_body, understand
from tokenguard.proxy.counting import counter
from tokenguard.proxy.crossing import Admission, Guard
from tokenguard.proxy.encoding import is_encoded
from tokenguard.proxy.headers import request_headers
from tokenguard.proxy.metering import Gauge
from tokenguard.proxy.passage import Passage
from tokenguard.proxy.relay import Relay, pass_on
from tokenguard.proxy.routing import Route
from tokenguard.upstream import UpstreamError, Upstreams, arrived
from tokenguard.wire.shape import Dialect

_log = logging.getLogger(__name__)


class Forwarder:
    """Passes requests on. `stopping` says that requests are broken off by us, not by their clients."""

    def __init__(self, guard: Guard, upstreams: Upstreams) -> None:
        self._guard = guard
        self._upstreams = upstreams
        self._passages: dict[BaseProtocol, Passage] = {}
        self.stopping = False

    def client_left(self, connection: BaseProtocol, give_up: Callable[[], object]) -> bool:
        """The client of a connection is gone: whether its call goes on without it, `give_up` being how to end it."""
        passage = self._passages.get(connection)
        return passage is not None and passage.go_on(give_up)

    async def handle(self, request: web.BaseRequest, route: Route) -> web.StreamResponse:
        """Answer a request whose route is known."""
        dialect = None if route.beside else wire.dialect_of(request.method, route.path)
        body = await read_body(request)
        if body is None:
            return _too_large(dialect)
        if dialect is None:
            return await self._unguarded(request, route, body)
        return await self._guarded(request, route, dialect, body)

    async def _unguarded(self, request: web.BaseRequest, route: Route, body: bytes) -> web.StreamResponse:
        free = route.beside or wire.is_free(request.method, route.path)
        if not free and (reason := self._guard.unread.why_not(route.session, route.provider)) is not None:
            return problem(402, "budget_refused", reason)
        try:
            answer = await self._send(request, route, body)
        except UpstreamError as error:
            return _unreachable(error)
        try:
            if wire.is_count(request.method, route.path):
                self._guard.unread.counted(route.session)
            if not free:
                self._guard.unread.unmetered(route.session, route.provider, request.method, route.path, answer.status)
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
        ask = await understand(dialect, route.path, body, request.headers.get("Content-Encoding"))
        call = self._guard.begin(
            route.session, provider=route.provider, dialect=dialect.NAME, facts=ask.facts, headers=request.headers
        )
        count = counter(self._upstreams, self._guard.ways.network_of(route.session), request, route, dialect, ask)
        admission = await self._guard.admit(call, ask.facts, count)
        if admission.refusal is not None:
            return refused(admission.refusal)
        passage = self._passages[request.protocol] = Passage(self._guard, admission.call)
        try:
            if admission.model is not None or admission.max_output is not None:
                changed = await self._changed(request, route, dialect, ask, admission)
                if changed is None:
                    passage.failure = "refused-here"
                    return refused(self._guard.refusals.in_dialect(call, unchangeable(admission.model)))
                route, ask = changed
            return await self._forward(request, route, dialect, ask, passage)
        finally:
            del self._passages[request.protocol]
            passage.settle("cut" if self.stopping and not passage.left else "client-gone")

    async def _changed(
        self, request: web.BaseRequest, route: Route, dialect: Dialect, ask: Ask, admission: Admission
    ) -> tuple[Route, Ask] | None:
        changed = await change(
            dialect,
            route.path,
            ask,
            request.headers.get("Content-Encoding"),
            model=admission.model,
            max_output=admission.max_output,
        )
        return None if changed is None else (replace(route, path=changed[0]), changed[1])

    async def _forward(
        self, request: web.BaseRequest, route: Route, dialect: Dialect, ask: Ask, passage: Passage
    ) -> web.StreamResponse:
        try:
            answer = await self._send(
                request,
                route,
                ask.body,
                metered=True,
                rewritten=ask.rewritten,
                filtered=ask.sieve is not None,
                tracker=passage.upload,
            )
        except UpstreamError as error:
            passage.failure = "unreachable"
            return _unreachable(error)
        passage.answered(answer)
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
            if not passage.complete:
                passage.seen(arrived(answer))
            # A client that leaves takes the upstream connection with it, unless its call is read on without it.
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
        filtered: bool = False,
        tracker: UploadTracker | None = None,
    ) -> ClientResponse:
        return await self._upstreams.send(
            self._guard.ways.network_of(route.session),
            route.base_url,
            route.target,
            method=request.method,
            headers=request_headers(
                request.raw_headers, len(body), metered=metered, rewritten=rewritten, filtered=filtered
            ),
            body=body,
            tracker=tracker,
        )


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
