"""The way of what is not for a provider: to its host, directly or through the proxy that the user has anyway."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from urllib.parse import unquote, urlsplit

from aiohappyeyeballs import start_connection  # pyright: ignore[reportUnknownVariableType]  # typed in part only

from tokenguard.errors import TokenguardError
from tokenguard.intercept.head import END, Head
from tokenguard.intercept.pipe import Pipe
from tokenguard.upstream import Network

CONNECT_WITHIN = 30.0
"""Seconds for resolving, connecting and what a proxy on the way wants."""
_NEXT_ADDRESS_AFTER = 0.25
"""Seconds after which the next address of a host is tried too (RFC 8305)."""


class UnreachableError(TokenguardError):
    """A host cannot be reached; the message names it and holds no credentials."""


async def to_host(network: Network, head: Head) -> Pipe:
    """A connection to where a request wants to go, over which what it says has been said as far as we say it.

    That is nothing for a tunnel, and the head of any other request. Raises `UnreachableError`.
    """
    scheme = "https" if head.tunnel else "http"
    proxy = network.proxy_for(scheme, head.host, head.port)
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            if proxy is None:
                pipe = await _connected(head.host, head.port, None)
                said = b"" if head.tunnel else head.sent_on()
            else:
                pipe, said = await _through(proxy, network, head)
    except TimeoutError as error:
        raise UnreachableError(f"{head.host} cannot be reached within {CONNECT_WITHIN:.0f} s") from error
    except OSError as error:
        via = " through the proxy on the way" if proxy else ""
        raise UnreachableError(f"{head.host} cannot be reached{via}: {error.strerror or 'no connection'}") from error
    if said:
        pipe.transport.write(said)
    return pipe


async def _through(proxy: str, network: Network, head: Head) -> tuple[Pipe, bytes]:
    parts = urlsplit(proxy)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    pipe = await _connected(host, port, _trust(network) if secure else None)
    authorization = _authorization(parts.username, parts.password)
    if not head.tunnel:
        return pipe, head.sent_on(to_proxy=True, authorization=authorization)
    wanted = head.authority.encode("latin-1")
    lines = [b"CONNECT %b HTTP/1.1" % wanted, b"Host: %b" % wanted]
    if authorization is not None:
        lines.append(b"Proxy-Authorization: %b" % authorization)
    pipe.transport.write(b"\r\n".join(lines) + END)
    try:
        status = (await pipe.until(END)).split(b" ", 2)[1]
    except (ConnectionError, IndexError):
        status = b"nothing that HTTP knows"
    except BaseException:
        pipe.close()
        raise
    if not status.startswith(b"2"):
        pipe.close()
        answered = status.decode("latin-1")[:40]
        raise UnreachableError(f"the proxy on the way to {head.host} answered {answered}")
    return pipe, b""


async def _connected(host: str, port: int, tls: ssl.SSLContext | None) -> Pipe:
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    connected = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_AFTER, interleave=1)
    try:
        _, pipe = await loop.create_connection(Pipe, sock=connected, ssl=tls, server_hostname=host if tls else None)
    except BaseException:
        connected.close()
        raise
    return pipe


def _trust(network: Network) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for bundle in network.ca_bundles:
        context.load_verify_locations(bundle)
    return context


def _authorization(username: str | None, password: str | None) -> bytes | None:
    if username is None:
        return None
    return b"Basic " + base64.b64encode(f"{unquote(username)}:{unquote(password or '')}".encode())
