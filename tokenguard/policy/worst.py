"""What a call cannot exceed, before it is sent: by its bytes, by what was counted of it, and by its output limit."""

from __future__ import annotations

from tokenguard.policy.estimate import Turn, uncapped
from tokenguard.records import Facts, Usage

WORST_PREAMBLE = 150
"""Tokens that a provider puts before any prompt, where it must not be exceeded: 80 were seen (DeepSeek, gpt-oss)."""

WORST_TOOL_PROMPT = 1_000
"""The same of a request with tools, and of each tool that the provider defines itself: 735 are documented."""

COUNT_MARGIN = 20
"""A provider's own count is taken for this part too low, and for `WORST_PREAMBLE`. Anthropic calls it an estimate that
can be off by a small amount; OpenAI calls its own exact."""

LONGEST_OUTPUT = {"anthropic": 128_000, "chatgpt": 128_000, "gemini": 65_536, "openai": 128_000}
"""Tokens that no model of a provider answers more than: requests that ask for more are turned away with that number."""


def longest(provider: str, context_window: int | None) -> int | None:
    """The most tokens that a model answers, where nothing in the request says less; None if nothing is known."""
    known = [limit for limit in (LONGEST_OUTPUT.get(provider), context_window) if limit is not None]
    return min(known, default=None)


def worst(
    facts: Facts,
    context_window: int | None,
    last: Turn | None = None,
    repeated: int | None = None,
    longest_output: int | None = None,
) -> Usage | None:
    """A usage that the call cannot exceed; None where nothing bounds it.

    The output is bounded by the request's own limit, else by `longest_output`, else by the model's context window, and
    so is every prompt of a call in which server tools run. `repeated` is the most that the prompt can have by what was
    counted for a request that it repeats (`lineage.most_tokens`). All input is put into `input`: the price decides
    which bucket is the dearest.
    """
    limits = (facts.max_output, longest_output, context_window)
    limit = next((one for one in limits if one is not None), None)
    if uncapped(facts, last) or limit is None:
        return None
    if facts.rounds > 1:
        return None if context_window is None else Usage(facts.rounds * context_window, output=facts.rounds * limit)
    tool_prompts = WORST_TOOL_PROMPT * (facts.has_tools + facts.provided_tools)
    bounds = [_by_bytes(facts, context_window, last)]
    if repeated is not None:
        bounds.append(repeated + tool_prompts)
    if facts.counted is not None:
        bounds.append(facts.counted)
    known = [bound for bound in bounds if bound is not None]
    return Usage(input=min(known), output=limit) if known else None


def by_count(tokens: int) -> int:
    """The most tokens that a prompt has for which the provider's own counter gives so many."""
    return tokens + tokens // COUNT_MARGIN + WORST_PREAMBLE


def _by_bytes(facts: Facts, context_window: int | None, last: Turn | None) -> int | None:
    """A byte-level tokenizer never makes more tokens than bytes; what the provider holds is known from the `last` turn.

    The tokens of an image or a document do not follow from its bytes, but they have to fit into the context window.
    """
    held = last.usage.total if last is not None and facts.prompt.continues is not None else 0
    tool_prompts = WORST_TOOL_PROMPT * (facts.has_tools + facts.provided_tools)
    most = held + facts.body_bytes + WORST_PREAMBLE + tool_prompts
    if not facts.prompt.media:
        return most
    return None if context_window is None else max(most, context_window)
