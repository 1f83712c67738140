"""The providers' prompt caches: what of a prompt was sent before, by prefix.

Entries do not expire: a test or a demo is shorter than five minutes. `[sim:cold]` plays an expired cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from tokenguard.simulator.shape import Block, Usage

MINIMUM = 1_024
"""Shorter prefixes are not cached by any of the providers."""
_STEP = 128
"""OpenAI counts cached tokens in steps."""


class PromptCache:
    """All prompts of one organisation, by model."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def forget(self) -> None:
        """Start with an empty cache."""
        self._known.clear()

    def explicit(self, model: str, prompt: tuple[Block, ...], *, cold: bool) -> Usage:
        """Anthropic: only what stands before a breakpoint is read or written; writing costs extra, by lifetime."""
        total = sum(block.tokens for block in prompt)
        marked = max((index + 1 for index, block in enumerate(prompt) if block.cache), default=0)
        read = five_minutes = one_hour = 0
        for block, digest, end in _prefixes(model, prompt[:marked]):
            if digest in self._known and not cold:
                read, five_minutes, one_hour = end, end, end
            if block.cache is None or end < MINIMUM:
                continue
            self._known.add(digest)
            five_minutes = end
            if block.cache == "1h":
                one_hour = end
        return Usage(
            input=total - five_minutes,
            cache_read=read,
            cache_write_5m=five_minutes - one_hour,
            cache_write_1h=one_hour - read,
        )

    def automatic(self, model: str, prompt: tuple[Block, ...], *, cold: bool, step: int, writes: bool) -> Usage:
        """OpenAI and Gemini: every prefix is remembered. `writes`: the model charges for what it newly remembers."""
        total = sum(block.tokens for block in prompt)
        read = 0
        for _, digest, end in _prefixes(model, prompt):
            if digest in self._known and not cold:
                read = end
            self._known.add(digest)
        read = _stepped(read, step)
        written = max(0, _stepped(total, step) - read) if writes else 0
        return Usage(input=total - read - written, cache_read=read, cache_write_5m=written)


def _stepped(size: int, step: int) -> int:
    return size // step * step if size >= MINIMUM else 0


def _prefixes(model: str, prompt: tuple[Block, ...]) -> Iterator[tuple[Block, bytes, int]]:
    """Each block with the digest and the size of the prompt up to its end."""
    digest, end = model.encode(), 0
    for block in prompt:
        digest = blake2b(digest + block.digest, digest_size=16).digest()
        end += block.tokens
        yield block, digest, end
