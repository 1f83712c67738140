"""What agents send, turn by turn: contexts that grow, outputs of which a few are very long, helpers at their side.

Sizes are those of recorded sessions of coding agents: a long prompt before the first word, tool results and outputs
from a distribution with a heavy tail, now and then a pause in which the provider's cache forgets, a context that is
compacted when it is full. What a call takes is drawn before anybody decides on it, and is priced by the simulator.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.records import Facts, Prompt, Usage
from tokenguard.simulator import Leg, pricing
from tokenguard.simulator import Usage as BilledUsage

CACHE_S = 300
"""After which the provider's cache has forgotten a conversation."""
FULL = 150_000
"""Tokens of a context that is compacted."""
NO_CACHE_BELOW = 1_024
LIMIT = 32_000
"""The output limit that agents set."""
TURN_TOKENS = 4
"""What opens the model's turn is never cached."""


class Model(Struct, frozen=True):
    """A model as agents ask for it."""

    name: str
    provider: str
    dialect: str
    caches: str
    """`explicit`: what is new is written to the cache, at a price of its own; `automatic`: written free of charge."""


MODELS = (
    Model("claude-opus-5-5", "anthropic", "anthropic-messages", "explicit"),
    Model("claude-sonnet-5-5", "anthropic", "anthropic-messages", "explicit"),
    Model("claude-haiku-5-5", "anthropic", "anthropic-messages", "explicit"),
    Model("gpt-6.1-sol", "openai", "openai-responses", "explicit"),
    Model("gpt-6.1-terra", "openai", "openai-responses", "explicit"),
    Model("gpt-5.3-codex", "openai", "openai-responses", "automatic"),
    Model("gemini-3.1-pro-preview", "gemini", "gemini", "automatic"),
    Model("gemini-3.8-flash", "gemini", "gemini", "automatic"),
)
BY_NAME = {model.name: model for model in MODELS}
HELPERS = {"anthropic": "claude-haiku-5-5", "openai": "gpt-6.1-terra", "gemini": "gemini-3.8-flash"}
"""Whom agents let do small things."""


class Turn(Struct, frozen=True):
    """One request, and what it will take."""

    model: Model
    facts: Facts
    prompt: int
    output: int
    """Tokens."""
    pause_s: float
    """Before it is sent."""
    seconds: float
    """For which the answer takes."""
    appended_bytes: int
    """What the turn after it adds: the result of a tool, or what the person says next."""


class Conversation:
    """A conversation as it grows. A turn that was refused is asked again as it was."""

    def __init__(self, rng: Random, model: Model, *, small: bool = False) -> None:
        self._rng = rng
        self._model = model
        self._opening = rng.getrandbits(60) + 1
        self._tool_bytes = int(rng.uniform(4_000, 12_000) if small else rng.uniform(30_000, 60_000))
        self._text_bytes = int(rng.uniform(1_500, 8_000) if small else rng.uniform(12_000, 40_000))
        self._base_bytes = self._text_bytes
        self._messages = 1
        # Bytes of a token, which nobody knows beforehand: of the text, and of the definitions of tools.
        self._text_grain = 4.3 * math.exp(rng.gauss(0, 0.12))
        self._tool_grain = 4.4 * math.exp(rng.gauss(0, 0.08))
        self._cached = 0
        self._cached_by = model
        self._last_s = -math.inf
        self._turn: Turn | None = None
        self.asked: Turn | None = None
        """The turn that was sent last, decided or not, and its number in the run."""
        self.number = 0

    def turn(self) -> Turn:
        """The request that is due."""
        if self._turn is None:
            self._turn = self._drawn()
        return self._turn

    def usage(self, turn: Turn, now_s: float) -> Usage:
        """What the provider will bill for it now, in full."""
        known = self._cached if turn.model == self._cached_by and now_s - self._last_s <= CACHE_S else 0
        read = min(known, turn.prompt) if known >= NO_CACHE_BELOW else 0
        fresh = turn.prompt - read
        written = max(0, fresh - TURN_TOKENS) if turn.model.caches == "explicit" else 0
        return Usage(input=fresh - written, cache_read=read, cache_write_5m=written, output=turn.output)

    def sent(self, turn: Turn, now_s: float) -> None:
        """The provider has read it, whatever became of the answer."""
        self._cached, self._cached_by, self._last_s = turn.prompt, turn.model, now_s

    def answered(self, turn: Turn) -> None:
        """It is over; the next one repeats it and adds to it."""
        self._turn = None
        self._messages += 2
        self._text_bytes += turn.output * 4 + turn.appended_bytes
        if self._prompt() > FULL:
            self._text_bytes = self._base_bytes + self._rng.randint(8_000, 20_000)
            self._messages = 1
            self._opening += 1
            self._cached = 0

    def _prompt(self) -> int:
        return int(self._text_bytes / self._text_grain + self._tool_bytes / self._tool_grain) + 4 * self._messages

    def _drawn(self) -> Turn:
        rng = self._rng
        output = heavy(rng, 220, 1.1, LIMIT) if rng.random() < 0.94 else heavy(rng, 3_000, 0.7, LIMIT)
        facts = Facts(
            model=self._model.name,
            stream=True,
            max_output=LIMIT,
            body_bytes=self._text_bytes + self._tool_bytes + 60 * self._messages + 400,
            has_tools=True,
            prompt=Prompt(
                messages=self._messages,
                text_bytes=self._text_bytes,
                grain=4.5,
                other_bytes=self._tool_bytes,
                cache_life="5m" if self._model.dialect == "anthropic-messages" else None,
                opening=self._opening,
            ),
        )
        pause = heavy(rng, 120, 0.8, 4_000) if rng.random() < 0.08 else rng.uniform(0.1, 3)
        return Turn(
            model=self._model,
            facts=facts,
            prompt=self._prompt(),
            output=output,
            pause_s=pause,
            seconds=1 + output / rng.uniform(50, 120),
            appended_bytes=heavy(rng, 1_200, 1.5, 100_000),
        )


def heavy(rng: Random, median: float, spread: float, most: int) -> int:
    """From a distribution with a heavy tail."""
    return max(1, min(most, int(rng.lognormvariate(math.log(median), spread))))


def bill(model: str, usage: Usage, at_us: int) -> int:
    """What the simulated provider charges, in nanodollars."""
    billed = BilledUsage(usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output)
    day = datetime.fromtimestamp(at_us / 1_000_000, UTC).date()
    return pricing.nanos(Leg(pricing.snapshot(model), billed), day)


def price_of(rng: Random, model: Model, calls: int, at_us: int) -> float:
    """What a call of such conversations costs on average, in nanodollars."""
    total, now_s, made = 0, 0.0, 0
    while made < calls:
        conversation = Conversation(rng, model)
        for _ in range(min(calls - made, rng.randint(10, 60))):
            turn = conversation.turn()
            now_s += turn.pause_s
            total += bill(model.name, conversation.usage(turn, now_s), at_us)
            conversation.sent(turn, now_s)
            conversation.answered(turn)
            made += 1
    return total / calls


def shortened(turn: Turn, max_output: int | None, model: str | None) -> Turn:
    """The turn as it is sent after a budget has put another model or a lower output limit into it."""
    output = min(turn.output, max_output) if max_output is not None else turn.output
    return replace(turn, output=output, model=BY_NAME[model] if model is not None else turn.model)
