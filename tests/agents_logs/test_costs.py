"""Costs that agents reckon themselves."""

from __future__ import annotations

import pytest

from tokenguard.agents.logs.costs import stated


@pytest.mark.parametrize(
    ("provider", "usd", "nanos"),
    [
        ("anthropic", 0.0125, 12_500_000),
        ("anthropic", 0, None),
        (None, None, None),
        ("Ollama", 0, 0),
        ("lmstudio", None, 0),
        ("ollama", 0.5, 500_000_000),
        ("ollama-cloud", 0, None),
        ("anthropic", -1, None),
        ("anthropic", float("inf"), None),
    ],
)
def test_only_what_runs_locally_costs_nothing(provider: str | None, usd: float | None, nanos: int | None) -> None:
    assert stated(provider, usd) == nanos
