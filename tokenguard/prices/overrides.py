"""The catalogue as a user's configuration has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from tokenguard.prices.catalogue import Catalogue
from tokenguard.prices.own import Override, Own


def adapt(catalogue: Catalogue, overrides: Iterable[Override], base_urls: Mapping[str, str]) -> Catalogue:
    """The same list with the user's own prices on top of it, and with the providers that the user named.

    `base_urls` are the addresses of all providers by name. A name that the list knows means that seller, wherever it
    is: gateways and tests are reached at loopback addresses under the names of those whose models they pass on. Of the
    other names, those with a loopback address are on this machine, hence free, and the rest are whose API is there.
    """
    sellers: dict[str, str] = {}
    local: set[str] = set()
    for name, url in base_urls.items():
        if catalogue.is_listed(name):
            continue
        if is_loopback(url):
            local.add(name)
        elif (id := catalogue.provider_at(url)) is not None:
            sellers[name] = id
    return Catalogue(catalogue.data, Own(tuple(overrides), sellers, frozenset(local)))


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine by its host: `localhost`, a name below it, or a loopback address."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
