"""Where a request belongs, by its target and its headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from tokenguard.records import Session

_CHATGPT = "chatgpt-account-id"
"""Header of requests that carry the tokens of a ChatGPT login, in place of an API key."""


class Route(Struct, frozen=True):
    """Where a request belongs."""

    session: Session | None
    provider: str
    base_url: str
    path: str
    """Below the base URL, as it was written, without the query."""
    query: str
    """With its question mark; empty without one."""
    token: str | None = None
    """Of the session, as the client showed it."""
    beside: bool = False
    """It is on a provider's host, but not of its API: it passes, and nothing of it is looked at."""

    @property
    def target(self) -> str:
        """What is asked for below the base URL."""
        return self.path + self.query


class Address(NamedTuple):
    """What a request says of where it belongs."""

    token: str | None
    provider: str
    path: str
    query: str


def address(target: str, headers: Mapping[str, str]) -> Address:
    """`/s/TOKEN/PROVIDER/REST?QUERY` or `/PROVIDER/REST?QUERY`; what is passed on keeps its spelling.

    Codex may send what belongs to ChatGPT to the base URL that it was given for OpenAI, whose paths have a version in
    them: `openai/v1/responses` is `chatgpt/responses` then. A login's tokens must not go to OpenAI's API.
    """
    path, mark, query = target.partition("?")
    token = None
    if path.startswith("/s/"):
        token, _, path = path[3:].partition("/")
        path = "/" + path
    provider, slash, rest = path[1:].partition("/")
    path = slash + rest
    if provider == "openai" and _CHATGPT in headers:
        provider = "chatgpt"
        path = path.removeprefix("/v1") if path == "/v1" or path.startswith("/v1/") else path
    return Address(token, provider, path, mark + query)
