"""Amazon Bedrock's native calls of Claude models: Anthropic's bodies, and of a stream, Anthropic's events in frames."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator

from msgspec import json
from msgspec.structs import replace

from tokenguard.simulator import anthropic, event_stream
from tokenguard.simulator.bedrock_errors import broken as broken
from tokenguard.simulator.bedrock_errors import failure as failure
from tokenguard.simulator.bedrock_errors import headers as headers
from tokenguard.simulator.bedrock_errors import named
from tokenguard.simulator.shape import Ask, Event, Json, Rejected, Reply, Request
from tokenguard.simulator.values import encode, mint, obj

NAME = "bedrock-invoke"

_CLAUDE = re.compile(r"(?:[a-z]+\.)?anthropic\.(?P<name>claude-[a-z0-9-]+?)(?:-v\d+(?::\d+)?)?")
"""Bedrock's id of a Claude, with Anthropic's own name in it."""
_VERSION = "bedrock-2023-05-31"


def read(request: Request) -> Ask:
    model, verb = named(request)
    found = _CLAUDE.fullmatch(model)
    if found is None:
        raise Rejected(400, "the simulator invokes Claude models only")
    if request.body.get("anthropic_version") != _VERSION:
        raise Rejected(400, f"anthropic_version: use {_VERSION}")
    return replace(
        anthropic.read(request),
        dialect=NAME,
        model=model,
        called=found["name"],
        stream=verb == "invoke-with-response-stream",
        media_type=event_stream.MEDIA_TYPE,
    )


def count(request: Request) -> bytes:
    """The token counter belongs to Converse here."""
    raise Rejected(404, "Not Found")


def identity(key: str) -> str:
    """The id of the response."""
    return mint(key, "msg_bdrk_01")


def whole(reply: Reply) -> bytes:
    return encode(json.decode(anthropic.whole(reply), type=dict[str, object]) | {"id": identity(reply.key)})


def events(reply: Reply) -> Iterator[Event]:
    for event in anthropic.events(reply):
        fields = json.decode(event.data.partition(b"data: ")[2], type=dict[str, object])
        if fields["type"] == "ping":
            continue
        if message := obj(fields.get("message")):
            message["id"] = identity(reply.key)
        if fields["type"] == "message_stop":
            fields["amazon-bedrock-invocationMetrics"] = _metrics(reply)
        yield Event(_chunk(encode(fields)), event.output)


def padding(size: int) -> bytes:
    return _chunk(b'{"type":"ping","padding":"' + b"x" * size + b'"}')


def _chunk(data: bytes) -> bytes:
    return event_stream.event("chunk", {"bytes": b64encode(data).decode()})


def _metrics(reply: Reply) -> Json:
    usage = reply.usage
    return {
        "inputTokenCount": usage.input,
        "outputTokenCount": usage.output,
        "invocationLatency": 7,
        "firstByteLatency": 3,
        "cacheReadInputTokenCount": usage.cache_read,
        "cacheWriteInputTokenCount": usage.cache_write_5m + usage.cache_write_1h,
    }
