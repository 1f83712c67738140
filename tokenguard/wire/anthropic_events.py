"""What the events of an Anthropic message, or its whole body, say of usage."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.wire.decoding import Count, Reader


class Split(Struct):
    """Writes to the cache, by how long they last."""

    ephemeral_5m_input_tokens: Count = 0
    ephemeral_1h_input_tokens: Count = 0


class OutputDetails(Struct):
    """What the output holds."""

    thinking_tokens: Count = 0


class Iteration(Struct):
    """The counts of one leg."""

    type: str = "message"
    model: str | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_creation: Split | None = None
    output_tokens_details: OutputDetails | None = None


class MessageUsage(Iteration):
    """The counts of a message, its legs, and what moves their price."""

    server_tool_use: dict[str, Count | None] | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    iterations: list[Iteration] | None = None


class Block(Struct):
    """The beginning of a block of content, of which only the kind matters."""

    type: str | None = None


class _Delta(Struct):
    stop_reason: str | None = None


class _Error(Struct):
    type: str | None = None


class Message(Struct):
    """An event, the message in `message_start`, or a whole body: told apart by `type`."""

    type: str | None = None
    id: str | None = None
    model: str | None = None
    usage: MessageUsage | None = None
    stop_reason: str | None = None
    content: list[Block] | None = None
    message: Message | None = None
    delta: _Delta | None = None
    content_block: Block | None = None
    error: _Error | None = None


MESSAGE = Reader(Message)
