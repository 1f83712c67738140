"""Calls that will be interrupted, drawn at random: what is asked, of whom, and how it is broken off."""

from __future__ import annotations

from random import Random

from msgspec import Struct

MODELS = {
    "anthropic": ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"),
    "chat": ("gpt-6.1-sol", "gpt-5.5", "gpt-5.4-mini"),
    "responses": ("gpt-6.1-terra", "gpt-5.5", "gpt-5.3-codex"),
    "gemini": ("gemini-3.1-pro-preview", "gemini-2.5-flash", "gemini-3.8-flash"),
}
TIERS = {
    "claude-opus-5-5": ("fast",),
    "gpt-6.1-sol": ("flex", "priority"),
    "gpt-5.5": ("flex", "priority"),
    "gpt-5.3-codex": ("priority",),
}
"""Of which the simulated providers and the list both know the price."""

PROVIDERS = {"anthropic": "anthropic", "chat": "openai", "responses": "openai", "gemini": "gemini"}
STOPPING = ("anthropic", "chat", "responses")
"""Dialects whose providers stop when the client of a stream leaves."""

SLOW_MS = 30
"""Between the events of a paced stream."""


class Case(Struct, frozen=True):
    """One call, and how it ends before its end."""

    number: int
    dialect: str
    model: str
    stream: bool
    way: str
    """`leave-hung`: the client leaves when nothing more comes. `leave-bytes`: after so many bytes. `leave-time`: after
    so many milliseconds. `cut`, `error`, `half`, `garbage`, `refused`: the provider's doing. `whole`: nothing.
    """
    at: int
    """Tokens, bytes or milliseconds."""
    billing: str
    """`stop` or `to-end`."""
    told: bool
    """Whether the configuration says what this provider does, because it is not what its kind does."""
    output: int
    thinking: int
    shown: bool
    search: int
    tool: bool
    warm: bool
    """Whether the conversation has a turn before."""
    continued: bool
    """Whether that turn is named instead of repeated."""
    limit: int | None
    prompt: int
    """Bytes."""
    gzip: bool
    waits: bool
    """Whether nothing comes for a while."""
    tier: str | None
    """Service tier, or Anthropic's speed."""
    geo: str | None

    @property
    def provider(self) -> str:
        return PROVIDERS[self.dialect]

    @property
    def drains(self) -> bool:
        """Whether the answer is to be read on when the client leaves."""
        if not self.stream:
            return True
        return self.billing == "to-end" if self.told else self.dialect not in STOPPING

    @property
    def leaves(self) -> bool:
        return self.way.startswith("leave")


WAYS = {
    True: {
        "leave-hung": 30,
        "leave-bytes": 20,
        "leave-time": 20,
        "cut": 10,
        "error": 8,
        "half": 7,
        "garbage": 1,
        "refused": 1,
        "whole": 3,
    },
    False: {"leave-hung": 5, "leave-time": 60, "cut": 15, "half": 12, "garbage": 2, "refused": 3, "whole": 3},
}
"""Weights, of streams and of documents."""


def draw(rng: Random, number: int) -> Case:
    """A case at random."""
    dialect = rng.choice(list(MODELS))
    stream = rng.random() < 0.75
    ways = WAYS[stream]
    way = rng.choices(list(ways), list(ways.values()))[0]
    habit = "stop" if dialect in STOPPING and stream else "to-end"
    billing = habit if rng.random() < 0.6 else rng.choice(("stop", "to-end"))
    if not stream:
        billing = "to-end"
    # Who stops, but is taken for one who does not, would be paid for what nobody reads: that has to be told.
    told = billing != habit and (habit == "to-end" or rng.random() < 0.5)
    thinking = rng.choice((0, 0, 30, 120) if way in ("leave-bytes", "leave-time") else (0, 0, 30, 120, 600))
    output = rng.choice((8, 40, 120, 300) if way in ("leave-bytes", "leave-time") else (8, 40, 120, 400, 1_500))
    warm = rng.random() < 0.35
    limit = rng.choice((2_000, 4_000, 8_000, 32_000, None))
    if dialect == "anthropic":
        limit = limit or 16_000
    at = {"leave-bytes": rng.randint(1, 6_000), "leave-time": rng.randint(0, 12) * SLOW_MS + SLOW_MS // 2}.get(
        way, rng.randint(0, output + thinking)
    )
    search = rng.choice((1, 2)) if dialect in ("anthropic", "responses") and rng.random() < 0.15 else 0
    # The last model of OpenAI's has no listed price of a search.
    model = rng.choice(MODELS[dialect][:2] if search else MODELS[dialect])
    return Case(
        number=number,
        dialect=dialect,
        model=model,
        stream=stream,
        way=way,
        at=at,
        billing=billing,
        told=told,
        output=output,
        thinking=thinking,
        shown=rng.random() < 0.6,
        search=search,
        tool=rng.random() < 0.3,
        warm=warm,
        continued=warm and dialect == "responses" and rng.random() < 0.4,
        limit=limit,
        prompt=rng.choice((200, 3_000, 12_000, 60_000)),
        gzip=rng.random() < 0.2,
        waits=not stream or rng.random() < 0.25,
        tier=rng.choice((None, None, *TIERS.get(model, ()))),
        geo=rng.choice((None, None, "us")) if dialect == "anthropic" else None,
    )
