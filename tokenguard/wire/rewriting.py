"""Another model or a lower output limit in a request, and no other byte of it touched.

Where a key comes twice, providers take the last one, some refuse it: every one of them gets the new value. A request
that names further models to fall back to cannot be moved to another one, since nothing here knows which it would be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote

import msgspec
from msgspec import Raw

from tokenguard.wire.decoding import FAILURES
from tokenguard.wire.spans import Member, members, skip_blanks

Path = tuple[tuple[str, ...], ...]
"""The keys that lead to a value, each with all its spellings; a new one is written in the first."""

_MODEL: Path = (("model",),)
_FURTHER_MODELS: tuple[Path, ...] = ((("fallbacks",),), (("models",),))
"""Of Anthropic and of OpenRouter."""

_GENERATION = ("generationConfig", "generation_config")
_GEMINI_LIMIT: Path = (_GENERATION, ("maxOutputTokens", "max_output_tokens"))
_GEMINI_ANSWERS: Path = (_GENERATION, ("candidateCount", "candidate_count"))
_ENVELOPE: Path = (("request",),)

_OF_MODELS = re.compile(r"(.*/models/)([^/]+)(:[^/:]+)", re.DOTALL)
_OF_BEDROCK = re.compile(r"(.*/model/)([^/]+)(/[^/]+)", re.DOTALL)
_DEPLOYMENT = re.compile(r"(.*?/deployments/)([^/]+)(/.*)", re.DOTALL)

_WITHOUT_MAX_TOKENS = re.compile(r"gpt-(?!oss)|chatgpt-|codex-|o\d")
"""OpenAI's own models: `max_tokens` is deprecated there, and those that reason refuse it. Others may know no other."""

_MAKER = re.compile(r"(?:[a-z-]+\.)?([a-z0-9]+\.[a-z0-9]+)")
"""Of a Bedrock model's id behind its region: who made it and the family, such as `anthropic.claude`."""

_DIGITS = re.compile(rb"\d{1,18}")


class _Shape(NamedTuple):
    """Where a dialect says what is rewritten."""

    limits: tuple[Path, ...]
    """All places in which an output limit may stand."""
    model: Path | re.Pattern[str] = _MODEL
    """In the body, or in the path, as the second group of a pattern."""
    added: Path | None = None
    """Where a limit is put where there is none; None where nobody can tell whether it would be taken."""
    answers: Path | None = None
    """How many answers are asked for, each with that limit."""


_ANTHROPIC_LIMIT: Path = (("max_tokens",),)
_CHAT_LIMITS: tuple[Path, ...] = ((("max_completion_tokens",),), (("max_tokens",),))
_RESPONSES_LIMIT: Path = (("max_output_tokens",),)
_CONVERSE_LIMIT: Path = (("inferenceConfig",), ("maxTokens",))
_OLLAMA_LIMIT: Path = (("options",), ("num_predict",))
_INVOKE_LIMITS: tuple[Path, ...] = (
    *_CHAT_LIMITS,
    (("max_gen_len",),),
    (("textGenerationConfig",), ("maxTokenCount",)),
    (("inferenceConfig",), ("maxTokens", "max_new_tokens")),
)

_SHAPES = {
    "anthropic-messages": _Shape((_ANTHROPIC_LIMIT,), added=_ANTHROPIC_LIMIT),
    "vertex-anthropic": _Shape((_ANTHROPIC_LIMIT,), _OF_MODELS, _ANTHROPIC_LIMIT),
    "openai-chat": _Shape(_CHAT_LIMITS, added=_CHAT_LIMITS[1], answers=(("n",),)),
    "openai-responses": _Shape((_RESPONSES_LIMIT,), added=_RESPONSES_LIMIT),
    "gemini": _Shape((_GEMINI_LIMIT,), _OF_MODELS, _GEMINI_LIMIT, _GEMINI_ANSWERS),
    "code-assist": _Shape(
        (_ENVELOPE + _GEMINI_LIMIT,), added=_ENVELOPE + _GEMINI_LIMIT, answers=_ENVELOPE + _GEMINI_ANSWERS
    ),
    "bedrock-converse": _Shape((_CONVERSE_LIMIT,), _OF_BEDROCK, _CONVERSE_LIMIT),
    "bedrock-invoke": _Shape(_INVOKE_LIMITS, _OF_BEDROCK),
    "ollama": _Shape((_OLLAMA_LIMIT,), added=_OLLAMA_LIMIT),
}


def rewrite(
    dialect: str, path: str, body: bytes, *, model: str | None, max_output: int | None
) -> tuple[str, bytes] | None:
    """Path and body of the request with this model, and with an output limit of at most `max_output` tokens.

    A message over a WebSocket is a body like any other. `max_output` is what all answers may have together, as in
    `Facts`; a lower limit stays. None if it cannot be done without doubt.
    """
    shape = _SHAPES.get(dialect)
    try:
        msgspec.json.decode(body, type=dict[str, Raw])
        if shape is not None and model is not None:
            path, body = _with_model(dialect, shape, path, body, model)
        if shape is not None and max_output is not None:
            body = _with_limit(dialect, shape, path, body, max_output)
    except FAILURES:
        return None
    return None if shape is None else (path, body)


def _with_model(dialect: str, shape: _Shape, path: str, body: bytes, model: str) -> tuple[str, bytes]:
    """Raises `ValueError` if it cannot be done, as all below."""
    top = _members(body)
    if not model or _falls_back(body, top):
        raise ValueError("another model may answer")
    stated = list(_found(body, _MODEL, top))
    if not isinstance(shape.model, re.Pattern):
        if dialect == "openai-chat" and (deployment := _DEPLOYMENT.fullmatch(path)) is not None:
            if any(msgspec.json.decode(body[one.start : one.end]) != unquote(deployment[2]) for one in stated):
                raise ValueError("the path and the body name different models")
            path = _in_path(deployment, model)
        elif not stated:
            raise ValueError("no model to replace")
        return path, _replaced(body, stated, msgspec.json.encode(model))
    named = shape.model.fullmatch(path)
    if named is None or stated:
        raise ValueError("the model is not where it should be")
    if dialect == "bedrock-invoke" and (_maker(unquote(named[2])) or "?") != _maker(model):
        raise ValueError("the body is in the words of another maker")
    return _in_path(named, model), body


def _with_limit(dialect: str, shape: _Shape, path: str, body: bytes, max_output: int) -> bytes:
    top = _members(body)
    each = max_output // _answers(body, shape.answers, top)
    if each < 1:
        raise ValueError("nothing is left for an answer")
    new = b"%d" % each
    places = (found for one in shape.limits for found in _found(body, one, top))
    if limits := [found for found in places if body[found.start : found.end] != b"null"]:
        return _replaced(body, [found for found in limits if not _is_within(body[found.start : found.end], each)], new)
    if shape.added is None or not _takes_a_limit(dialect, path):
        raise ValueError("no limit to lower")
    added = shape.added
    if dialect == "openai-chat" and _WITHOUT_MAX_TOKENS.match(_stated_model(body, top)):
        added = _CHAT_LIMITS[0]
    return _inserted(body, skip_blanks(body, 0), added, new)


def _takes_a_limit(dialect: str, path: str) -> bool:
    """Codex' ChatGPT backend and compactions refuse the parameter; a deployment may be of any model."""
    if dialect == "openai-responses":
        return path != "/responses" and not path.endswith("/compact")
    return _DEPLOYMENT.fullmatch(path) is None


def _members(body: bytes) -> list[Member]:
    return list(members(body, skip_blanks(body, 0)))


def _falls_back(body: bytes, top: list[Member]) -> bool:
    values = (body[found.start : found.end] for one in _FURTHER_MODELS for found in _found(body, one, top))
    return any(value.strip(b"[] \t\r\n") not in (b"", b"null") for value in values)


def _found(data: bytes, path: Path, within: Iterable[Member]) -> Iterator[Member]:
    """Every member at a path; none where there is no object on the way."""
    for member in within:
        if member.key in path[0]:
            if len(path) == 1:
                yield member
            elif data[member.start : member.start + 1] == b"{":
                yield from _found(data, path[1:], members(data, member.start))


def _replaced(data: bytes, places: list[Member], new: bytes) -> bytes:
    for place in sorted(places, key=lambda member: member.start, reverse=True):
        data = data[: place.start] + new + data[place.end :]
    return data


def _inserted(data: bytes, at: int, path: Path, new: bytes) -> bytes:
    """With a value at a path that the object at `at` does not have, or has as null."""
    present = [member for member in members(data, at) if member.key in path[0]]
    if not present:
        first = skip_blanks(data, at + 1)
        comma = b"" if data[first : first + 1] == b"}" else b","
        return data[: at + 1] + _member(path, new) + comma + data[at + 1 :]
    last = present[-1]
    if data[last.start : last.end] == b"null":
        return _replaced(data, [last], _value(path[1:], new))
    if len(path) == 1:
        raise ValueError("there is a value already")
    return _inserted(data, last.start, path[1:], new)


def _member(path: Path, new: bytes) -> bytes:
    return msgspec.json.encode(path[0][0]) + b":" + _value(path[1:], new)


def _value(path: Path, new: bytes) -> bytes:
    return b"{" + _member(path, new) + b"}" if path else new


def _answers(body: bytes, path: Path | None, top: list[Member]) -> int:
    counts = [body[found.start : found.end] for found in _found(body, path, top)] if path is not None else []
    return max((int(count) for count in counts if _DIGITS.fullmatch(count)), default=1) or 1


def _is_within(value: bytes, limit: int) -> bool:
    return _DIGITS.fullmatch(value) is not None and int(value) <= limit


def _stated_model(body: bytes, top: list[Member]) -> str:
    names = [msgspec.json.decode(body[found.start : found.end]) for found in _found(body, _MODEL, top)]
    return names[-1] if names and isinstance(names[-1], str) else ""


def _in_path(found: re.Match[str], model: str) -> str:
    return found[1] + quote(model, safe="@") + found[3]


def _maker(model: str) -> str | None:
    found = _MAKER.match(model.rpartition("/")[2])
    return found[1] if found is not None else None
