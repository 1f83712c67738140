"""Which hosts belong to which provider, as clients that know no base URL address them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from tokenguard.config.settings import PROVIDERS

PORTS = {"https": 443, "http": 80}
"""The ports that need not be written."""


class Site(NamedTuple):
    """A provider's API on a host."""

    provider: str
    scheme: str
    host: str
    """In lower case; an IPv6 address without brackets."""
    port: int
    path: str
    """Below which the API is, without a slash at its end."""
    base_url: str
    """Where its calls go: to that host, or to what the user configured for the provider."""


class _Family(NamedTuple):
    provider: str
    pattern: re.Pattern[str]
    names: tuple[str, ...]
    """DNS names that cover them as far as they can be named."""


_AWS_REGIONS = """
    af-south-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1
    ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-7 ca-central-1 ca-west-1 eu-central-1
    eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1
    mx-central-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-1 us-west-2
""".split()
_GOOGLE_REGIONS = """
    africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1 asia-south2
    asia-southeast1 asia-southeast2 australia-southeast1 australia-southeast2 europe-central2 europe-north1
    europe-southwest1 europe-west1 europe-west2 europe-west3 europe-west4 europe-west6 europe-west8 europe-west9
    europe-west12 me-central1 me-central2 me-west1 northamerica-northeast1 northamerica-northeast2
    southamerica-east1 southamerica-west1 us-central1 us-east1 us-east4 us-east5 us-south1 us-west1 us-west2 us-west3
    us-west4
""".split()
"""The regions that offer models: no authority can be limited to `bedrock-runtime.*.amazonaws.com`, and all of
amazonaws.com is too much. One that is missing here is named in `[providers.NAME]`."""

_FAMILIES = (
    _Family(
        "bedrock",
        re.compile(r"bedrock-runtime(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?"),
        tuple(f"bedrock-runtime{fips}.{region}.amazonaws.com" for region in _AWS_REGIONS for fips in ("", "-fips")),
    ),
    _Family(
        "vertex",
        re.compile(r"([a-z0-9-]+-)?aiplatform\.googleapis\.com|aiplatform\.[a-z]+\.rep\.googleapis\.com"),
        (
            "aiplatform.googleapis.com",
            *(f"aiplatform.{area}.rep.googleapis.com" for area in ("eu", "us")),
            *(f"{region}-aiplatform.googleapis.com" for region in _GOOGLE_REGIONS),
        ),
    ),
    _Family(
        "code-assist",
        re.compile(r"(daily-)?cloudcode-pa\.googleapis\.com"),
        ("cloudcode-pa.googleapis.com", "daily-cloudcode-pa.googleapis.com"),
    ),
    _Family(
        "kimi",
        re.compile(r"api\.moonshot\.cn|api\.kimi\.(com|ai)"),
        ("api.moonshot.cn", "api.kimi.com", "api.kimi.ai"),
    ),
    _Family("copilot", re.compile(r"api(\.[a-z]+)?\.githubcopilot\.com"), ("githubcopilot.com",)),
)


def sites_at(
    scheme: str,
    host: str,
    port: int,
    *,
    providers: Mapping[str, str],
    chosen: Collection[str],
    upstreams: Iterable[tuple[str, str]] = (),
) -> tuple[Site, ...]:
    """The APIs at an address, the one with the longest path first; none where it is not a provider's.

    `providers`, `chosen` and `upstreams` are as in `Config` and `Session`.
    """
    named = _sites(providers, chosen, upstreams)
    found = {site.path: site for site in named if (site.scheme, site.host, site.port) == (scheme, host, port)}
    if not found and (scheme, port) == ("https", PORTS["https"]):
        for family in _FAMILIES:
            if family.pattern.fullmatch(host):
                found[""] = _site(family.provider, f"https://{host}", providers, chosen)
    return tuple(sorted(found.values(), key=lambda site: -len(site.path)))


def names(
    providers: Mapping[str, str], chosen: Collection[str], upstreams: Iterable[tuple[str, str]] = ()
) -> tuple[str, ...]:
    """DNS names and addresses of all providers that are reached by `https`, this machine not among them."""
    named = {site.host for site in _sites(providers, chosen, upstreams) if site.scheme == "https"}
    named.update(name for family in _FAMILIES for name in family.names)
    return tuple(sorted(name for name in named if not _is_loopback(name)))


def covered(host: str, names: Iterable[str]) -> bool:
    """Whether a host is one of these names, or below one."""
    return any(host == name or host.endswith(f".{name}") for name in names)


def _sites(
    providers: Mapping[str, str], chosen: Collection[str], upstreams: Iterable[tuple[str, str]]
) -> Iterator[Site]:
    """Of two at the same address, the later one counts."""
    for name in sorted(chosen):
        yield _site(name, providers[name], providers, chosen)
    for name, url in upstreams:
        yield _site(name, url, providers, chosen)
    for name, url in PROVIDERS.items():
        yield _site(name, url, providers, chosen)


def _site(provider: str, url: str, providers: Mapping[str, str], chosen: Collection[str]) -> Site:
    """An API at `url`. What the user configured for the provider leads its calls elsewhere, to a gateway for one.

    But not from one of the provider's own hosts to another: signatures and keys are good for one region.
    """
    own = providers[provider] if provider in chosen else url
    parts = urlsplit(url)
    return Site(
        provider,
        parts.scheme,
        (parts.hostname or "").rstrip("."),
        parts.port or PORTS.get(parts.scheme, 0),
        parts.path.rstrip("/"),
        url if _is_of(provider, own) else own,
    )


def _is_of(provider: str, url: str) -> bool:
    """Whether a URL leads to a host of the provider's own."""
    host = urlsplit(url).hostname or ""
    usual = urlsplit(PROVIDERS.get(provider, "")).hostname
    return host == usual or any(family.provider == provider and family.pattern.fullmatch(host) for family in _FAMILIES)


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
