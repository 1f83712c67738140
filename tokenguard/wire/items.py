"""The messages of a request, as far as anything is done with them: the shapes of all dialects in one."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from tokenguard.wire.decoding import FAILURES


class Part(Struct):
    """A part of a message. What is read where it is needed only stays as it came."""

    type: str | None = None
    text: str | None = None
    name: Raw = Raw()
    input: Raw = Raw()
    """Of the calls of Anthropic's tools."""
    functionCall: Raw = Raw()
    functionResponse: Raw = Raw()
    """Gemini's."""
    function_call: Raw = Raw()
    function_response: Raw = Raw()
    toolUse: Raw = Raw()
    toolResult: Raw = Raw()
    """Bedrock's."""


class Item(Struct):
    """A message, or an item of the Responses API."""

    role: str | None = None
    type: str | None = None
    content: str | list[Part | str] | None = None
    parts: list[Part | str] | None = None
    name: Raw = Raw()
    arguments: Raw = Raw()
    input: Raw = Raw()
    action: Raw = Raw()
    operation: Raw = Raw()
    """What the calls of the Responses API's tools are given."""
    tool_calls: Raw = Raw()
    function_call: Raw = Raw()
    """Those of a chat."""

    def all_parts(self) -> list[Part | str]:
        """Its parts, by whatever name; none where it is a single text."""
        return self.content if isinstance(self.content, list) else self.parts or []


_ITEMS = msgspec.json.Decoder(list[Item], strict=False)
_ASKS = frozenset({None, "message"})
_MODEL = frozenset({"assistant", "model"})


def items_of(messages: bytes | Raw) -> list[Item]:
    """The messages; none where they are a single text, or of a shape of which nothing is known."""
    try:
        return _ITEMS.decode(messages)
    except FAILURES:
        return []


def is_answer(item: Item) -> bool:
    """Whether the model said it, or it belongs to what the model did: calls of tools and their results."""
    return item.role in _MODEL or (item.role is None and item.type not in _ASKS)
