"""OpenAI Chat Completions: `POST .../chat/completions`, at OpenAI and at all who speak its language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw, Struct

from tokenguard.records import Facts
from tokenguard.wire.bounds import uncapped
from tokenguard.wire.chat_injection import inject
from tokenguard.wire.chat_usage import ChatAccount
from tokenguard.wire.decoding import Count, Reader
from tokenguard.wire.meters import BodyMeter, StreamMeter
from tokenguard.wire.purpose import told, wanted
from tokenguard.wire.shape import NO_HEADERS, Meter, Refusal
from tokenguard.wire.sse import STRING
from tokenguard.wire.thinking import least_output
from tokenguard.wire.weighing import Messages, weigh

__all__ = ["NAME", "claims", "facts", "inject", "meter", "refuse"]

NAME = "openai-chat"

_WANTED = re.compile(rb'"(?:prompt_tokens|error)" *:')
_CONTENT = re.compile(rb'"(?:content|reasoning_content|reasoning|arguments)": *' + STRING)
_HEAD = 2
"""The first chunks name the model and the response; Azure's very first one does not."""

_REMOTE = re.compile(rb'"image_url":\s*\{\s*"url":\s*"http|"file_id":\s*"file[-_]')
_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")
_CLIENT_TOOLS = (None, "function", "custom")


class _Tool(Struct):
    type: str | None = None


class _Any(Struct):
    pass


class _Request(Struct):
    model: str = ""
    stream: bool | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    n: Count | None = None
    tools: list[_Tool] | None = None
    functions: list[_Any] | None = None
    service_tier: str | None = None
    web_search_options: _Any | None = None
    search_parameters: _Any | None = None
    plugins: list[_Any] | None = None
    models: list[str] | None = None
    """OpenRouter's, which answer where the first one does not."""
    reasoning: Raw = Raw()
    """OpenRouter's."""
    metadata: Raw = Raw()
    prompt_cache_key: Raw = Raw()
    response_format: Raw = Raw()
    messages: Messages = None


_REQUEST = Reader(_Request)


def claims(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/chat/completions")


def facts(path: str, body: bytes) -> Facts:
    request, whole = _REQUEST.read(body)
    if request is None:
        raise ValueError("not a JSON object")
    deployment = _DEPLOYMENT.search(path)
    limit = request.max_completion_tokens if request.max_completion_tokens is not None else request.max_tokens
    answers = max(request.n or 1, 1)
    prompt, trail = weigh(body, "messages", request.messages)
    return Facts(
        model=request.model or (deployment[1] if deployment is not None else ""),
        stream=bool(request.stream),
        max_output=None if limit is None else limit * answers,
        body_bytes=len(body),
        has_tools=bool(request.tools or request.functions),
        uncapped=uncapped(_uncapped(request, limit), body, remote=_REMOTE if prompt.refers else None, whole=whole),
        tier=request.service_tier,
        prompt=prompt,
        least_output=answers * least_output(request.reasoning),
        trail=trail,
        about=told(request.metadata, prompt_cache_key=request.prompt_cache_key),
        wanted=wanted(request.response_format, "json_schema", "schema"),
    )


def meter(facts: Facts, provider: str, *, stream: bool, headers: Mapping[str, str] = NO_HEADERS) -> Meter:
    if stream:
        return StreamMeter(ChatAccount(facts.model, provider), wanted=_WANTED, content=_CONTENT, head=_HEAD)
    return BodyMeter(lambda: ChatAccount(facts.model, provider))


def refuse(text: str) -> Refusal:
    """The error of OpenAI's API, also for the Responses API: their client libraries are the same."""
    error = {"error": {"message": text, "type": "invalid_request_error", "param": None, "code": "tokenguard_budget"}}
    return Refusal(400, "application/json", msgspec.json.encode(error))


def _uncapped(request: _Request, limit: int | None) -> Iterable[str]:
    for tool in request.tools or ():
        if tool.type not in _CLIENT_TOOLS:
            yield str(tool.type)
    if request.web_search_options is not None or request.model.endswith(":online"):
        yield "web_search"
    if request.search_parameters is not None:
        yield "search_parameters"
    if request.plugins:
        yield "plugins"
    if request.models:
        yield "models"
    if limit is None and (request.n or 1) > 1:
        yield "n"
    if "grok" in request.model:
        yield "reasoning"
