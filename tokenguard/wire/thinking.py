"""How much a request lets the model think before it answers."""

from __future__ import annotations

from msgspec import Raw, Struct, field

from tokenguard.wire.decoding import Reader


class _Budget(Struct):
    type: str | None = None
    budget_tokens: int = 0
    """Anthropic's."""
    thinking_camel: int = field(name="thinkingBudget", default=0)
    thinking_snake: int = field(name="thinking_budget", default=0)
    """Gemini's; negative where the model decides."""
    max_tokens: int = 0
    """OpenRouter's."""


_BUDGET = Reader(_Budget)


def least_output(thinking: Raw) -> int:
    """The least output limit beside this configuration, empty where there is none: more than is to be thought.

    Anthropic and OpenRouter refuse a lower one. Gemini takes it, and may then be paid for thoughts and no answer.
    """
    budget = _BUDGET.read(bytes(thinking))[0] if thinking else None
    if budget is None or budget.type == "disabled":
        return 1
    return 1 + max(budget.budget_tokens, budget.thinking_camel, budget.thinking_snake, budget.max_tokens, 0)
