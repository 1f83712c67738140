"""One message of opencode's: what its counts mean, and whether it is the copy of another one."""

from __future__ import annotations

import re

from msgspec import Struct

from tokenguard.agents.logs.values import provider_named
from tokenguard.records import Usage
from tokenguard.wire.decoding import Count, Reader

_MADE = re.compile(r"msg_([0-9a-f]{9})[0-9a-f]{3}[0-9A-Za-z]{14}")
"""An id, with the lowest 36 bits of the milliseconds at which it was made."""
_BITS = (1 << 36) - 1
_NEAR_MS = 10
"""How long after a message was made its id may have been, and the other way round."""
_UNFINISHED_MS = 60_000
"""How much later an id is made than its message where that is a copy of one that never ended."""


class Cache(Struct):
    read: Count | None = None
    write: Count | None = None


class Tokens(Struct):
    total: Count | None = None
    input: Count | None = None
    output: Count | None = None
    reasoning: Count | None = None
    cache: Cache | None = None


class Model(Struct):
    id: str | None = None
    providerID: str | None = None


class Time(Struct):
    """Milliseconds; texts are taken for what they say, but show no copies."""

    created: Count | str | None = None
    completed: Count | str | None = None


class Path(Struct):
    cwd: str | None = None


class Message(Struct):
    """A message; `type` and `model` are version 2's words for `role`, and for `modelID` and `providerID`."""

    id: str | None = None
    sessionID: str | None = None
    role: str | None = None
    type: str | None = None
    modelID: str | None = None
    providerID: str | None = None
    model: Model | None = None
    agent: str | None = None
    summary: bool | None = None
    path: Path | None = None
    cost: float | None = None
    tokens: Tokens | None = None
    time: Time | None = None


MESSAGE = Reader(Message)


def usage_of(message: Message) -> tuple[Usage, bool]:
    """(disjoint buckets, whether `cost` has the reasoning twice)."""
    tokens = message.tokens or Tokens()
    cache = tokens.cache or Cache()
    sent, answered, thought = tokens.input or 0, tokens.output or 0, tokens.reasoning or 0
    read, written = cache.read or 0, cache.write or 0
    inside = _has_inside(message, tokens, sent + answered, read + written)
    parts = Usage(sent, read, written, 0, answered if inside else answered + thought, thought)
    if not parts.total:
        return Usage(output=tokens.total or 0), False
    return parts, inside and thought > 0


def _has_inside(message: Message, tokens: Tokens, plain: int, cached: int) -> bool:
    """Whether the output has the reasoning in it. Some totals leave the caches out."""
    thought = tokens.reasoning or 0
    if thought > (tokens.output or 0) or message.type == "assistant":
        return False
    if tokens.total in (plain + cached + thought, plain + thought):
        return False
    if tokens.total in (plain + cached, plain):
        return True
    return provider_named(model_of(message)[1]) not in ("gemini", "vertex")


def model_of(message: Message) -> tuple[str, str]:
    """(model, provider) as opencode names them."""
    model = message.model or Model()
    return message.modelID or model.id or "", message.providerID or model.providerID or ""


def is_copy(message: Message) -> bool:
    """Whether the id was made after the response: that of a fork's copy is."""
    made, (created_ms, completed_ms) = _MADE.fullmatch(message.id or ""), _times(message)
    if made is None or not created_ms:
        return False
    late_ms = (int(made[1], 16) - created_ms) & _BITS
    lasted_ms = max(_NEAR_MS, completed_ms - created_ms) if completed_ms else _UNFINISHED_MS
    return lasted_ms < late_ms < _BITS >> 1


def originals(message: Message) -> tuple[str, str]:
    """Between which ids (the second one excluded) that of the message stands, if at all, of which this is a copy."""
    created_ms, _ = _times(message)
    first, end = (f"msg_{created_ms + late & _BITS:09x}" for late in (-_NEAR_MS, _NEAR_MS + 1))
    return first, end


def _times(message: Message) -> tuple[int, int]:
    """When it began and ended; 0 where it does not say so in numbers."""
    time = message.time or Time()
    return (
        time.created if isinstance(time.created, int) else 0,
        time.completed if isinstance(time.completed, int) else 0,
    )


def fingerprint(message: Message) -> str:
    """What a message and its copies have in common."""
    time, usage = message.time or Time(), usage_of(message)[0]
    return "/".join(map(str, (time.created, time.completed, *model_of(message), usage.prompt, usage.output)))
