"""Worst cases of recorded requests, held to what their providers counted: no prompt may have more tokens, ever."""

from __future__ import annotations

from statistics import median

import pytest

from tests.corpus.recorded import FOLDER
from tests.corpus.turns import Request, is_bounded, requests
from tokenguard.policy import lineage
from tokenguard.policy.worst import WORST_TOOL_PROMPT, worst

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded requests at {FOLDER} (TOKENGUARD_RECORDED)")

REDACTED = {"bedrock-invoke/022"}
"""The recording has other words in place of its prompt of 18,000 tokens."""


@pytest.fixture(scope="module")
def bounded() -> list[Request]:
    """All that are whole, and whose requests tell what their prompts consist of."""
    return [one for one in requests() if is_bounded(one) and one.has_body and one.name not in REDACTED]


def bound(request: Request, *, by_last: bool = True) -> int:
    """The most tokens of its prompt, by the turn before it if there is one."""
    repeated = None
    if by_last and request.last is not None:
        earlier = lineage.counted(request.last.facts, request.last.usage.prompt)
        repeated = lineage.most_tokens(request.facts, earlier) if earlier is not None else None
    most = worst(request.facts, 1_000_000, request.last, repeated)
    assert most is not None
    return most.input


def test_no_prompt_had_more_tokens_than_its_bound(bounded: list[Request]) -> None:
    assert bounded
    over = {one.name: (one.usage.prompt, bound(one)) for one in bounded if one.usage.prompt > bound(one)}
    assert over == {}


def test_a_turn_before_it_bounds_a_long_prompt_well(bounded: list[Request]) -> None:
    later = [one for one in bounded if one.last is not None]
    if not later:
        pytest.skip("no later turns were recorded")
    # They are short: what is allowed for the definitions of tools alone is more than most of them.
    tools = [WORST_TOOL_PROMPT if one.facts.has_tools else 0 for one in later]
    by_bytes = [(bound(one, by_last=False) - more) / one.usage.prompt for one, more in zip(later, tools, strict=True)]
    by_last = [(bound(one) - more) / one.usage.prompt for one, more in zip(later, tools, strict=True)]
    assert median(by_bytes) > 5
    assert median(by_last) < 2.5
    assert all(mine <= plain for mine, plain in zip(by_last, by_bytes, strict=True))
