"""Base URLs: what the user's settings name, and what the agent gets instead."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct


class Way(Struct, frozen=True):
    """Where an agent's calls go."""

    provider: str
    base_url: str
    """What the agent gets."""
    upstreams: dict[str, str] = {}
    """Provider -> base URL, where it is not the one that tokenguard knows."""


def way(base_url: str, providers: Mapping[str, str], provider: str, suffix: str = "", theirs: str | None = None) -> Way:
    """The way through tokenguard to what `theirs` names, or to `provider` where that is None.

    `suffix` is the path that the agent expects in a base URL of this kind, such as `/v1`. A URL below the base of any
    provider that we know leads to that provider, so that its prices apply.
    """
    if not theirs or is_session_url(theirs):
        return Way(provider, f"{base_url}/{provider}{suffix}")
    theirs = theirs.rstrip("/")
    if (found := _by_fixed_port(theirs, base_url)) is not None and found[0] in providers:
        name, path = found
        return Way(name, f"{base_url}/{name}{path}")
    for name, base in providers.items():
        if theirs == base or theirs.startswith(f"{base}/"):
            return Way(name, f"{base_url}/{name}{theirs.removeprefix(base)}")
    if suffix and theirs.endswith(suffix):
        return Way(provider, f"{base_url}/{provider}{suffix}", {provider: theirs.removesuffix(suffix)})
    return Way(provider, f"{base_url}/{provider}", {provider: theirs})


def is_session_url(url: str) -> bool:
    """Whether tokenguard gave a URL out: an agent that runs inside a guarded one has it in its environment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.hostname == "127.0.0.1" and parts.path.startswith("/s/")


def _by_fixed_port(url: str, base_url: str) -> tuple[str, str] | None:
    """(provider, path behind it) of a URL that leads to this daemon without a session, as `tokenguard env` gives it."""
    try:
        ours, theirs = urlsplit(base_url), urlsplit(url)
        same = theirs.scheme == ours.scheme and theirs.port == ours.port
    except ValueError:
        return None
    if not same or theirs.hostname not in ("127.0.0.1", "localhost"):
        return None
    provider, slash, rest = theirs.path[1:].partition("/")
    return provider, slash + rest


class Ways:
    """The ways of one run. Each provider has one upstream in it: keys for another would go to the wrong place."""

    def __init__(self, base_url: str, providers: Mapping[str, str]) -> None:
        self._base_url = base_url
        self._providers = providers
        self._taken: dict[str, str | None] = {}

    def to(self, provider: str, suffix: str = "", theirs: str | None = None) -> str | None:
        """The base URL that the agent gets; None where another one to the same provider leads to another upstream."""
        route = way(self._base_url, self._providers, provider, suffix, theirs)
        upstream = route.upstreams.get(route.provider)
        return route.base_url if self._taken.setdefault(route.provider, upstream) == upstream else None

    def known(self, theirs: str) -> str | None:
        """The same for a URL that may lead to any provider; None also where it leads to none that we know."""
        if is_session_url(theirs):
            _, _, below = urlsplit(theirs).path.removeprefix("/s/").partition("/")
            provider, slash, rest = below.partition("/")
            return self.to(provider, slash + rest) if provider in self._providers else None
        if (found := _by_fixed_port(theirs, self._base_url)) is not None and found[0] in self._providers:
            return self.to(*found)
        for name, base in self._providers.items():
            if theirs == base or theirs.startswith(f"{base}/"):
                return self.to(name, "", theirs)
        return None

    @property
    def upstreams(self) -> dict[str, str]:
        """Provider -> base URL, where it is not the one that tokenguard knows."""
        return {provider: url for provider, url in self._taken.items() if url is not None}
