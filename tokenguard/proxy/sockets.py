"""WebSockets for Responses: the handshakes of both sides, and what becomes of one that cannot be had."""

from __future__ import annotations

import logging

from aiohttp import web
from multidict import CIMultiDict

from tokenguard.proxy.answers import problem
from tokenguard.proxy.crossing import Guard
from tokenguard.proxy.headers import upgrade_headers, upgraded_headers
from tokenguard.proxy.link import Link
from tokenguard.proxy.relay import Relay
from tokenguard.proxy.routing import Route
from tokenguard.proxy.turns import Turns
from tokenguard.upstream import LARGEST_MESSAGE, NotUpgraded, UpstreamError, Upstreams, UpstreamSocket

_log = logging.getLogger(__name__)


class _ClientSocket(web.WebSocketResponse):
    """The client's end; its closing comes from the upstream, or not at all."""

    async def write_eof(self, data: bytes = b"") -> None:
        return None


class Sockets:
    """Serves WebSockets. `stopping` says that they are broken off by us, not by their clients."""

    def __init__(self, guard: Guard, upstreams: Upstreams) -> None:
        self._guard = guard
        self._upstreams = upstreams
        self._links: set[Link] = set()
        self.stopping = False

    async def handle(self, request: web.BaseRequest, route: Route) -> web.StreamResponse:
        """Join the client to the upstream, or answer as the upstream does."""
        protocols = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if name]
        if not web.WebSocketResponse(protocols=protocols).can_prepare(request):
            return problem(400, "invalid_handshake", "this is not the handshake of a WebSocket", close=True)
        try:
            upstream = await self._upstreams.open_socket(
                self._guard.ways.network_of(route.session),
                route.base_url,
                route.target,
                headers=upgrade_headers(request.raw_headers),
                protocols=protocols,
            )
        except NotUpgraded as refused:
            relay = Relay(request, refused.answer, rewritten=refused.answer.content_length != len(refused.body))
            relay.send(refused.body, last=True)
            return relay
        except UpstreamError as error:
            # Some networks let HTTP pass and no WebSocket. Clients take HTTP after this, or learn there what is wrong.
            _log.warning("no WebSocket: %s", error)
            return problem(426, "upstream_unreachable", str(error), close=True)
        try:
            return await self._join(request, route, upstream)
        finally:
            upstream.drop()

    def finish(self) -> None:
        """Close every socket once its turns have ended; no further turn begins."""
        for link in list(self._links):
            link.finish()

    async def _join(self, request: web.BaseRequest, route: Route, upstream: UpstreamSocket) -> web.StreamResponse:
        protocols = [upstream.protocol] if upstream.protocol else []
        client = _ClientSocket(
            protocols=protocols,
            autoclose=False,
            autoping=False,
            compress=False,
            max_msg_size=LARGEST_MESSAGE,
            decode_text=False,
        )
        for name, value in upgraded_headers(upstream.raw_headers):
            client.headers.add(name, value)
        await client.prepare(request)
        opened = CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in upstream.raw_headers)
        turns = Turns(self._guard, route, request.headers, opened)
        link = Link(client, upstream, turns)
        self._links.add(link)
        outcome = "client-gone"
        try:
            outcome = await link.run()
        finally:
            self._links.discard(link)
            turns.end("cut" if self.stopping else outcome)
        return client
