"""Variables that matter for every agent: proxies, certificates, and what must not go through a proxy."""

from __future__ import annotations

from collections.abc import Mapping

_OURS = "127.0.0.1,localhost"
_NETWORK = (
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
)


def network(env: Mapping[str, str]) -> dict[str, str]:
    """Those of the variables that say how to reach the outside."""
    return {name: env[name] for name in _NETWORK if env.get(name)}


def direct_loopback(env: Mapping[str, str]) -> dict[str, str]:
    """`NO_PROXY` in both spellings, with loopback appended: a loopback base URL would go through `HTTP_PROXY`.

    Programs differ in which spelling wins, so each keeps what it has, and an absent one gets what the other has.
    """
    upper, lower = env.get("NO_PROXY", ""), env.get("no_proxy", "")
    return {"NO_PROXY": _appended(upper or lower), "no_proxy": _appended(lower or upper)}


def _appended(value: str) -> str:
    if value == "*":
        return value  # nothing goes through a proxy, and programs know that sign only if it stands alone
    return f"{value.rstrip(',')},{_OURS}" if value else _OURS
