"""Reading JSON that somebody else wrote, and counting its tokens by one rule for every dialect."""

from __future__ import annotations

from hashlib import blake2b
from typing import cast

import msgspec

from tokenguard.simulator.shape import Block, Json

MEDIA_TOKENS = 1_500
"""What one picture or document counts as, whatever its size: base64 says nothing about tokens."""

_MEDIA_TYPES = {"image", "image_url", "input_image", "input_file", "document", "file"}
_NOTES = ("<system-reminder>", "<environment_context>", "<user_instructions>", "# AGENTS.md")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def obj(value: object) -> Json:
    """The object, or an empty one where something else stands."""
    return cast("Json", value) if isinstance(value, dict) else {}


def arr(value: object) -> list[object]:
    """The array, or an empty one where something else stands."""
    return cast("list[object]", value) if isinstance(value, list) else []


def text(value: object) -> str:
    """The string, or an empty one where something else stands."""
    return value if isinstance(value, str) else ""


def integer(value: object) -> int | None:
    """The integer, or None where something else stands."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def spoken(words: list[str]) -> str:
    """What a person wrote among the texts of a message: agents slip in notes of their own."""
    return "\n".join(one for one in words if one and not one.lstrip().startswith(_NOTES))


def encode(value: object) -> bytes:
    """Compact JSON."""
    return msgspec.json.encode(value)


def tokens(content: str | bytes) -> int:
    """The simulator's tokenizer: four bytes are a token, the last one may be shorter."""
    size = len(content) if isinstance(content, bytes) else len(content.encode())
    return -(-size // 4)


def block(value: object, *, cache: str | None = None) -> Block:
    """One part of a prompt, counted; `cache` is the lifetime of a cache breakpoint that stands behind it."""
    encoded = msgspec.json.encode(value, order="deterministic")
    fields = obj(value)
    media = fields.get("type") in _MEDIA_TYPES or "inlineData" in fields
    count = MEDIA_TOKENS if media else tokens(encoded)
    return Block(blake2b(encoded, digest_size=16).digest(), count, cache)


def mint(key: str, prefix: str, length: int = 22) -> str:
    """An identifier as providers make them, the same for the same key and prefix."""
    number = int.from_bytes(blake2b(f"{key}/{prefix}".encode(), digest_size=64).digest())
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return prefix + "".join(digits)
