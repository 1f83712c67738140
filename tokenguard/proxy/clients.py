"""Clients that show no token: what the data path asks of those who know them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from tokenguard.proxy.headers import SESSION
from tokenguard.records import Session

SessionOf = Callable[[str | None], Session]
"""The session to which a call of a client belongs, by the name that its request gives it. Raises `ConfigError`."""


class Clients(Protocol):
    """Those who know who is at the other end of a connection."""

    async def client(self, own: tuple[str, int], peer: tuple[str, int]) -> SessionOf:
        """Who that is, by both addresses of our end; never raises. Takes some milliseconds."""
        ...


class Visitors:
    """The clients without a token, by their connections: each is identified once."""

    def __init__(self, clients: Clients | None) -> None:
        self._clients = clients
        self._known: dict[object, SessionOf] = {}

    async def session(self, request: web.BaseRequest) -> Session | None:
        """The session to which a request without a token belongs. Raises `ConfigError`."""
        connection, transport = request.protocol, request.transport
        if self._clients is None or transport is None:
            return None
        session_of = self._known.get(connection)
        if session_of is None:
            own, peer = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
            session_of = await self._clients.client(own[:2], peer[:2])
            if request.transport is not None:  # else nobody would take it out again
                self._known[connection] = session_of
        return session_of(request.headers.get(SESSION))

    def left(self, connection: object) -> None:
        """A connection is closed."""
        self._known.pop(connection, None)
