"""OpenAI Responses: `POST .../responses`, also of Codex' ChatGPT backend, and `/compact`, a billed call of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Raw, Struct

from tokenguard.records import Facts
from tokenguard.wire.bounds import uncapped
from tokenguard.wire.decoding import Count, Reader
from tokenguard.wire.meters import BodyMeter, StreamMeter
from tokenguard.wire.openai_chat import refuse
from tokenguard.wire.purpose import told, wanted
from tokenguard.wire.responses_usage import ResponseAccount
from tokenguard.wire.shape import NO_HEADERS, Meter
from tokenguard.wire.sse import STRING
from tokenguard.wire.weighing import Messages, weigh

__all__ = ["NAME", "claims", "facts", "meter", "refuse"]

NAME = "openai-responses"

_WANTED = re.compile(rb'"type": *"(?:response\.(?:created|completed|incomplete|failed|output_item\.done)|error)"')
CONTENT = re.compile(rb'"delta": *' + STRING)
"""The text, reasoning summary, tool arguments or code of any `*.delta` event."""

_REMOTE = re.compile(
    rb'"(?:image_url":\s*"http|file_url":\s*"http|type":\s*"item_reference"'
    rb'|type":\s*"input_(?:file|image)"[^{}]*"file_id":\s*"|file_id":\s*"[^{}]*"type":\s*"input_(?:file|image)")'
)
_LEAST = 16
"""The API refuses a lower `max_output_tokens`."""
_DEFINED = ("function", "custom", "namespace")
"""Types of tools that the client defines."""
_CLIENT_TOOLS = ("function", "custom", "namespace", "local_shell", "shell", "apply_patch", "computer_use_preview")


class _Tool(Struct):
    type: str | None = None


class _Request(Struct):
    model: str = ""
    stream: bool | None = None
    max_output_tokens: Count | None = None
    max_tool_calls: Count | None = None
    tools: list[_Tool] | None = None
    service_tier: str | None = None
    previous_response_id: str | None = None
    conversation: object = None
    prompt: object = None
    context_management: object = None
    client_metadata: Raw = Raw()
    text: Raw = Raw()
    instructions: Raw = Raw()
    input: Messages = None


_REQUEST = Reader(_Request)


def claims(method: str, path: str) -> bool:
    return method == "POST" and path.endswith(("/responses", "/responses/compact"))


def facts(path: str, body: bytes) -> Facts:
    request, whole = _REQUEST.read(body)
    if request is None:
        raise ValueError("not a JSON object")
    prompt, trail = weigh(body, "input", request.input, request.instructions, continues=request.previous_response_id)
    return Facts(
        model=request.model,
        stream=bool(request.stream),
        max_output=request.max_output_tokens,
        body_bytes=len(body),
        has_tools=bool(request.tools),
        provided_tools=sum(tool.type not in _DEFINED for tool in request.tools or ()),
        uncapped=uncapped(_uncapped(request), body, remote=_REMOTE if prompt.refers else None, whole=whole),
        tier=request.service_tier,
        rounds=1 + (request.max_tool_calls or 0),
        prompt=prompt,
        least_output=_LEAST,
        trail=trail,
        about=told(request.client_metadata),
        wanted=wanted(request.text, "format", "schema"),
        compacts=path.endswith("/compact"),
    )


def meter(facts: Facts, provider: str, *, stream: bool, headers: Mapping[str, str] = NO_HEADERS) -> Meter:
    if stream:
        return StreamMeter(ResponseAccount(facts.model), wanted=_WANTED, content=CONTENT)
    return BodyMeter(lambda: ResponseAccount(facts.model))


def _uncapped(request: _Request) -> Iterable[str]:
    if request.max_tool_calls is None:
        for tool in request.tools or ():
            if tool.type not in _CLIENT_TOOLS:
                yield str(tool.type)
    for name in ("previous_response_id", "conversation", "prompt"):
        if getattr(request, name) is not None:
            yield name
    if request.context_management:
        yield "compaction"
