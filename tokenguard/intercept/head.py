"""The head of a request to a proxy: what it asks for, who asks, and what is sent on of it."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple
from urllib.parse import urlsplit

from tokenguard.intercept.hosts import PORTS

LARGEST = 1 << 16
"""Bytes of a head."""
END = b"\r\n\r\n"

_HTTP = b"http://"
_REPLACED = frozenset({b"host", b"proxy-authorization", b"proxy-connection", b"proxy-authenticate"})
_LONGEST_METHOD = 20


class Credentials(NamedTuple):
    """Who asks, by the URL of the proxy."""

    authority: str
    """Id of the authority that the agent trusts."""
    token: str
    """Of the session."""


class Head(NamedTuple):
    """A request to a proxy, without its body."""

    method: bytes
    host: str
    """In lower case; an IPv6 address without brackets."""
    port: int
    path: bytes
    """With its query; empty for `CONNECT`, which asks for a tunnel."""
    headers: tuple[tuple[bytes, bytes], ...]

    @property
    def tunnel(self) -> bool:
        return self.method == b"CONNECT"

    @property
    def authority(self) -> str:
        """`HOST:PORT`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def credentials(self) -> Credentials | None:
        """What stands in `Proxy-Authorization`; None if that is not a name with a password."""
        given = next((value for name, value in self.headers if name.lower() == b"proxy-authorization"), b"")
        scheme, _, encoded = given.strip().partition(b" ")
        if scheme.lower() != b"basic":
            return None
        try:
            name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        return Credentials(name, password) if colon else None

    def sent_on(self, *, to_proxy: bool = False, authorization: bytes | None = None) -> bytes:
        """The head for the host itself, or for another proxy on the way to it.

        The connection ends with the answer: what comes over it next may be meant for another host. The host is that of
        the target, whatever the client wrote besides (RFC 9112, 3.2.2).
        """
        upgrades = any(name.lower() == b"upgrade" for name, _ in self.headers)
        dropped = _REPLACED if upgrades else _REPLACED | {b"connection", b"keep-alive"}
        headers = [(b"Host", self._host_header())]
        headers += [header for header in self.headers if header[0].lower() not in dropped]
        if authorization is not None:
            headers.append((b"Proxy-Authorization", authorization))
        if not upgrades:
            headers.append((b"Connection", b"close"))
        target = b"http://%b%b" % (self._host_header(), self.path) if to_proxy else self.path
        lines = [b"%b %b HTTP/1.1" % (self.method, target), *(b"%b: %b" % header for header in headers)]
        return b"\r\n".join(lines) + END

    def _host_header(self) -> bytes:
        written = self.authority
        return (written.removesuffix(":80") if self.port == PORTS["http"] else written).encode("latin-1")


def is_for_proxy(begin: bytes) -> bool | None:
    """Whether what begins like this is a request to a proxy, and not to a server; None while that is open."""
    method, space, rest = begin.partition(b" ")
    if not space:
        return None if len(begin) <= _LONGEST_METHOD else False
    if method == b"CONNECT":
        return True
    scheme = rest[: len(_HTTP)].lower()
    if scheme == _HTTP:
        return True
    return None if _HTTP.startswith(scheme) else False


def read(raw: bytes) -> Head | None:
    """The head, up to its empty line; None if it is not one that a proxy understands."""
    first, *lines = raw.removesuffix(END).split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return None
    headers = [(name, value.strip(b" \t")) for name, colon, value in (line.partition(b":") for line in lines) if colon]
    if len(headers) != len(lines) or any(name != name.strip() or not name for name, _ in headers):
        return None
    method, target = words[0], words[1]
    if method == b"CONNECT":
        address = _address(target)
        return Head(method, address[0], address[1], b"", tuple(headers)) if address and address[1] else None
    scheme, rest = target[: len(_HTTP)], target[len(_HTTP) :]
    cut = min((at for at in map(rest.find, (b"/", b"?")) if at >= 0), default=len(rest))
    address, path = _address(rest[:cut]), rest[cut:]
    if scheme.lower() != _HTTP or address is None:
        return None
    path = path if path.startswith(b"/") else b"/" + path
    return Head(method, address[0], address[1] or PORTS["http"], path, tuple(headers))


def _address(written: bytes) -> tuple[str, int] | None:
    """Host and port, 0 without one; None where that is neither, or more."""
    try:
        text = written.decode("ascii")
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.netloc != text or parts.username is not None:
        return None
    return host.rstrip("."), port or 0
