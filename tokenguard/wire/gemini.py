"""Google's Gemini: `.../models/X:generateContent` and `:streamGenerateContent`, at Google AI and at Vertex.

A stream comes as events (`alt=sse`), else as a JSON array whose elements are the chunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

import msgspec
from msgspec import Raw, Struct, field

from tokenguard.records import Facts
from tokenguard.wire.bounds import uncapped
from tokenguard.wire.decoding import Count, Reader
from tokenguard.wire.gemini_usage import GeminiAccount
from tokenguard.wire.meters import BodyMeter, StreamMeter
from tokenguard.wire.purpose import wanted
from tokenguard.wire.shape import NO_HEADERS, Meter, Refusal
from tokenguard.wire.sse import STRING
from tokenguard.wire.thinking import least_output
from tokenguard.wire.weighing import Messages, weigh

NAME = "gemini"

_METHODS = (":generateContent", ":streamGenerateContent")
_WANTED = re.compile(rb'"(?:usageMetadata|error)" *:')
_CONTENT = re.compile(rb'"text": *' + STRING)
_REMOTE = re.compile(rb'"file_?[uU]ri":\s*"')
_CLIENT_TOOLS = frozenset({"functionDeclarations", "function_declarations", "computerUse", "computer_use"})


class _Generation(Struct):
    max_camel: Count | None = field(name="maxOutputTokens", default=None)
    max_snake: Count | None = field(name="max_output_tokens", default=None)
    candidates_camel: Count | None = field(name="candidateCount", default=None)
    candidates_snake: Count | None = field(name="candidate_count", default=None)
    thinking_camel: Raw = field(name="thinkingConfig", default=Raw())
    thinking_snake: Raw = field(name="thinking_config", default=Raw())
    json_schema: Raw = field(name="responseJsonSchema", default=Raw())
    schema: Raw = field(name="responseSchema", default=Raw())


class Request(Struct):
    """A request body. Google takes the names of fields in either spelling."""

    generation_camel: _Generation | None = field(name="generationConfig", default=None)
    generation_snake: _Generation | None = field(name="generation_config", default=None)
    tools: list[dict[str, Raw]] | None = None
    cached_camel: str | None = field(name="cachedContent", default=None)
    cached_snake: str | None = field(name="cached_content", default=None)
    tier_camel: str | None = field(name="serviceTier", default=None)
    tier_snake: str | None = field(name="service_tier", default=None)
    contents: Messages = None
    system_camel: Raw = field(name="systemInstruction", default=Raw())
    system_snake: Raw = field(name="system_instruction", default=Raw())


_REQUEST = Reader(Request)


def claims(method: str, path: str) -> bool:
    return method == "POST" and path.endswith(_METHODS) and "/models/" in path


def facts(path: str, body: bytes) -> Facts:
    request, whole = _REQUEST.read(body)
    if request is None:
        raise ValueError("not a JSON object")
    model = unquote(path.rpartition("/models/")[2].rpartition(":")[0])
    return facts_of(request, body, model=model, stream=is_stream(path), whole=whole)


def facts_of(request: Request, body: bytes, *, model: str, stream: bool, whole: bool) -> Facts:
    """The facts of a request that was decoded already, here or out of Code Assist's envelope."""
    generation = request.generation_camel or request.generation_snake or _Generation()
    limit = generation.max_camel if generation.max_camel is not None else generation.max_snake
    answers = max(generation.candidates_camel or generation.candidates_snake or 1, 1)
    names = [*_uncapped(request), *(["candidateCount"] if limit is None and answers > 1 else [])]
    prompt, trail = weigh(body, "contents", request.contents, request.system_camel or request.system_snake)
    return Facts(
        model=model.removeprefix("models/"),
        stream=stream,
        max_output=None if limit is None else limit * answers,
        body_bytes=len(body),
        has_tools=bool(request.tools),
        uncapped=uncapped(names, body, remote=_REMOTE if prompt.refers else None, whole=whole),
        tier=request.tier_camel or request.tier_snake,
        prompt=prompt,
        least_output=answers * least_output(generation.thinking_camel or generation.thinking_snake),
        trail=trail,
        wanted=wanted(generation.json_schema or generation.schema),
    )


def meter(facts: Facts, provider: str, *, stream: bool, headers: Mapping[str, str] = NO_HEADERS) -> Meter:
    if stream:
        return StreamMeter(GeminiAccount(facts.model), wanted=_WANTED, content=_CONTENT)
    return BodyMeter(lambda: GeminiAccount(facts.model))


def refuse(text: str) -> Refusal:
    error = {"error": {"code": 400, "message": text, "status": "FAILED_PRECONDITION"}}
    return Refusal(400, "application/json", msgspec.json.encode(error))


def is_stream(path: str) -> bool:
    """Whether the answer comes in chunks."""
    return path.endswith(":streamGenerateContent")


def _uncapped(request: Request) -> Iterable[str]:
    for tool in request.tools or ():
        yield from tool.keys() - _CLIENT_TOOLS
    if request.cached_camel or request.cached_snake:
        yield "cachedContent"
