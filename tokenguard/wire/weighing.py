"""How much a request sends, and of what: what its tokens are estimated from, before it is sent.

Bytes are counted where they stand. Only the text up to the first answer is looked at as such, for a fingerprint that
tells conversations apart; it is not kept. So are names and arguments of the tools that the last turns called.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import TypeAlias

import msgspec
from msgspec import Raw

from tokenguard.records import Lineage, Prompt, Trail
from tokenguard.wire.items import Item, Part, is_answer, items_of
from tokenguard.wire.lineage import lineage_of
from tokenguard.wire.repeating import fingerprint, repeated

Messages: TypeAlias = list[Raw] | str | None
"""The messages of a request: each as it came, or a single text."""

_MESSAGE_FRAME = 30
"""Bytes of `{"role":"user","content":""},`"""
_CALL_FRAME = 100
"""Bytes of the call of a tool, or of its result, but for name and content: most of it is ids."""
_PART_FRAME = 12
"""Bytes of `{"text":""},`"""
_TYPE_FRAME = 14
"""Bytes of `"type":"text",`"""
_FUNCTION_FRAME = 40
"""Bytes of `{"functionCall":{"name":"","args":{}}},`"""
_ASIDE = frozenset({"system", "developer"})
_SYSTEM_FRAME = 8
_QUOTES = 2

_SPECIAL = re.compile(
    rb'"(?<=[{, \t\r\n]")(data|bytes|url|image_url|encrypted_content|signature|thought(?:Signature|_signature)'
    rb"|cache(?:_control|Point)|prompt_cache_breakpoint|file(?:_(?:data|id|ur[il])|Uri)|s3Location"
    rb'|type(?=":\s*"(?:compaction|item_reference)"))":\s*"?'
)
"""Keys of what is not plain text. Inside of strings they do not match: there the quotes are escaped."""

_SEALED = frozenset({b"encrypted_content", b"signature", b"thoughtSignature", b"thought_signature"})
_CACHE = frozenset({b"cache_control", b"cachePoint"})
_MARKS = frozenset({b"prompt_cache_breakpoint"})
"""Marks without a lifetime of their own."""
_AWAY = frozenset({b"url", b"image_url", b"file_id", b"file_url", b"fileUri", b"file_uri", b"s3Location"})
_LONG = re.compile(rb'\{[^{}]*"1h"')
_BASE64 = re.compile(rb"[A-Za-z0-9+/_=-]{64}")
_ROLE = re.compile(rb'"role":')
_TEXT = re.compile(rb'"(?:text|content|arguments|output)":\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)')
_PIECE = re.compile(rb"[A-Za-z]{1,12}|[0-9]{1,3}|\\u....|\\.|[\x80-\xff]{1,6}|[^\sA-Za-z0-9\\]")
"""About what tokenizers cut text into; a tokenizer itself would have to bring its vocabulary."""
_SAMPLE = 500
"""Bytes at the beginning of the system prompt, and of the messages, out of which a sample is taken."""
_GRAINS: dict[int, float] = {}
"""Grains by the fingerprints of their samples: a tenth of the time that it takes to read a request."""
_MOST_GRAINS = 256
_TELLING = 500
"""Characters of a text by which it is told from others."""


def weigh(
    body: bytes,
    name: str,
    messages: Messages,
    system: bytes | Raw = b"",
    *,
    life: str | None = None,
    continues: str | None = None,
    defers: bool = False,
) -> tuple[Prompt, Trail]:
    """Weigh a request whose member `name` are these messages, with this system prompt as JSON.

    `life`, `continues` and `defers` are what the dialect found at other places. Without messages there is nothing to
    weigh.
    """
    if not messages:
        return Prompt(refers=True, continues=continues), Trail()
    sent = msgspec.json.encode(messages)
    told = bytes(system)
    items = items_of(sent)
    trail = repeated(items, hash((fingerprint(sent), fingerprint(told), continues)) or 1)
    # With what is continued, instructions and tools are replaced: the provider's count of the last turn has them.
    whole = len(body) if continues is None else len(sent)
    if continues is not None or len(told) <= len(b"null"):
        told = b""
    tally = _Tally(life)
    tally.take(told)
    apart = len(tally.places)
    tally.marks.clear()
    rest = tally.take(sent)
    count = len(items)
    framing = (sum(map(_frame, items)) if items else _QUOTES) + (_SYSTEM_FRAME if told else 0)
    if rest < len(sent):
        # The framing of what was dropped is not known, nor worth a second look.
        count = len(_ROLE.findall(sent, len(sent) - rest)) + 1
        framing = _MESSAGE_FRAME * count
    text_bytes = len(told) + rest - tally.media_bytes - tally.sealed_bytes - framing
    prompt = Prompt(
        messages=max(count, 1) + bool(told),
        text_bytes=max(text_bytes, 0),
        grain=_grain_of(told[:_SAMPLE], sent[:_SAMPLE]),
        other_bytes=whole - len(sent) - len(told),
        media=tally.media,
        media_bytes=tally.media_bytes,
        sealed_bytes=tally.sealed_bytes,
        cache_life=tally.life,
        opening=zlib.crc32("".join(_opening(items)).encode()),
        refers=tally.refers,
        continues=continues,
        lineage=Lineage()
        if apart or isinstance(messages, str)
        else lineage_of(
            body,
            name,
            messages,
            sent,
            leading=_leading(items),
            marks=tally.marks,
            media=tally.places,
            defers=defers,
        ),
    )
    return prompt, trail


class _Tally:
    """Counts what is not text."""

    def __init__(self, life: str | None) -> None:
        self.life = life
        self.refers = False
        self.media = self.media_bytes = self.sealed_bytes = 0
        self.marks: list[int] = []
        """Where cache marks stand."""
        self.places: list[int] = []
        """Where media stand, whether they count or not."""

    def take(self, data: bytes) -> int:
        """Count what is in `data`; the number of bytes that count, from the last compaction on."""
        begin = 0
        for found in _SPECIAL.finditer(data):
            key, start = found[1], found.end()
            if key in _SEALED:
                self.sealed_bytes += _length(data, start)
            elif key in _MARKS:
                self.marks.append(start)
            elif key in _CACHE:
                self.marks.append(start)
                self.life = "1h" if self.life == "1h" or _LONG.match(data, start) else "5m"
            elif key == b"type" and data.startswith(b"item", start):
                self.refers = True
            elif key == b"type":
                begin = found.start()
                self.media = self.media_bytes = self.sealed_bytes = 0
            elif data.startswith(b"data:", start) or _BASE64.match(data, start):
                self.media += 1
                self.places.append(start)
                self.media_bytes += _length(data, start)
            elif key in _AWAY:
                self.refers = True
        return len(data) - begin


def _length(data: bytes, start: int) -> int:
    """Of a string without escapes that begins there."""
    end = data.find(b'"', start)
    return (len(data) if end < 0 else end) - start


def _leading(items: list[Item]) -> int:
    """How many system prompts the messages begin with."""
    return next((place for place, item in enumerate(items) if item.role not in _ASIDE), len(items))


def _grain_of(*samples: bytes) -> float:
    """The grain of samples, which stay the same through a conversation."""
    known = hash(samples)
    grain = _GRAINS.get(known)
    if grain is None:
        if len(_GRAINS) >= _MOST_GRAINS:
            _GRAINS.clear()
        grain = _GRAINS[known] = _grain(*samples)
    return grain


def _grain(*values: bytes) -> float:
    texts = [text for value in values for text in (_TEXT.findall(value) or [value[1:].removesuffix(b'"')])]
    pieces = sum(len(_PIECE.findall(text)) for text in texts)
    return sum(map(len, texts)) / pieces if pieces else 0.0


def _frame(item: Item) -> int:
    if item.content is None and item.parts is None:
        return _CALL_FRAME
    return _MESSAGE_FRAME + sum(map(_part_frame, item.all_parts()))


def _part_frame(part: Part | str) -> int:
    if isinstance(part, str):
        return 0
    if part.type is not None:
        return _PART_FRAME + _TYPE_FRAME
    return _PART_FRAME if part.text is not None else _FUNCTION_FRAME


def _opening(items: list[Item]) -> Iterator[str]:
    """The texts up to the first answer. How they are split into parts may change when cache marks move on."""
    for item in items:
        if is_answer(item):
            return
        if isinstance(item.content, str):
            yield item.content[:_TELLING]
        for part in item.all_parts():
            text = part if isinstance(part, str) else part.text
            if text:
                yield text[:_TELLING]
