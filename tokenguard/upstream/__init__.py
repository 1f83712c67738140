"""The way out to providers: through which proxy, trusting whom, over which pooled connections."""

from tokenguard.upstream.network import Network
from tokenguard.upstream.pool import LARGEST_HEADER, MOST_HEADERS, UpstreamError, Upstreams, next_bytes

__all__ = ["LARGEST_HEADER", "MOST_HEADERS", "Network", "UpstreamError", "Upstreams", "next_bytes"]
