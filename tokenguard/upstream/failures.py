"""Why an upstream did not answer, in words: what aiohttp raises is translated here, once."""

from __future__ import annotations

import ssl

import aiohttp
from yarl import URL

from tokenguard.errors import TokenguardError

CONNECT_TIMEOUT = 30.0
"""Seconds for resolving, connecting, a proxy's tunnel and the TLS handshake together."""


class UpstreamError(TokenguardError):
    """An upstream did not answer; the message names its host and holds no credentials."""


def explained(error: Exception, host: str, proxy: str | None) -> UpstreamError:
    """What a request to a host, through a proxy perhaps, has failed of."""
    via = f" through the proxy {URL(proxy).host}" if proxy else ""
    cause = error.__cause__
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            broken = "the TLS handshake failed"
            reason = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else broken
            return UpstreamError(
                f"no secure connection to {host}{via}: {reason}",
                "if your network inspects TLS, set ca_bundle in [network] of config.toml",
            )
        case aiohttp.WSServerHandshakeError():
            return UpstreamError(f"{host} changed the protocol, but not to WebSocket")
        case aiohttp.ClientHttpProxyError():
            return UpstreamError(f"the proxy on the way to {host} answered {error.status}")
        case aiohttp.ClientProxyConnectionError():
            return UpstreamError(f"the proxy on the way to {host} cannot be reached")
        case aiohttp.ClientConnectorDNSError():
            return UpstreamError(f"the name {host} cannot be resolved{via}")
        case aiohttp.ClientConnectorError():
            return UpstreamError(f"{host} cannot be reached{via}: {error.os_error.strerror or 'no connection'}")
        case TimeoutError():
            return UpstreamError(f"{host} cannot be reached{via} within {CONNECT_TIMEOUT:.0f} s")
        case aiohttp.ClientResponseError():
            return UpstreamError(f"{host} answered with something that is not HTTP")
        case aiohttp.ClientConnectionError() | OSError():
            return UpstreamError(f"{host} closed the connection without an answer")
        case _:
            return UpstreamError(f"{host} cannot be asked that: {type(error).__name__}")
