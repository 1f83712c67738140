"""Connections whose clients believe to talk to a provider itself: what is asked of that host, and where it belongs."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.proxy.routing import Route
from tokenguard.records import Session


class Api(Struct, frozen=True):
    """A provider's API on a host."""

    provider: str
    path: str
    """Below which it is, without a slash at its end; empty where it is the whole host."""
    base_url: str
    """Where its calls go: not always to the host that the client means."""


class Origin(Struct, frozen=True):
    """The host that the client of a connection means."""

    token: str
    """Of the session."""
    authority: str
    """`HOST`, or `HOST:PORT` where it is not the scheme's own port."""
    base_url: str
    """`SCHEME://AUTHORITY`."""
    apis: tuple[Api, ...]
    """Those of the host; of two that a path is below, the first."""

    def owns(self, host: str | None) -> bool:
        """Whether a `Host` header names this host."""
        usual = ":443" if self.base_url.startswith("https:") else ":80"
        return host is None or host.lower() in (self.authority, self.authority + usual)

    def route(self, session: Session, target: str) -> Route:
        """Where a request belongs, by its target as it was written."""
        path, mark, query = target.partition("?")
        for api in self.apis:
            if path == api.path or path.startswith(f"{api.path}/"):
                rest = path.removeprefix(api.path)
                return Route(session, api.provider, api.base_url, rest, mark + query, self.token)
        beside = self.apis[0].provider if self.apis else ""
        return Route(session, beside, self.base_url, path, mark + query, self.token, beside=True)
