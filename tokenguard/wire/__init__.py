"""Providers' wire protocols, as pure functions over bytes: one module per dialect, all of the shape `Dialect`.

A dialect reads what a request says about its cost, meters a copy of the response, and words a refusal so that client
libraries of that protocol stop at once and show it. Nothing here touches the bytes that pass, except for what `inject`
returns.
"""

from __future__ import annotations

from tokenguard.records import Facts
from tokenguard.wire import (
    anthropic,
    bedrock_converse,
    bedrock_invoke,
    code_assist,
    gemini,
    ollama,
    openai_chat,
    openai_responses,
    vertex_anthropic,
)
from tokenguard.wire.paths import is_count, is_free
from tokenguard.wire.shape import EXACT_MARKS, Dialect, Filter, Meter, Refusal

__all__ = [
    "DIALECTS",
    "EXACT_MARKS",
    "Dialect",
    "Filter",
    "Meter",
    "Refusal",
    "dialect_of",
    "inject",
    "is_count",
    "is_free",
]


_DIALECTS: tuple[Dialect, ...] = (
    anthropic,
    openai_responses,
    openai_chat,
    gemini,
    code_assist,
    vertex_anthropic,
    bedrock_converse,
    bedrock_invoke,
    ollama,
)

DIALECTS: dict[str, Dialect] = {dialect.NAME: dialect for dialect in _DIALECTS}
"""Every dialect by name."""


def dialect_of(method: str, path: str) -> Dialect | None:
    """The dialect in which a request is a billed call; None if it is none that we know. `path` has no query."""
    path = path.rstrip("/")
    return next((dialect for dialect in _DIALECTS if dialect.claims(method, path)), None)


def inject(dialect: Dialect, body: bytes, facts: Facts) -> tuple[bytes, Filter] | None:
    """A body that makes the provider report usage, and the filter that hides the report from the client.

    None where the body needs no change. Only OpenAI-style chat streams do: without `stream_options.include_usage`
    none of 112 recorded streams carried usage.
    """
    return openai_chat.inject(body, facts) if dialect is openai_chat else None
