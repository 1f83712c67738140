"""The forward proxy of runs that intercept: who may use it, which connections are opened, which pass as they are."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tokenguard.config.settings import Config
from tokenguard.intercept import way
from tokenguard.intercept.certificates import Certificates
from tokenguard.intercept.door import Door, hand_over, turn_away
from tokenguard.intercept.head import Credentials, Head
from tokenguard.intercept.hosts import PORTS, Site, sites_at
from tokenguard.intercept.pipe import Pipe
from tokenguard.intercept.trust import Trust
from tokenguard.proxy import Guard, Proxy
from tokenguard.proxy.connections import PeerUid
from tokenguard.proxy.origin import Api, Origin
from tokenguard.records import Session

_HANDSHAKE_WITHIN = 30.0
"""Seconds."""
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

_log = logging.getLogger(__name__)


class Interceptor:
    """Receives the connections of the data path's port. To be used in one event loop; `close` it at the end."""

    def __init__(
        self, proxy: Proxy, guard: Guard, config: Callable[[], Config], state_dir: Path, *, peer_uid: PeerUid
    ) -> None:
        """`config` is that in force."""
        self.trust = Trust()
        self._proxy = proxy
        self._guard = guard
        self._config = config
        self._peer_uid = peer_uid
        self._certificates = Certificates(state_dir)
        self._doors: set[Door] = set()
        self._pipes: set[Pipe] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def door(self) -> Door:
        """What receives a connection."""
        return Door(self)

    def close_doors(self) -> None:
        """Hang up on those who have not said yet what they want."""
        for door in list(self._doors):
            door.transport.close()

    def close(self) -> None:
        """Close every tunnel."""
        self.close_doors()
        for task in list(self._tasks):
            task.cancel()
        for pipe in list(self._pipes):
            pipe.close()

    def opened(self, door: Door) -> None:
        self._doors.add(door)

    def closed(self, door: Door) -> None:
        self._doors.discard(door)

    def serve(self, transport: asyncio.Transport, begin: bytes) -> None:
        hand_over(transport, self._proxy.connection(), begin)

    def forward(self, transport: asyncio.Transport, head: Head, rest: bytes) -> None:
        task = asyncio.get_running_loop().create_task(self._forward(transport, head, rest))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, transport: asyncio.Transport, head: Head, rest: bytes) -> None:
        try:
            await self._admit(transport, head, rest)
        except Exception as error:
            _log.error("a connection could not be forwarded: %s", type(error).__name__)
            transport.abort()
        except BaseException:
            transport.abort()
            raise

    async def _admit(self, transport: asyncio.Transport, head: Head, rest: bytes) -> None:
        own, peer = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        uid = self._peer_uid(own[:2], peer[:2]) if own and peer else None
        if uid is not None and uid != os.getuid():
            turn_away(transport, 403, "this daemon serves only the user who runs it")
            return
        # The token is looked up by its hash, so the time that it takes tells nothing of it.
        credentials = head.credentials()
        session = self._guard.session_of(credentials.token) if credentials is not None else None
        if credentials is None or session is None:
            turn_away(transport, 407, "this proxy is for what tokenguard run --intercept has started, while it runs")
            return
        self.trust.met(session.id)
        sites = self._sites(session, head)
        if not sites:
            self.trust.passed(session.id, head.host)
            await self._tunnel(transport, session, head, rest)
        elif sites[0].scheme == "https":
            await self._open_up(transport, session, credentials, sites, rest)
        elif head.tunnel:
            transport.write(_ESTABLISHED)
            self._hand_over(transport, credentials.token, sites, rest)
        else:
            self._hand_over(transport, credentials.token, sites, head.sent_on() + rest)

    def _sites(self, session: Session, head: Head) -> tuple[Site, ...]:
        """The providers' APIs at a host. A tunnel may be one for TLS or not, by what is known of its end."""
        config = self._config()
        for scheme in ("https", "http") if head.tunnel else ("http",):
            found = sites_at(
                scheme,
                head.host,
                head.port,
                providers=config.providers,
                chosen=config.chosen_providers,
                upstreams=session.upstreams,
            )
            if found:
                return found
        return ()

    async def _open_up(
        self,
        transport: asyncio.Transport,
        session: Session,
        credentials: Credentials,
        sites: tuple[Site, ...],
        rest: bytes,
    ) -> None:
        """Be the end of a tunnel to a provider, in its name."""
        host = sites[0].host
        context = self._certificates.context(credentials.authority, host, datetime.now(UTC))
        if context is None:
            turn_away(transport, 502, f"{host} cannot be intercepted, see the daemon's log")
            return
        if rest:
            turn_away(transport, 400, "nothing may be sent into a tunnel before it is there")
            return
        transport.write(_ESTABLISHED)
        first = _First()
        try:
            opened = await asyncio.get_running_loop().start_tls(
                transport, first, context, server_side=True, ssl_handshake_timeout=_HANDSHAKE_WITHIN
            )
        except (OSError, ssl.SSLError):
            self.trust.refused(session.id, host)
            return
        # Node.js ends the handshake before it looks at the certificate, and leaves then without a word.
        begin = await first.said() if opened is not None else b""
        if opened is None or not begin:
            self.trust.refused(session.id, host)
            return
        self.trust.given(session.id, host)
        self._hand_over(opened, credentials.token, sites, begin)

    def _hand_over(self, transport: asyncio.Transport, token: str, sites: tuple[Site, ...], begin: bytes) -> None:
        site = sites[0]
        name = f"[{site.host}]" if ":" in site.host else site.host
        authority = name if site.port == PORTS[site.scheme] else f"{name}:{site.port}"
        apis = tuple(Api(each.provider, each.path, each.base_url) for each in sites)
        origin = Origin(token, authority, f"{site.scheme}://{authority}", apis)
        transport.resume_reading()
        hand_over(transport, self._proxy.connection(origin), begin)

    async def _tunnel(self, transport: asyncio.Transport, session: Session, head: Head, rest: bytes) -> None:
        """Let a connection pass as it is."""
        try:
            there = await way.to_host(self._guard.ways.network_of(session), head)
        except way.UnreachableError as error:
            turn_away(transport, 502, error.message)
            return
        here = Pipe()
        hand_over(transport, here, rest)
        if head.tunnel:
            transport.write(_ESTABLISHED)
        self._pipes.add(here)
        here.ended.add_done_callback(lambda _: self._pipes.discard(here))
        here.join(there)


class _First(asyncio.Protocol):
    """Waits for the first bytes of a connection that was opened up."""

    def __init__(self) -> None:
        self._came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._begin = bytearray()

    async def said(self) -> bytes:
        """What came first; nothing if the client left without a word."""
        await self._came
        return bytes(self._begin)

    def data_received(self, data: bytes) -> None:
        self._begin += data
        self._end()

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if not self._came.done():
            self._came.set_result(None)
