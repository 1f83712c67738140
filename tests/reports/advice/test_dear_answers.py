"""Short answers of premium models, in which no tool had a part."""

from __future__ import annotations

import shlex
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.reports.advice.support import HAIKU, OPUS, SONNET, Books, hows, nanos
from tokenguard.records import Confidence, Usage
from tokenguard.reports.advice import dear_answers

SHORT = Usage(input=500, cache_read=20_000, cache_write_5m=1_000, output=300)


def test_they_are_counted_and_priced_on_the_next_model_down(books: Books) -> None:
    for _ in range(3):
        books.call(SHORT, tool_free=True)
    found = dear_answers.find(books.asked())
    assert found is not None
    paid, otherwise = nanos(SHORT, OPUS), nanos(SHORT, SONNET)
    assert (found.calls, found.cost_nanos, found.saving_nanos) == (3, 3 * paid, 3 * (paid - otherwise))
    assert (found.notional_nanos, found.notional_saving_nanos) == (0, 0)
    assert found.confidence is Confidence.ESTIMATED
    (part,) = found.parts
    assert (part.agent, part.model, part.instead) == ("claude", OPUS, SONNET)


@pytest.mark.parametrize(
    "other",
    [
        {"tool_free": False},
        {"tool_free": None},
        {"model": HAIKU},
        {"model": "nobody-knows"},
        {"request_class": "compaction"},
        {"unpriced": True},
        {"free": True},
        {"started_us": 0},
    ],
    ids=str,
)
def test_others_are_not(books: Books, other: dict[str, Any]) -> None:
    given: dict[str, Any] = {"tool_free": True, **other}
    books.call(SHORT, **given)
    assert dear_answers.find(books.asked()) is None


@pytest.mark.parametrize(("output", "counts"), [(0, False), (1, True), (500, True), (501, False)])
def test_short_is_up_to_500_tokens(books: Books, output: int, counts: bool) -> None:
    books.call(Usage(input=2_000, output=output), tool_free=True)
    assert (dear_answers.find(books.asked()) is not None) == counts


def test_what_led_to_tools_is_not_free_of_them(books: Books) -> None:
    books.call(SHORT, tool_free=True)
    books.call(SHORT, tool_free=False)
    assert dear_answers.find(books.asked()) is None


def test_a_long_prompt_is_priced_as_the_other_model_prices_it(books: Books) -> None:
    long = Usage(cache_read=150_000, output=300)
    books.call(long, tool_free=True, model=SONNET)
    books.call(SHORT, tool_free=True, model=SONNET)
    found = dear_answers.find(books.asked())
    assert found is not None
    saved = sum(nanos(usage, SONNET) - nanos(usage, HAIKU) for usage in (long, SHORT))
    assert found.saving_nanos == saved


def test_what_a_plan_covers_stands_apart(books: Books) -> None:
    books.call(SHORT, tool_free=True)
    books.call(SHORT, tool_free=True, billing="subscription")
    found = dear_answers.find(books.asked())
    assert found is not None
    assert found.cost_nanos == found.notional_nanos == nanos(SHORT, OPUS)
    assert found.saving_nanos == found.notional_saving_nanos > 0
    assert [part.notional for part in found.parts] == [False, True]


@pytest.mark.parametrize(
    ("fields", "how"),
    [
        ({}, f"/model {SONNET}"),
        ({"request_class": "sub-agent"}, f"CLAUDE_CODE_SUBAGENT_MODEL={SONNET}"),
        ({"request_class": "title"}, f"ANTHROPIC_DEFAULT_HAIKU_MODEL={SONNET}"),
        ({"agent": "codex", "model": "gpt-6.1-sol"}, "codex -m gpt-6.1-terra"),
        ({"agent": "gemini", "model": "gemini-2.5-pro"}, "gemini -m gemini-3.8-flash"),
        ({"agent": "opencode", "request_class": "title"}, f'"small_model": "PROVIDER/{SONNET}"'),
        ({"agent": "aider"}, f"choose {SONNET}"),
    ],
    ids=str,
)
def test_every_agent_is_told_in_its_own_way(books: Books, fields: dict[str, Any], how: str) -> None:
    books.call(SHORT, tool_free=True, **fields)
    assert hows(dear_answers.find(books.asked()))[0] == how


def test_the_budget_that_is_proposed_leaves_what_the_rest_took_a_day(books: Books) -> None:
    rest = Usage(input=500_000, output=1)
    books.call(rest, tool_free=False)
    books.call(SHORT, tool_free=True)
    saved = nanos(SHORT, OPUS) - nanos(SHORT, SONNET)
    limit = -(-(nanos(rest, OPUS) + nanos(SHORT, OPUS) - saved) // 10_000_000) / 100
    assert hows(dear_answers.find(books.asked()))[-1] == (
        f"tokenguard budget set opus-day --window day --limit {limit:.2f} --match model={OPUS}"
        f" --at-limit downgrade --downgrade {OPUS}={SONNET}"
    )


@pytest.mark.parametrize("name", [f"{OPUS}[1m]", "opus", f"{OPUS}-20261001"])
def test_a_name_means_itself_in_the_command(books: Books, name: str) -> None:
    books.call(SHORT, tool_free=True, model=name)
    words = shlex.split(hows(dear_answers.find(books.asked()))[-1])
    glob = words[words.index("--match") + 1].removeprefix("model=")
    assert fnmatchcase(name, glob)
    assert words[words.index("--downgrade") + 1] == f"{glob}={SONNET}"


def test_a_name_that_is_a_trap_stays_a_name(books: Books) -> None:
    trap = "claude-opus-4-5'; rm -rf ~ #"
    books.call(SHORT, tool_free=True, model=trap)
    words = shlex.split(hows(dear_answers.find(books.asked()))[-1])
    assert words[words.index("--match") + 1] == f"model={trap}"
    assert words[-1] == f"{trap}={SONNET}"
