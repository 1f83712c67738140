"""Connections to upstreams, as aiohttp makes them, with less work for each piece of an answer."""

from __future__ import annotations

import ssl
from functools import partial

import aiohttp
from aiohttp.client_proto import ResponseHandler

KEEP_ALIVE = 60.0
"""Seconds for which an idle connection is kept."""
DNS_CACHE = 60
"""Seconds for which an address is remembered."""


class Connector(aiohttp.TCPConnector):
    """Makes connections without a limit to their number; `trust` is as aiohttp's `ssl`."""

    def __init__(self, trust: ssl.SSLContext | bool) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  # aiohttp types it in part only
            limit=0, keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=DNS_CACHE, ssl=trust
        )
        kind: type[ResponseHandler] = _Connection
        self._factory = partial(kind, loop=self._loop)


class _Connection(ResponseHandler):
    """Goes on reading only where it has stopped.

    aiohttp resumes for every piece that is taken of a body, which runs its parser once more: a tenth of what a stream
    of small events costs.
    """

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self._reading_paused:
            super().resume_reading(resume_parser)
