"""The words of providers in one vocabulary: provider names, service tiers, speeds, regions, fees."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from tokenguard.records import Context

PROVIDERS = {
    "bedrock": "aws",
    "chatgpt": "openai",
    "code-assist": "google",
    "copilot": "github-copilot",
    "gemini": "google",
    "kimi": "moonshotai",
    "vertex": "google",
    "xai": "x-ai",
}
"""tokenguard's provider names where the catalogue's differ. ChatGPT's subscription is valued at OpenAI's list price."""

_STANDARD_TIERS = frozenset({"", "auto", "default", "on_demand", "standard", "standard_only", "unspecified"})
_STANDARD_SPEEDS = frozenset({"", "standard"})
_STANDARD_REGIONS = frozenset({"", "global", "not_available"})

_US_ONLY = (11, 10)
"""Anthropic charges 1.1 times for tokens, not for fees, where inference must stay in the US."""

DISCOUNTED_TIERS = frozenset({"batch", "flex"})
"""Tiers that cost less than standard wherever they exist: standard prices bound them."""


def tier_of(name: str | None) -> str | None:
    """A service tier as the catalogue names it; None for the standard one.

    Vertex says `ON_DEMAND_FLEX` (`trafficType`) for `flex`; Groq and Vertex say `on_demand` for standard.
    """
    if name is None:
        return None
    tier = name.lower().removeprefix("on_demand_")
    return None if tier in _STANDARD_TIERS else tier


def speed_of(name: str | None) -> str | None:
    """Anthropic's `speed`; None for the standard one."""
    return None if name is None or name.lower() in _STANDARD_SPEEDS else name.lower()


def region_factor(owner: str, region: str | None) -> tuple[int, int] | None:
    """What `inference_geo` multiplies an owner's token prices by, as a fraction; None if that is not known."""
    if region is None or region.lower() in _STANDARD_REGIONS:
        return 1, 1
    return _US_ONLY if owner == "anthropic" and region.lower() == "us" else None


@lru_cache(256)
@lru_cache(1_000)
def is_standard(context: Context) -> bool:
    """Whether nothing in it moves a price."""
    region = (context.geo or "").lower()
    return tier_of(context.tier) is None and speed_of(context.speed) is None and region in _STANDARD_REGIONS


def dearest_region(owners: Collection[str]) -> tuple[int, int]:
    """The greatest known factor for models of one of those owners."""
    return _US_ONLY if "anthropic" in owners else (1, 1)


_FREE = frozenset(
    {
        "mcp_call",
        "tool_calls_executed",
        "tool_calls_requested",
        "web_fetch",
        "web_search_call:find_in_page",
        "web_search_call:open_page",
    }
)
"""Counted by providers, never charged for beyond their tokens."""

_FEES = {
    "file_search_call": "file_search",
    "web_search_call": "web_search",
    "web_search_call:search": "web_search",
    "web_search_requests": "web_search",
}

_GROUNDED_BY_PROMPT = re.compile(r"gemini\D*[12](?!\d)")

HAS_ALLOWANCE = frozenset({"google"})
"""Google answers a number of grounded prompts a day without charge: its list says what they cost at most."""


def fee_of(model: str, counted: str) -> str | None:
    """A fee as the catalogue names it, by the name under which a meter counts it; None if it is not charged.

    Of a grounded answer, meters count the prompt and its queries: Gemini models up to 2.5 charge for the one, later
    ones for the others.
    """
    if counted in ("grounded_prompt", "grounding_web_search_queries"):
        by_prompt = _GROUNDED_BY_PROMPT.search(model) is not None
        return "web_search" if by_prompt == (counted == "grounded_prompt") else None
    return None if counted in _FREE else _FEES.get(counted, counted)
