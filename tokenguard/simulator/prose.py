"""Text of an exact length, and its way into a stream."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

_WORDS = (
    "the function returns a list of sessions that the caller keeps while reading so every branch of it has to be "
    "checked before we change how the table stores its rows and then a small test shows that café names or a naïve "
    "arrow → do not break the parser which still counts bytes instead of characters in this module"
).split()
_MOST_PIECES = 2_000
"""Long texts travel in larger pieces: a stream of half a million events is no use to anybody."""


def prose(rng: Random, tokens: int, opening: str = "") -> str:
    """A text of exactly `tokens` tokens (four bytes each) that begins with `opening`, cut to fit."""
    size = tokens * 4
    parts = [opening] if opening else []
    have = len(opening.encode())
    while have <= size:
        word = rng.choice(_WORDS)
        parts.append(word)
        have += len(word.encode()) + 1
    cut = " ".join(parts).encode()[:size].decode(errors="ignore")
    return cut + "." * (size - len(cut.encode()))


def pieces(content: str, key: str) -> Iterator[tuple[str, int]]:
    """The text in the pieces in which a model streams it, each with the tokens up to its end."""
    rng = Random(key)
    grain = max(4, len(content) // _MOST_PIECES)
    start = sent = 0
    while start < len(content):
        end = start + rng.randint(grain // 2, grain * 8)
        piece = content[start:end]
        sent += len(piece.encode())
        yield piece, -(-sent // 4)
        start = end
