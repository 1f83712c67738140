"""Connections to the door: whose process is at the other end, whom it means, and when it is gone."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from tokenguard.proxy.origin import Origin
from tokenguard.upstream import LARGEST_HEADER, MOST_HEADERS

PeerUid = Callable[[tuple[str, int], tuple[str, int]], int | None]
"""(own address, peer's address) -> user id of the peer's process; None where the system cannot tell."""


class Connections(web.Server):
    """aiohttp's server; knows which of its connections come from other users' processes, and tells which are lost."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        peer_uid: PeerUid,
        lost: Callable[[RequestHandler], None],
    ) -> None:
        super().__init__(
            handler,
            # Some calls go on without their clients: whoever is told of a lost connection cancels the others.
            handler_cancellation=False,
            access_log=None,
            auto_decompress=False,
            logger=_quiet_log(),
            max_line_size=LARGEST_HEADER,
            max_field_size=LARGEST_HEADER,
            max_headers=MOST_HEADERS,
        )
        self._peer_uid = peer_uid
        self._lost = lost
        self.strangers: set[RequestHandler] = set()
        self.origins: dict[RequestHandler, Origin] = {}
        """Of the connections whose clients mean a provider, and not us."""

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        own, peer = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        uid = self._peer_uid(own[:2], peer[:2]) if own and peer else None
        if uid is not None and uid != os.getuid():
            self.strangers.add(handler)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        self.strangers.discard(handler)
        self.origins.pop(handler, None)
        super().connection_lost(handler, exc)
        self._lost(handler)


def _quiet_log() -> logging.Logger:
    log = logging.getLogger(f"{__name__}.http")
    log.addFilter(_without_details)
    return log


def _without_details(record: logging.LogRecord) -> bool:
    """aiohttp logs what it could not parse, and that may hold keys."""
    if record.exc_info and record.exc_info[1] is not None:
        record.msg, record.args = "a connection failed with %s", (type(record.exc_info[1]).__name__,)
        record.exc_info = None
    return True
