"""Requests that cost nothing, by their method and path. What is neither free nor a dialect's call is not metered."""

from __future__ import annotations

import re

_FREE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})

_SOCKETS = re.compile(r"/responses$|/realtime$|BidiGenerateContent$")
"""A `GET` of these opens a WebSocket over which calls are made."""

_FREE = re.compile(
    r"""
      /messages/count_tokens$                   # Anthropic
    | /models/count-tokens:rawPredict$          # the same at Vertex
    | /count-tokens$                            # and at Bedrock
    | :countTokens$ | :computeTokens$           # Gemini, Vertex
    | /responses/input_tokens$ | /tokenize$
    | /cancel$ | :cancel$
    | /models$ | /api/(?:show|tags|ps|version)$
    | /v1internal:(?!generateContent$|streamGenerateContent$)   # Code Assist: log-in, quota, telemetry
    | /api/(?:event_logging|claude_code|claude_cli|oauth|eval|hello|organizations?)(?:[/_]|$)   # Claude Code
    | /analytics-events/ | /telemetry(?:/|$) | /v1/(?:traces|metrics|logs)$ | /otlp/
    | /oauth/token$ | /statsig/ | /sentry/ | /envelope/?$
    """,
    re.VERBOSE,
)


_COUNTS = re.compile(
    r"/messages/count_tokens$|[/:]count-?tokens(?::rawPredict)?$|/responses/input_tokens$", re.IGNORECASE
)


def is_count(method: str, path: str) -> bool:
    """Whether a request asks how many tokens a prompt has, which is free; `path` has no query."""
    return method == "POST" and _COUNTS.search(path.rstrip("/")) is not None


def is_free(method: str, path: str) -> bool:
    """Whether a request is known to cost nothing; `path` has no query. False does not say that it costs."""
    path = path.rstrip("/")
    if method in _FREE_METHODS:
        return _SOCKETS.search(path) is None
    return _FREE.search(path) is not None
