"""What providers do when a client leaves: some stop generating, and charging; the others go on to the end.

A provider that stops is told at once: reading on would make the user pay for the rest. An answer that is billed to its
end anyway is read on without the client, so that its usage arrives and the charge is exact. Of a provider that nobody
knows the disconnect is passed on: that is never dearer than without tokenguard, only less exact.

Sources: OpenRouter's list of the providers that support cancelling a stream, and the providers' own documents. Nobody's
answer that is one document is known to be cheaper when it is not waited for.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Habit(StrEnum):
    """What a provider does when the client of an answer leaves."""

    STOPS = "stops"
    """It stops generating, and bills what it has generated."""
    RUNS_ON = "runs-on"
    """It generates, and bills, all of it."""
    UNKNOWN = "unknown"


class Drain(Struct, frozen=True):
    """How far an answer is read on after its client has left."""

    seconds: float
    bytes: int


SETTINGS = ("auto", "stop", "drain")
"""What can be set for a provider: by its habit, or always the one or the other."""

STREAMS: dict[str, Habit] = {
    "alibaba": Habit.RUNS_ON,
    "anthropic": Habit.STOPS,
    "azure": Habit.STOPS,
    "bedrock": Habit.RUNS_ON,
    "chatgpt": Habit.STOPS,
    "code-assist": Habit.RUNS_ON,
    "deepseek": Habit.STOPS,
    "gemini": Habit.RUNS_ON,
    "groq": Habit.RUNS_ON,
    "kimi": Habit.UNKNOWN,
    "mistral": Habit.RUNS_ON,
    "ollama": Habit.STOPS,
    "openai": Habit.STOPS,
    # It resells both kinds and does not say beforehand which one will answer.
    "openrouter": Habit.UNKNOWN,
    "vertex": Habit.RUNS_ON,
    "xai": Habit.STOPS,
}
"""Of streams, by the name of the provider."""

_ONLY_SPOKEN_BY = {
    "bedrock-converse": "bedrock",
    "bedrock-invoke": "bedrock",
    "code-assist": "vertex",
    "gemini": "gemini",
    "ollama": "ollama",
    "vertex-anthropic": "vertex",
}
"""Dialects that tell whose they are, whatever name the user gave the provider."""


def habit(provider: str, dialect: str, *, stream: bool, setting: str = "auto") -> Habit:
    """What is to be expected of a provider; `setting` is one of `SETTINGS` and wins over what is known of it."""
    if setting != "auto":
        return Habit.STOPS if setting == "stop" else Habit.RUNS_ON
    owner = _ONLY_SPOKEN_BY.get(dialect, provider)
    if owner == "ollama":
        # It is the user's own machine, which has better to do.
        return Habit.STOPS
    return STREAMS.get(owner, Habit.UNKNOWN) if stream else Habit.RUNS_ON
