"""Getting the published prices, from the network or from a file."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tokenguard.errors import TokenguardError
from tokenguard.upstream import Network

URL = "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json"
"""What genai-prices itself is updated from."""

LARGEST = 64 << 20
"""Bytes; the data has a few million."""

_TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
_REMEDY = f"get {URL} some other way, and name the file with --from"


def fetch(network: Network) -> bytes:
    """The data at `URL`. Raises `TokenguardError`, which names the way around the network."""
    parts = urlsplit(URL)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    trust = httpx2.create_ssl_context(trust_env=False)
    for bundle in network.ca_bundles:
        try:
            trust.load_verify_locations(bundle)
        except (OSError, ssl.SSLError) as error:
            raise TokenguardError(f"the CA bundle {bundle} cannot be read", "name a PEM file") from error
    proxy = network.proxy_for(parts.scheme, host, port)
    try:
        with (
            httpx2.Client(proxy=proxy, verify=trust, trust_env=False, timeout=_TIMEOUT) as client,
            client.stream("GET", URL) as answer,
        ):
            if answer.status_code != 200:
                raise TokenguardError(f"{host} answered {answer.status_code} instead of the prices", _REMEDY)
            data = bytearray()
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > LARGEST:
                    raise TokenguardError(f"{host} answered with more than {LARGEST >> 20} MB", _REMEDY)
            return bytes(data)
    except httpx2.HTTPError as error:
        # Its text may hold the proxy's address, and that a password.
        raise TokenguardError(f"{host} cannot be reached ({type(error).__name__})", _REMEDY) from error


def read(file: Path) -> bytes:
    """The data in a file. Raises `TokenguardError`."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise TokenguardError(
            f"{file} cannot be read: {error.strerror}", "name a copy of genai-prices' data.json"
        ) from error
