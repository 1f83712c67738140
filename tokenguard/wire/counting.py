"""Free counters of providers: how they are asked for the tokens of a call's prompt, before it is made.

They take the request without whatever is no part of a prompt, and refuse that: Anthropic `/v1/messages/count_tokens`
and OpenAI `/responses/input_tokens` with the members that their client libraries know, Gemini `:countTokens` with the
whole request in `generateContentRequest`. Others are not asked: Bedrock's signatures cover the body, and the counter of
Code Assist takes messages only.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from tokenguard.wire.decoding import FAILURES, Count, Reader

_ANTHROPIC = (
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "cache_control",
    "context_management",
    "mcp_servers",
    "output_config",
    "output_format",
    "speed",
)
_OPENAI = (
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "text",
    "truncation",
    "previous_response_id",
    "conversation",
)

_GEMINI = re.compile(r"(.*/)(models/[^/]+):(?:generateContent|streamGenerateContent)$")
_STREAMING = re.compile(r"(?<=[?&])alt=[^&]*&?")


class Question(NamedTuple):
    """A request that is posted to a counter."""

    path: str
    query: str
    body: bytes


class _Answer(Struct):
    input_tokens: Count | None = None
    totalTokens: Count | None = None


_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_ANSWER = Reader(_Answer)


def is_counted(provider: str, dialect: str, path: str) -> bool:
    """Whether the provider has a counter for calls at this path."""
    path = path.rstrip("/")
    match provider, dialect:
        case ("anthropic", "anthropic-messages"):
            return path.endswith("/messages")
        case ("openai", "openai-responses"):
            return path.endswith("/responses")
        case ("gemini", "gemini"):
            return _GEMINI.match(path) is not None
        case _:
            return False


def question(dialect: str, path: str, query: str, body: bytes) -> Question | None:
    """What a counter is asked of a call; None if the call cannot be read. `query` has its question mark, if any."""
    path = path.rstrip("/")
    try:
        members = _MEMBERS.decode(body)
        if dialect == "gemini":
            found = _GEMINI.match(path)
            if found is None:
                return None
            asked = {"model": found[2]} | members
            query = _STREAMING.sub("", query).rstrip("?&")
            return Question(f"{found[1]}{found[2]}:countTokens", query, _encoded({"generateContentRequest": asked}))
        counter, counted = (
            ("count_tokens", _ANTHROPIC) if dialect == "anthropic-messages" else ("input_tokens", _OPENAI)
        )
        return Question(
            f"{path}/{counter}", query, _encoded({name: members[name] for name in counted if name in members})
        )
    except FAILURES:
        return None


def answer(body: bytes) -> int | None:
    """The tokens that a counter gives; None if it gives none."""
    read = _ANSWER.read(body)[0]
    if read is None:
        return None
    return read.input_tokens if read.input_tokens is not None else read.totalTokens


def _encoded(value: object) -> bytes:
    return msgspec.json.encode(value)
