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
    for name, base in providers.items():
        if theirs == base or theirs.startswith(f"{base}/"):
            return Way(name, f"{base_url}/{name}{theirs.removeprefix(base)}")
    if suffix and theirs.endswith(suffix):
        return Way(provider, f"{base_url}/{provider}{suffix}", {provider: theirs.removesuffix(suffix)})
    return Way(provider, f"{base_url}/{provider}", {provider: theirs})


class Ways:
    """The ways of all settings of an agent. No two of them may lead one provider's calls to different addresses."""

    def __init__(self, base_url: str, providers: Mapping[str, str]) -> None:
        self.upstreams: dict[str, str] = {}
        """As in `Way`, of all."""
        self._base_url = base_url
        self._providers = providers
        self._taken: dict[str, str | None] = {}

    def to(self, provider: str, suffix: str = "", theirs: str | None = None) -> str | None:
        """What a setting gets, see `way`; None where an earlier one has sent the provider's calls elsewhere.

        A key must not go to another setting's host.
        """
        found = way(self._base_url, self._providers, provider, suffix, theirs)
        upstream = found.upstreams.get(found.provider)
        if self._taken.setdefault(found.provider, upstream) != upstream:
            return None
        self.upstreams |= found.upstreams
        return found.base_url


def is_session_url(url: str) -> bool:
    """Whether tokenguard gave a URL out: an agent that runs inside a guarded one has it in its environment."""
    parts = urlsplit(url)
    return parts.hostname == "127.0.0.1" and parts.path.startswith("/s/")
