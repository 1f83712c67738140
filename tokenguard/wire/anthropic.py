"""Anthropic Messages: `POST /v1/messages`, at Anthropic and at the many endpoints that speak its language.

Counting tokens is free; message batches are not metered here: their bill comes later and at half the price.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw, Struct

from tokenguard.records import Facts
from tokenguard.wire.anthropic_usage import MessageAccount
from tokenguard.wire.bounds import uncapped
from tokenguard.wire.decoding import Count, Reader
from tokenguard.wire.meters import BodyMeter, StreamMeter
from tokenguard.wire.purpose import told, wanted
from tokenguard.wire.shape import NO_HEADERS, Meter, Refusal
from tokenguard.wire.sse import STRING
from tokenguard.wire.thinking import least_output
from tokenguard.wire.weighing import Messages, weigh

NAME = "anthropic-messages"

_WANTED = re.compile(rb'"type": *"(?:message_|content_block_start|error)')
"""Events that matter: all but `content_block_delta`, `content_block_stop` and `ping`."""

_CONTENT = re.compile(rb'_delta", *"(?!signature)[a-z_]+": *' + STRING)
"""The text, thinking or tool input of a `content_block_delta`. Signatures are no output."""

_REMOTE = re.compile(rb'"type":\s*"url"|"file_id":\s*"file_')
_DATE = re.compile(r"_\d{8}$")
_DEFINED = (None, "custom")
"""Types of tools that the client defines."""
_CLIENT_TOOLS = ("custom", "bash_", "computer_", "memory_", "text_editor_")


class _Tool(Struct):
    """An entry of `tools`. The server runs all types but those of `_CLIENT_TOOLS`."""

    type: str | None = None
    max_uses: Count | None = None
    defer_loading: bool | None = None


class _Edit(Struct):
    type: str = ""


class _ContextManagement(Struct):
    edits: list[_Edit] = []


class _Named(Struct):
    pass


class _CacheControl(Struct):
    ttl: str | None = None


class _Request(Struct):
    model: str = ""
    stream: bool | None = None
    max_tokens: Count | None = None
    tools: list[_Tool] | None = None
    mcp_servers: list[_Named] | None = None
    fallbacks: list[_Named] | None = None
    context_management: _ContextManagement | None = None
    service_tier: str | None = None
    speed: str | None = None
    cache_control: _CacheControl | None = None
    thinking: Raw = Raw()
    metadata: Raw = Raw()
    output_config: Raw = Raw()
    system: Raw = Raw()
    messages: Messages = None


_REQUEST = Reader(_Request)


def claims(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/v1/messages")


def facts(path: str, body: bytes) -> Facts:
    request, whole = _REQUEST.read(body)
    if request is None:
        raise ValueError("not a JSON object")
    tools = request.tools or []
    prompt, trail = weigh(
        body,
        "messages",
        request.messages,
        request.system,
        life=_life(request.cache_control),
        defers=any(tool.defer_loading for tool in tools),
    )
    return Facts(
        model=request.model,
        stream=bool(request.stream),
        max_output=request.max_tokens,
        body_bytes=len(body),
        has_tools=bool(tools),
        provided_tools=sum(tool.type not in _DEFINED for tool in tools),
        uncapped=uncapped(_uncapped(request), body, remote=_REMOTE if prompt.refers else None, whole=whole),
        tier=request.service_tier,
        speed=request.speed,
        rounds=1 + sum(tool.max_uses or 0 for tool in tools),
        prompt=prompt,
        least_output=least_output(request.thinking),
        trail=trail,
        about=told(request.metadata),
        wanted=wanted(request.output_config, "format", "schema"),
    )


def meter(facts: Facts, provider: str, *, stream: bool, headers: Mapping[str, str] = NO_HEADERS) -> Meter:
    if stream:
        return StreamMeter(MessageAccount(facts.model), wanted=_WANTED, content=_CONTENT)
    return BodyMeter(lambda: MessageAccount(facts.model))


def refuse(text: str) -> Refusal:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": text}}
    return Refusal(400, "application/json", msgspec.json.encode(error))


def _life(control: _CacheControl | None) -> str | None:
    """Of a cache whose marks the provider sets by itself."""
    return None if control is None else "1h" if control.ttl == "1h" else "5m"


def _uncapped(request: _Request) -> Iterable[str]:
    """A server tool calls the model again with what it found; each of the others pays for a further model or turn."""
    for tool in request.tools or ():
        kind = tool.type
        if kind is not None and not kind.startswith(_CLIENT_TOOLS):
            if tool.max_uses is None or kind.startswith("advisor_"):
                yield _DATE.sub("", kind)
    if request.mcp_servers:
        yield "mcp_servers"
    if request.fallbacks:
        yield "fallbacks"
    management = request.context_management
    if management is not None and any(edit.type.startswith("compact") for edit in management.edits):
        yield "compaction"
