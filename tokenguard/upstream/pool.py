"""Pooled connections to upstreams, one pool for each `Network`."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import Iterable
from typing import cast

import aiohttp
from aiohttp import ClientTimeout, StreamReader
from multidict import CIMultiDict
from yarl import URL

from tokenguard.upstream.connections import Connector
from tokenguard.upstream.failures import CONNECT_TIMEOUT, UpstreamError, explained
from tokenguard.upstream.network import Network
from tokenguard.upstream.sockets import LARGEST_MESSAGE, UpstreamSocket, expect_upgrade

LARGEST_HEADER = 1 << 16
"""Bytes of one header field, and of the request or status line."""
MOST_HEADERS = 1024

# No total and no read timeout: a model may think for many minutes before its next byte.
_TIMEOUT = ClientTimeout(total=None, connect=CONNECT_TIMEOUT, sock_connect=None, sock_read=None)
_LARGE_BODY = 1 << 20
_NOT_ADDED = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class Upstreams:
    """Sends requests to upstreams. To be used in one event loop; `close` it at the end."""

    def __init__(self) -> None:
        self._pools: dict[Network, aiohttp.ClientSession] = {}
        self._sockets: dict[Network, aiohttp.ClientSession] = {}
        self._bodies: dict[asyncio.Future[None], StreamReader] = {}

    async def send(
        self,
        network: Network,
        base_url: str,
        target: str,
        *,
        method: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        tracker: aiohttp.UploadTracker | None = None,
    ) -> aiohttp.ClientResponse:
        """Request `base_url + target` with exactly these headers, and wait for the head of the answer.

        `target` is a path with its query, taken as it is. Redirects are not followed: credentials belong to this
        host only. `tracker` tells what has been sent of the body, whatever comes of it. Raises `UpstreamError`.
        """
        url = URL(base_url + target, encoded=True)
        host, port = url.raw_host or "", url.port or 0
        proxy = network.proxy_for(url.scheme, host, port)
        try:
            answer = await self._pool(network).request(
                method,
                url,
                headers=CIMultiDict(headers),
                data=_payload(body),
                proxy=proxy,
                allow_redirects=False,
                upload_tracker=tracker,
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise explained(error, host, proxy) from error
        if answer.status == 101:
            answer.close()
            raise UpstreamError(f"{host} changed the protocol unasked")
        self._watch(answer)
        return answer

    async def open_socket(
        self,
        network: Network,
        base_url: str,
        target: str,
        *,
        headers: Iterable[tuple[str, str]],
        protocols: Iterable[str] = (),
    ) -> UpstreamSocket:
        """A WebSocket to `base_url + target`, asked for with these headers; `protocols` are offered as subprotocols.

        Messages are not compressed on the way. Raises `UpstreamError`, or `NotUpgraded` with the upstream's answer.
        """
        url = URL(base_url + target, encoded=True)
        host, port = url.raw_host or "", url.port or 0
        proxy = network.proxy_for(url.scheme, host, port)
        try:
            opened = await self._socket_pool(network).ws_connect(
                url,
                headers=CIMultiDict(headers),
                protocols=protocols,
                proxy=proxy,
                autoclose=False,
                autoping=False,
                max_msg_size=LARGEST_MESSAGE,
                decode_text=False,
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise explained(error, host, proxy) from error
        return cast(UpstreamSocket, opened)

    async def close(self) -> None:
        """Close every connection, those in use too."""
        pools = [*self._sockets.values(), *self._pools.values()]
        self._sockets, self._pools = {}, {}
        for pool in pools:
            await pool.close()

    def _pool(self, network: Network) -> aiohttp.ClientSession:
        pool = self._pools.get(network)
        if pool is None:
            pool = self._pools[network] = _session(Connector(_trust(network)), for_sockets=False)
        return pool

    def _socket_pool(self, network: Network) -> aiohttp.ClientSession:
        pool = self._sockets.get(network)
        if pool is None:
            pool = self._sockets[network] = _session(self._pool(network).connector, for_sockets=True)
        return pool

    def _watch(self, answer: aiohttp.ClientResponse) -> None:
        """See to it that a body whose connection is lost ends with an error.

        aiohttp does not tell the body's reader when the framing turns to garbage in the middle, and it would wait
        for ever.
        """
        protocol = answer.connection.protocol if answer.connection is not None else None
        lost = protocol.closed if protocol is not None else None
        if lost is None:
            return
        if lost not in self._bodies:
            lost.add_done_callback(self._lost)
        self._bodies[lost] = answer.content

    def _lost(self, lost: asyncio.Future[None]) -> None:
        if not lost.cancelled():
            lost.exception()
        body = self._bodies.pop(lost)
        if not body.is_eof() and body.exception() is None:
            body.set_exception(aiohttp.ClientPayloadError("connection lost"))


async def next_bytes(answer: aiohttp.ClientResponse) -> bytes:
    """The next bytes of a body, as they come; empty at its end. Raises `UpstreamError` if it breaks off."""
    try:
        return await answer.content.readany()
    except (aiohttp.ClientError, OSError, RuntimeError) as error:
        raise UpstreamError(f"{answer.url.host} broke off its answer") from error


def arrived(answer: aiohttp.ClientResponse) -> bytes:
    """What has come of a body and was not taken yet; nothing if it has broken off."""
    try:
        return answer.content.read_nowait()
    except (aiohttp.ClientError, OSError, RuntimeError):
        return b""


def _session(connector: aiohttp.BaseConnector | None, *, for_sockets: bool) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        connector_owner=not for_sockets,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=_TIMEOUT,
        auto_decompress=False,
        skip_auto_headers=_NOT_ADDED,
        max_line_size=LARGEST_HEADER,
        max_field_size=LARGEST_HEADER,
        max_headers=MOST_HEADERS,
        raise_for_status=expect_upgrade if for_sockets else False,
        ws_response_class=UpstreamSocket,
    )


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    if not body:
        return None
    # A large body is written in pieces, so that other calls get their turn.
    return body if len(body) < _LARGE_BODY else io.BytesIO(body)


def _trust(network: Network) -> ssl.SSLContext | bool:
    if not network.ca_bundles:
        return True
    context = ssl.create_default_context()
    for bundle in network.ca_bundles:
        try:
            context.load_verify_locations(bundle)
        except (OSError, ssl.SSLError) as error:
            raise UpstreamError(f"the CA bundle {bundle} cannot be read", "name a PEM file") from error
    context.set_alpn_protocols(["http/1.1"])
    return context
