"""What stands between this machine and the providers: proxies, and authorities that the system does not know."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from msgspec import Struct

from tokenguard.errors import ConfigError

_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


class Network(Struct, frozen=True):
    """How providers are reached; the default is directly, with the system's authorities."""

    proxy: str | None = None
    """URL of the proxy towards `https` upstreams; may hold credentials, so it is never logged."""
    plain_proxy: str | None = None
    """URL of the proxy towards `http` upstreams."""
    no_proxy: tuple[str, ...] = ()
    """Hosts that are reached directly, as `NO_PROXY` names them."""
    ca_bundles: tuple[str, ...] = ()
    """PEM files of authorities that are trusted **besides** the system's."""

    @classmethod
    def of(cls, proxy: str | None, no_proxy: str | None, ca_bundle: str | None) -> Network:
        """From settings; `proxy` serves `https` and `http` upstreams. Raises `ConfigError`."""
        url = _checked("network.proxy", proxy) if proxy else None
        bundles = (os.path.expanduser(ca_bundle),) if ca_bundle else ()
        return cls(url, url, _entries(no_proxy or ""), bundles)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Network:
        """From an agent's environment, with the usual variables in upper or lower case. Raises `ConfigError`.

        A certificate file that does not exist is passed over, as the programs that these variables are for do.
        """
        bundles = dict.fromkeys(env[name] for name in _CA_VARIABLES if env.get(name))
        return cls(
            _first(env, "HTTPS_PROXY", "ALL_PROXY"),
            _first(env, "HTTP_PROXY", "ALL_PROXY"),
            _entries(env.get("NO_PROXY") or env.get("no_proxy") or ""),
            tuple(path for path in bundles if os.path.isfile(path)),
        )

    def proxy_for(self, scheme: str, host: str, port: int) -> str | None:
        """URL of the proxy to take to an upstream, None for the direct way. Loopback is always direct."""
        proxy = self.proxy if scheme == "https" else self.plain_proxy
        if proxy is None:
            return None
        host = host.lower().rstrip(".")
        address = _address(host)
        if host == "localhost" or host.endswith(".localhost") or (address is not None and address.is_loopback):
            return None
        return None if any(_matches(entry, host, address, port) for entry in self.no_proxy) else proxy

    def __repr__(self) -> str:
        proxies = [urlsplit(url).hostname if url else None for url in (self.proxy, self.plain_proxy)]
        return f"Network({proxies[0]}, {proxies[1]}, {self.no_proxy}, {self.ca_bundles})"


def _first(env: Mapping[str, str], *names: str) -> str | None:
    for name in names:
        for spelling in (name, name.lower()):
            if value := env.get(spelling, "").strip():
                return _checked(spelling, value)
    return None


def _checked(name: str, url: str) -> str:
    """`host:port` without a scheme means http, as everywhere. The URL is not in the error: it may hold a password."""
    full = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(full)
        sound = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise ConfigError(f"{name} is not a proxy's address", "use http://HOST:PORT") from None
    if parts.scheme not in ("http", "https"):
        raise ConfigError(f"{name}: {parts.scheme} proxies are not supported", "name an http or https proxy")
    if not sound:
        raise ConfigError(f"{name} is not a proxy's address", "use http://HOST:PORT")
    return full


def _entries(no_proxy: str) -> tuple[str, ...]:
    return tuple(no_proxy.replace(",", " ").lower().split())


def _matches(entry: str, host: str, address: IPv4Address | IPv6Address | None, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ip_network(entry, strict=False)
        except ValueError:
            return False
    name, entry_port = _split_port(entry)
    if entry_port is not None and entry_port != str(port):
        return False
    if address is not None:
        return address == _address(name)
    # `example.com`, `.example.com` and `*.example.com` all mean the domain and everything below it.
    name = name.removeprefix("*").removeprefix(".").rstrip(".")
    return bool(name) and (host == name or host.endswith("." + name))


def _split_port(entry: str) -> tuple[str, str | None]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":") or None
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None
