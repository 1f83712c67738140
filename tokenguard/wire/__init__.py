"""Providers' wire protocols, as pure functions over bytes: one module per dialect, all of the shape `Dialect`.

A dialect reads what a request says about its cost, meters a copy of the response, and words a refusal so that client
libraries of that protocol stop at once and show it. Nothing here touches the bytes that pass, except for what `inject`
returns.
"""

from __future__ import annotations

from typing import Protocol

from tokenguard.records import Facts
from tokenguard.wire import anthropic, gemini, openai_chat, openai_responses
from tokenguard.wire.shape import Dialect


class Filter(Protocol):
    """Takes what `inject` caused out of a response stream again."""

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that the client may have now; the rest is kept until it can be judged."""
        ...

    def finish(self) -> bytes:
        """What was kept, at the end of the stream."""
        ...


_DIALECTS: tuple[Dialect, ...] = (anthropic, openai_responses, openai_chat, gemini)

DIALECTS: dict[str, Dialect] = {dialect.NAME: dialect for dialect in _DIALECTS}
"""Every dialect by name."""


def dialect_of(method: str, path: str) -> Dialect | None:
    """The dialect in which a request is a billed call; None if it is none that we know. `path` has no query."""
    return next((dialect for dialect in _DIALECTS if dialect.claims(method, path)), None)


def inject(dialect: Dialect, body: bytes, facts: Facts) -> tuple[bytes, Filter] | None:
    """A body that makes the provider report usage, and the filter that hides the report from the client.

    None where the body needs no change. Only OpenAI-style chat streams do: without `stream_options.include_usage`
    none of 112 recorded streams carried usage.
    """
    return openai_chat.inject(body, facts) if dialect is openai_chat else None
