"""Counts as Gemini's API names them, which several agents log whatever API they speak.

What an agent's `cached` and `thoughts` count again depends on the API behind it: of Gemini's own, cached tokens are
inside the prompt and thoughts outside the candidates; of OpenAI's, thoughts are inside. The total tells them apart.
"""

from __future__ import annotations

from tokenguard.records import Usage


def usage(prompt: int, candidates: int, cached: int, thoughts: int, tool: int, total: int) -> Usage:
    """Disjoint buckets of overlapping counts; a `total` of 0 is one that was not logged.

    `tool`, what tools added to the prompt, is always outside it. Where no reading of the parts makes the total, the one
    of Gemini's own API holds, and tokens that only the total has were thoughts: that is how its other API reports them.
    """
    base = prompt + tool + candidates
    ways = [
        (base + cached * apart + thoughts * beside, apart, beside)
        for apart in (False, True)
        for beside in (True, False)
        if apart or cached <= prompt + tool
    ]
    counted, apart, beside = next((way for way in ways if way[0] == total), ways[0])
    hidden = max(0, total - counted)
    output = candidates + (thoughts if beside else 0) + hidden
    return Usage(
        input=prompt + tool - (0 if apart else cached),
        cache_read=cached,
        output=output,
        reasoning=min(thoughts + hidden, output),
    )
