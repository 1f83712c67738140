"""Which dialect a path belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tokenguard.simulator import (
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
from tokenguard.simulator.shape import Dialect

_CALLS: tuple[tuple[str, Dialect], ...] = (
    (r"/v1internal:(g|streamG)enerateContent", code_assist),
    (r"/models/[^/:]+:(g|streamG)enerateContent", gemini),
    (r"/publishers/anthropic/models/(?!count-tokens:)[^/:]+:(r|streamR)awPredict", vertex_anthropic),
    (r"/model/[^/]+/converse(-stream)?", bedrock_converse),
    (r"/model/[^/]+/invoke(-with-response-stream)?", bedrock_invoke),
    (r"/api/chat", ollama),
    (r"/v1/messages", anthropic),
    (r"/chat/completions", openai_chat),
    (r"/responses", openai_responses),
)
_COUNTERS: tuple[tuple[str, Dialect], ...] = (
    (r"/v1internal:countTokens", code_assist),
    (r"/models/[^/:]+:countTokens", gemini),
    (r"/models/count-tokens:rawPredict", vertex_anthropic),
    (r"/model/[^/]+/count-tokens", bedrock_converse),
    (r"/v1/messages/count_tokens", anthropic),
    (r"/responses/input_tokens", openai_responses),
)


def called(path: str) -> Dialect | None:
    """The dialect in which a path is a call; None if it is none."""
    return _first(_CALLS, path)


def counting(path: str) -> Dialect | None:
    """The dialect whose free token counter is at a path; None if none is."""
    return _first(_COUNTERS, path)


def spoken_at(path: str, headers: Mapping[str, str]) -> Dialect:
    """Whose errors and lists are expected at a path."""
    if path.startswith("/v1beta"):
        return gemini
    anthropics = "/v1/messages" in path or "anthropic-version" in headers
    return called(path) or counting(path) or (anthropic if anthropics else openai_responses)


def _first(table: tuple[tuple[str, Dialect], ...], path: str) -> Dialect | None:
    return next((dialect for end, dialect in table if re.search(end + "$", path)), None)
