"""The models that coding agents use cost what LiteLLM's public list says, or differ for a reason that is told below.

LiteLLM's wheel brings the list, a separate work of many hands. It is read from where it is found: the file that
TOKENGUARD_LITELLM_JSON names, an installed LiteLLM, or that of the benchmarks.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tokenguard.prices import Catalogue, charge
from tokenguard.records import Confidence, Context, Leg, Usage

AT = 1_795_262_400_000_000
"""2026-11-21, 12:00 UTC."""

LIST = "model_prices_and_context_window_backup.json"

USED = {
    "anthropic": ("anthropic", r"claude-"),
    "openai": ("openai", r"gpt-(4\.1|5|6)|o3|o4-mini|codex"),
    "gemini": ("gemini", r"gemini-(2\.5|[3-9]|flash|pro)"),
    "xai": ("xai", r"grok-(4|build|code)"),
    "deepseek": ("deepseek", r"deepseek-"),
    "moonshot": ("kimi", r"kimi-"),
    "mistral": ("mistral", r"codestral|devstral|mistral-(large|medium|small)"),
}
"""By LiteLLM's name of the provider: ours, and the models that agents work with."""

BUCKETS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
}
RATE = re.compile(rf"({'|'.join(sorted(BUCKETS, key=len, reverse=True))})(?:_above_(\d+)k_tokens)?(?:_([a-z]+))?")
NO_TIERS = ("decisions",)

REASONS = {
    "deepseek/deepseek-(chat|reasoner)": "retired names; genai-prices keeps what they cost last, by the hour",
    "deepseek/deepseek-(v4-)?(flash|pro).*": "LiteLLM has the price of the peak hours; at noon UTC it is half of that",
    "deepseek/deepseek-v3": "genai-prices does not have it at DeepSeek any more, and its successors are cheaper",
    "mistral/mistral-large-4(-0)?": "genai-prices has the price since November 2026, LiteLLM the one before",
    "mistral/mistral-medium": "LiteLLM takes the name for Medium 3.5, genai-prices for Medium 3",
    "openai/gpt-5.6-cyber above .*": "genai-prices has no long-context price of it",
    "openai/gpt-5.5-pro.* batch above .*": "genai-prices has no long-context price of its batches",
    "openai/gpt-5-nano.* priority": "LiteLLM's $2.50 is 50 times the standard price, and ten times what is meant",
    "xai/grok-code-fast.*": "retired; LiteLLM has the price of what answers to the name, which names itself",
    # What follows is not listed by genai-prices, and bounded by relatives that are cheaper.
    "anthropic/claude-mythos-.*": "the only listed Mythos is cheaper than those before it",
    "gemini/gemini-2.5-computer-use-preview-10-2025 above .*": "retired; no relative costs as much at that length",
    "xai/grok-build-latest.*": "the only listed Grok Build is cheaper",
}
"""Patterns of `provider/model tier above tokens`, each with why LiteLLM's price is another, or above our bound."""

OLDER_SEARCH = r"gpt-4\.1"
"""LiteLLM has the price of the search that OpenAI offered before; genai-prices that of the tool that agents use."""


Entry = dict[str, Any]


class Price(Struct, frozen=True):
    """What LiteLLM lists for a model at one tier and from one length of the prompt on, in nanodollars a token."""

    provider: str
    model: str
    tier: str | None
    above: int
    rates: dict[str, Fraction]

    def __str__(self) -> str:
        return " ".join(
            (f"{self.provider}/{self.model}", *filter(None, (self.tier, f"above {self.above}" if self.above else "")))
        )

    @property
    def leg(self) -> Leg:
        """Some tokens in every bucket that it has a rate for, and a prompt that is long enough."""
        counts = dict.fromkeys(self.rates, 10_000)
        first = next((bucket for bucket in counts if bucket != "output"), None)
        if first is not None:
            counts[first] += self.above
        return Leg(self.model, Usage(**counts), context=Context(self.tier))

    @property
    def nanos(self) -> Fraction:
        return sum((rate * getattr(self.leg.usage, bucket) for bucket, rate in self.rates.items()), Fraction())


def found() -> Path | None:
    """LiteLLM's list, wherever there is one."""
    if named := os.environ.get("TOKENGUARD_LITELLM_JSON"):
        return Path(named)
    installed = find_spec("litellm")
    folders = [Path(folder) for folder in (installed.submodule_search_locations or [])] if installed else []
    folders += (Path.home() / ".cache/tokenguard-bench/litellm").glob("lib/python3*/site-packages/litellm")
    return next((folder / LIST for folder in folders if (folder / LIST).is_file()), None)


@pytest.fixture(scope="module")
def entries() -> dict[str, Entry]:
    file = found()
    if file is None:
        pytest.skip("LiteLLM's list is not on this machine; TOKENGUARD_LITELLM_JSON can name a copy")
    document: dict[str, Entry] = json.loads(file.read_bytes(), parse_float=Fraction, parse_int=Fraction)
    return document


@pytest.fixture(scope="module")
def theirs(entries: dict[str, Entry]) -> list[Price]:
    return [price for name, entry in entries.items() for price in prices_of(name, entry)]


def prices_of(name: str, entry: Entry) -> Iterator[Price]:
    provider, used = USED.get(entry.get("litellm_provider", ""), ("", "(?!)"))
    model = name.rpartition("/")[2]
    if not re.match(used, model) or entry.get("mode", "chat") not in ("chat", "responses"):
        return
    groups: dict[tuple[str | None, int], dict[str, Fraction]] = {}
    for key, rate in entry.items():
        if (match := RATE.fullmatch(key)) and rate and match[3] not in NO_TIERS:
            tier = "batch" if match[3] == "batches" else match[3]
            groups.setdefault((tier, int(match[2] or 0) * 1000), {})[BUCKETS[match[1]]] = rate * 10**9
    for (tier, above), rates in groups.items():
        yield Price(provider, model, tier, above, rates)


def test_every_difference_has_a_reason(catalogue: Catalogue, theirs: list[Price]) -> None:
    seen = Counter[str]()
    for price in theirs:
        ours = charge(catalogue, price.provider, [price.leg], AT)
        if ours.confidence is Confidence.BOUND and ours.nanos >= price.nanos:
            seen["bounded"] += 1
        elif ours.confidence is not Confidence.BOUND and abs(ours.nanos - price.nanos) <= 1:
            seen["same"] += 1
        else:
            reason = next((why for pattern, why in REASONS.items() if re.fullmatch(pattern, str(price))), None)
            assert reason is not None, (str(price), price.leg.usage, ours, float(price.nanos))
            seen["explained"] += 1
    assert seen["same"] >= 0.65 * seen.total(), seen
    assert seen["explained"] <= 0.1 * seen.total(), seen


@pytest.mark.parametrize(("name", "context"), [("fast", Context(speed="fast")), ("us", Context(geo="us"))])
def test_speed_and_region_multiply_the_price_as_they_do_there(
    catalogue: Catalogue, entries: dict[str, Entry], name: str, context: Context
) -> None:
    compared = 0
    for model, entry in entries.items():
        factor: Fraction | None = entry.get("provider_specific_entry", {}).get(name)
        if entry.get("litellm_provider") != "anthropic" or factor is None or not re.match("claude-", model):
            continue
        usage = Usage(1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000)
        plain, other = (
            charge(catalogue, "anthropic", [Leg(model, usage, context=context)], AT) for context in (Context(), context)
        )
        if Confidence.BOUND not in (plain.confidence, other.confidence):
            compared += 1
            assert other.nanos == plain.nanos * factor, model
    assert compared >= 2


def test_web_searches_cost_what_they_do_there(catalogue: Catalogue, entries: dict[str, Entry]) -> None:
    compared = 0
    for model, entry in entries.items():
        sizes: dict[str, Fraction] = entry.get("search_context_cost_per_query", {})
        seller = entry.get("litellm_provider")
        if seller not in ("anthropic", "openai") or "search_context_size_medium" not in sizes:
            continue
        if re.match(USED[seller][1], model) and not re.match(OLDER_SEARCH, model):
            ours = charge(catalogue, seller, [Leg(model, fees=(("web_search", 100),))], AT)
            if ours.confidence is not Confidence.BOUND:
                compared += 1
                assert ours.nanos == 100 * sizes["search_context_size_medium"] * 10**9, model
    assert compared >= 20
