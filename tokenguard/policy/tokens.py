"""Tokens of a prompt, from the bytes of its request: how many bytes a token has, and what providers add.

The figures are medians over recorded requests with the provider's own count; docs/metering.md tells how good they are.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from tokenguard.records import Facts

GRAIN = 4.5
"""Bytes of a piece of text of which there is no sample."""

PARAMETERS = 100
"""Bytes beside messages and tools (model, limits, switches) that are no part of the prompt."""

SCHEMA = 250
"""Bytes beside the messages from which on a request without tools is taken to hold the schema of its answer."""


class Family(Struct, frozen=True):
    """Models whose providers add the same to a prompt, in tokens."""

    request: int = 4
    message: int = 4
    tools: int = 60
    """To a request with tools."""
    pieces: float = 1.0
    """Of text (words, numbers, signs), tokens a piece."""
    tool_bytes: float = 5.5
    """Of definitions of tools and of the schema of an answer a token."""
    media: int = 450
    """For an image or a page: it does not depend on the bytes, which are 5 to 780 a token."""
    sealed_bytes: int = 60
    """Of sealed reasoning a token."""


_FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"claude-(?:v|instant|2|3|(?:sonnet|opus)-4-(?:[01]\b|2025))", Family(tools=330, tool_bytes=4.4)),
    (r"claude", Family(tools=500, tool_bytes=4.4)),
    (r"gpt-oss", Family(request=66, tools=20)),
    (r"gpt-4o-mini", Family(request=3, tools=0, pieces=0.95, tool_bytes=6, media=14_000)),
    (r"gpt|\bo\d", Family(request=3, tools=0, pieces=0.95, tool_bytes=6)),
    (r"gemini-3", Family(request=1, message=0, tools=0, pieces=0.95, media=1_000, sealed_bytes=8)),
    (r"gemini|gemma", Family(request=2, message=0, tools=0, pieces=0.95, media=600)),
    (r"llama-?4", Family(tools=550)),
    (r"llama-?3\.[1-9]", Family(request=33, tools=130)),
    (r"deepseek-v4", Family(request=80, tools=230)),
    (r"deepseek", Family(request=0, tools=260)),
    (r"nova", Family(request=2, message=0, tools=350)),
    (r"qwen", Family(tools=180)),
    (r"titan", Family(request=0, message=0)),
    (r"stral", Family(request=2, tools=20)),
)
_OTHERS = Family()


@lru_cache(maxsize=256)
def family_of(model: str) -> Family:
    """The family of a model, by its name at any provider."""
    name = model.lower()
    return next((family for pattern, family in _FAMILIES if re.search(pattern, name)), _OTHERS)


def tokens(facts: Facts, grain: float = 0.0) -> float:
    """Of the whole prompt, likely; by another sample's `grain` where one is given.

    A request that was not weighed is taken for text.
    """
    prompt, family = facts.prompt, family_of(facts.model)
    text_bytes = prompt.text_bytes if prompt.messages else facts.body_bytes
    counts = facts.has_tools or prompt.other_bytes > SCHEMA
    return (
        family.request
        + family.message * max(1, prompt.messages)
        + (family.tools if facts.has_tools else 0)
        + text_bytes / (grain or prompt.grain or GRAIN) * family.pieces
        + (max(0, prompt.other_bytes - PARAMETERS) / family.tool_bytes if counts else 0)
        + prompt.media * family.media
        + prompt.sealed_bytes / family.sealed_bytes
    )
