"""The door on loopback: who may come in, and where a request belongs."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Collection

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from tokenguard import __version__, wire
from tokenguard.errors import ConfigError
from tokenguard.policy import wording
from tokenguard.proxy.answers import UNKNOWN_SESSION, healthy, problem, refused
from tokenguard.proxy.clients import Clients, Visitors
from tokenguard.proxy.connections import Connections, PeerUid
from tokenguard.proxy.crossing import Guard
from tokenguard.proxy.forward import Forwarder
from tokenguard.proxy.origin import Origin
from tokenguard.proxy.routing import Route, address
from tokenguard.proxy.sockets import Sockets
from tokenguard.upstream import Upstreams
from tokenguard.wire import openai_socket

_OWN_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", re.IGNORECASE)

_log = logging.getLogger(__name__)


class Proxy:
    """Serves the data path. To be made in a running event loop; `listen`, then `close`."""

    def __init__(
        self,
        guard: Guard,
        upstreams: Upstreams,
        providers: Collection[str],
        *,
        peer_uid: PeerUid,
        clients: Clients | None = None,
    ) -> None:
        """`providers` are the configured names, for messages; `upstreams` stays the caller's to close.

        `clients` know whose the calls are that come without a token; without it they are nobody's.
        """
        self._guard = guard
        self._providers = providers
        self._forwarder = Forwarder(guard, upstreams)
        self._sockets = Sockets(guard, upstreams)
        self._visitors = Visitors(clients)
        self._connections = Connections(self._handle, peer_uid, self._client_left)
        self._listeners: list[asyncio.Server] = []
        self._running: dict[RequestHandler, asyncio.Task[object]] = {}
        self._closing = False

    async def listen(self, sock: socket.socket, door: Callable[[], asyncio.BaseProtocol] | None = None) -> None:
        """Accept connections on a bound socket; `door` makes what receives them first, and hands over what is ours."""
        loop = asyncio.get_running_loop()
        self._listeners.append(await loop.create_server(door or self._connections, sock=sock))

    def connection(self, origin: Origin | None = None) -> RequestHandler:
        """What serves a connection that somebody else accepted; `origin`: whom its client means, if not us."""
        connection = self._connections()
        if origin is not None:
            self._connections.origins[connection] = origin
        return connection

    async def close(self, grace: float) -> None:
        """Take no more requests; let those in flight end for up to `grace` seconds, then break them off."""
        self._closing = True
        for listener in self._listeners:
            listener.close()
        for connection in self._connections.connections:
            if connection not in self._running:
                connection.force_close()
        self._sockets.finish()
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=grace)
            self._forwarder.stopping = self._sockets.stopping = True
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        await self._connections.shutdown(1.0)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        if request.transport is None:
            raise ConnectionResetError("the client has left before its turn")
        self._running[request.protocol] = task
        try:
            return await self._answer(request)
        except ConnectionError:
            raise
        except Exception as error:
            _log.error("a request failed with %s", _place(error))
            if request.writer.output_size:
                raise ConnectionResetError("the answer had begun") from None
            return problem(500, "internal_error", f"internal error ({type(error).__name__}), see the daemon's log")
        finally:
            del self._running[request.protocol]
            if self._closing:
                request.protocol.close()

    def _client_left(self, connection: RequestHandler) -> None:
        self._visitors.left(connection)
        task = self._running.get(connection)
        if task is not None and not self._forwarder.client_left(connection, task.cancel):
            task.cancel()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if (turned_away := self._turned_away(request)) is not None:
            return turned_away
        if (origin := self._connections.origins.get(request.protocol)) is not None:
            return await self._answer_for(origin, request)
        token, provider, path, query = address(request.raw_path, request.headers)
        if token is None and provider == "healthz":
            return healthy(__version__)
        session = None
        if token is not None and (session := self._guard.session_of(token)) is None:
            return self._of_no_session(token, request, path)
        base_url = self._guard.ways.upstream_of(session, provider)
        if base_url is None:
            names = ", ".join(sorted(self._providers))
            return problem(404, "unknown_provider", f"no such provider; configured are {names}", close=True)
        if token is None:
            try:
                session = await self._visitors.session(request)
            except ConfigError as error:
                # Some agents choke on double quotes in what they show.
                text = wording.plain_refusal(str(error).replace('"', "'"))
                return problem(402, "budget_refused", text)
        return await self._serve(request, Route(session, provider, base_url, path, query, token))

    async def _answer_for(self, origin: Origin, request: web.BaseRequest) -> web.StreamResponse:
        session = self._guard.session_of(origin.token)
        if session is None:
            return self._of_no_session(origin.token, request, request.path)
        if not request.raw_path.startswith("/"):
            # Behind a base URL, `@example.com/` would lead to another host.
            return problem(400, "invalid_request", "the target of a request must be a path here", close=True)
        return await self._serve(request, origin.route(session, request.raw_path))

    def _of_no_session(self, token: str, request: web.BaseRequest, path: str) -> web.Response:
        """So that an agent stops and shows it; some send a request that got a 404 again, and show the URL with it."""
        if _asks_for_a_socket(request):
            return problem(426, "upgrade_refused", UNKNOWN_SESSION, close=True)
        dialect = wire.dialect_of(request.method, path)
        if dialect is None:
            return problem(404, "unknown_session", UNKNOWN_SESSION, close=True)
        return refused(self._guard.refusals.of_no_session(token, dialect.NAME), close=True)

    async def _serve(self, request: web.BaseRequest, route: Route) -> web.StreamResponse:
        if not _asks_for_a_socket(request):
            return await self._forwarder.handle(request, route)
        if not route.beside and openai_socket.claims(request.method, route.path):
            return await self._sockets.handle(request, route)
        return problem(426, "upgrade_refused", "this WebSocket is not served here; use plain HTTP", close=True)

    def _turned_away(self, request: web.BaseRequest) -> web.Response | None:
        if request.protocol in self._connections.strangers:
            return problem(403, "forbidden", "this daemon serves only the user who runs it", close=True)
        if (origin := self._connections.origins.get(request.protocol)) is not None:
            # Who came here showed the token of a session. What is meant for one host must not get to another.
            if origin.owns(request.headers.get("Host")):
                return None
            return problem(421, "misdirected_request", f"this connection is for {origin.authority}", close=True)
        # A web page can make a browser send requests here, under a name that it made point to this machine.
        if _OWN_HOST.fullmatch(request.headers.get("Host", "")) is None:
            return problem(403, "forbidden", "the Host header must name 127.0.0.1 or localhost", close=True)
        if "Origin" in request.headers:
            return problem(403, "forbidden", "requests of web pages are not served", close=True)
        return None


def _asks_for_a_socket(request: web.BaseRequest) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _place(error: Exception) -> str:
    """Type and place of an error, without its message, which may hold what it should not."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    return type(error).__name__ + where
