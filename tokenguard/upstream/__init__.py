"""The way out to providers: through which proxy, trusting whom, over which pooled connections."""

from tokenguard.upstream.network import Network
from tokenguard.upstream.pool import LARGEST_HEADER, MOST_HEADERS, UpstreamError, Upstreams, arrived, next_bytes
from tokenguard.upstream.sockets import LARGEST_MESSAGE, NotUpgraded, UpstreamSocket

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
