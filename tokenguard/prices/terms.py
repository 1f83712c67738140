"""The words of providers in one vocabulary: provider names, service tiers, speeds, regions, fees."""

from __future__ import annotations

PROVIDERS = {
    "bedrock": "aws",
    "chatgpt": "openai",
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
    return DEAREST_REGION.get(owner) if region.lower() == "us" else None


DEAREST_REGION = {"anthropic": (11, 10)}
"""Anthropic charges 1.1 times for tokens, not for fees, where inference must stay in the US."""

FREE = frozenset({"web_fetch"})
"""Counted by providers, never charged for: a fetched page costs its tokens only."""
