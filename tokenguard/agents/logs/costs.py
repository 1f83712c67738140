"""What an agent reckons that a response cost, by a list of prices of its own."""

from __future__ import annotations

from tokenguard.agents.logs.values import nanos

LOCAL = frozenset({"llama-cpp", "llama.cpp", "llamacpp", "lmstudio", "ollama"})
"""Providers that are a program on the user's machine. A service of the same maker has another name (`ollama-cloud`)."""


def stated(provider: str | None, usd: float | None) -> int | None:
    """Nanodollars; None for a zero, which is a price that the agent does not know, unless the model runs locally."""
    cost = nanos(usd)
    if cost:
        return cost
    return 0 if provider is not None and provider.lower() in LOCAL else None
