"""The way out to providers: through which proxy, trusting whom, over which pooled connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenguard.upstream.network import Network

if TYPE_CHECKING:
    from tokenguard.upstream.failures import UpstreamError
    from tokenguard.upstream.pool import LARGEST_HEADER, MOST_HEADERS, Upstreams, arrived, next_bytes
    from tokenguard.upstream.sockets import LARGEST_MESSAGE, NotUpgraded, UpstreamSocket
else:
    _IN = {
        **dict.fromkeys(("LARGEST_MESSAGE", "NotUpgraded", "UpstreamSocket"), "sockets"),
        **dict.fromkeys(("LARGEST_HEADER", "MOST_HEADERS", "Upstreams", "arrived", "next_bytes"), "pool"),
        "UpstreamError": "failures",
    }

    def __getattr__(name):
        """What goes out, when it is asked for: whoever opens no connection does not wait for the import of aiohttp."""
        if name not in _IN:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_IN[name]}"), name)


__all__ = [
    "LARGEST_HEADER",
    "LARGEST_MESSAGE",
    "MOST_HEADERS",
    "Network",
    "NotUpgraded",
    "UpstreamError",
    "UpstreamSocket",
    "Upstreams",
    "arrived",
    "next_bytes",
]
