"""Models are recognised exactly as genai-prices recognises them, and by the other forms of their names."""

from __future__ import annotations

import pytest
from genai_prices import types
from genai_prices.data import providers
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.prices import Catalogue
from tokenguard.prices.data import Model
from tokenguard.prices.match import Index, newest_claude, spellings


def texts(clause: object) -> list[str]:
    """What a clause of genai-prices looks for."""
    parts = getattr(clause, "or_", None) or getattr(clause, "and_", None)
    if parts:
        return [text for part in parts for text in texts(part)]
    return [str(value) for value in vars(clause).values()]


def names_of(model: types.ModelInfo) -> list[str]:
    names = [model.id, *texts(model.match)[:3]]
    return [*names, model.id.upper(), f"{model.id}-20251211", f"x-{names[-1]}", f"{names[-1]}-preview:free"]


@pytest.mark.parametrize("provider", providers, ids=lambda provider: str(provider.id))
def test_names_mean_what_they_mean_to_genai_prices(catalogue: Catalogue, provider: types.Provider) -> None:
    every_nth = provider.models[:: max(1, len(provider.models) // 100)]
    for name in {name for model in every_nth for name in names_of(model)}:
        theirs = provider.find_model(name, all_providers=providers)
        ours = catalogue.find(provider.id, name)
        assert (ours and ours.model.id) == (theirs and theirs.id), name
        assert ours is None or ours.own == any(theirs is model for model in provider.models), name


def test_the_first_model_that_fits_is_meant() -> None:
    index = Index(
        [
            Model("a", names=("x-1",)),
            Model("b", patterns=((("starts_with", "x-"),),)),
            Model("c", names=("x-1", "x-2", "y")),
        ]
    )
    found = {name: index.find(name) for name in ("x-1", "x-2", "y", "z")}
    assert {name: model and model.id for name, model in found.items()} == {"x-1": "a", "x-2": "b", "y": "c", "z": None}


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ((("equals", "ab"),), "ab", "abc"),
        ((("starts_with", "ab"),), "abc", "cab"),
        ((("ends_with", "ab"),), "cab", "abc"),
        ((("contains", "ab"),), "cabc", "acb"),
        ((("regex", r"^a\d$"),), "a1", "a12"),
        ((("starts_with", "a"), ("ends_with", "z")), "abz", "ab"),
    ],
)
def test_patterns(pattern: tuple[tuple[str, str], ...], fits: str, does_not: str) -> None:
    index = Index([Model("m", patterns=(pattern,))])
    assert index.find(fits) is not None
    assert index.find(does_not) is None


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        (" Claude-Opus-5-5 ", "claude-opus-5-5"),
        ("claude-opus-5-5[1m]", "claude-opus-5-5"),
        ("gpt-5.2-20251211", "gpt-5.2-2025-12-11"),
        ("gpt-5.2-20251211:free", "gpt-5.2-2025-12-11:free"),
        ("models/gemini-3.8-flash", "gemini-3.8-flash"),
        ("projects/p/locations/global/publishers/google/models/gemini-3.8-flash", "gemini-3.8-flash"),
        ("openai/gpt-6-sol", "gpt-6-sol"),
    ],
)
def test_other_forms_of_a_name(name: str, spelling: str) -> None:
    assert spelling in spellings(name, {"openai"})


def test_what_is_no_date_stays() -> None:
    assert list(spellings("m-20259999", ())) == ["m-20259999"]


def test_another_vendors_name_is_part_of_a_models() -> None:
    assert list(spellings("openai/gpt-6-sol", {"openrouter"})) == ["openai/gpt-6-sol"]


@given(st.text(max_size=300), st.sets(st.text(max_size=5)))
def test_any_name_has_few_spellings_none_of_them_empty_or_twice(name: str, vendors: set[str]) -> None:
    found = list(spellings(name, vendors))
    assert len(found) == len(set(found)) <= 8
    assert "" not in found


def test_an_endless_name_is_not_looked_at() -> None:
    assert list(spellings("x" * 257, ())) == []


def test_the_newest_claude_is_that_of_the_highest_version() -> None:
    models = [Model(id) for id in ("claude-opus-4-8", "claude-opus-5-5", "claude-opus-5", "claude-opus-10-pre", "opus")]
    found = {alias: newest_claude(alias, models) for alias in ("opus", "Opus[1m]", "sonnet", "claude-opus-4-8")}
    assert {alias: model and model.id for alias, model in found.items()} == {
        "opus": "claude-opus-5-5",
        "Opus[1m]": "claude-opus-5-5",
        "sonnet": None,
        "claude-opus-4-8": None,
    }


@pytest.mark.parametrize(
    ("provider", "name", "id"),
    [
        ("anthropic", "claude-opus-5-5[1m]", "claude-opus-5-5"),
        ("anthropic", "claude-opus-5-5-20261001", "claude-opus-5-5"),
        ("anthropic", "anthropic/claude-opus-5-5", "claude-opus-5-5"),
        ("anthropic", "haiku", "claude-haiku-5-5"),
        ("azure", "gpt-5-mini", "gpt-5-mini"),
        ("azure", "sonnet", "claude-sonnet-5-5"),
        ("bedrock", "us.anthropic.claude-opus-5-5", "regional.anthropic.claude-opus-5-5"),
        ("bedrock", "global.anthropic.claude-opus-5-5", "global.anthropic.claude-opus-5-5"),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-3-7-sonnet-20250219-v1:0",
            "regional.anthropic.claude-3-7-sonnet-20250219-v1:0",
        ),
        ("chatgpt", "gpt-6-sol", "gpt-6-sol"),
        ("gemini", "models/gemini-3.8-flash", "gemini-3.8-flash"),
        ("kimi", "kimi-k3", "kimi-k3"),
        ("openai", "gpt-5.2-20251211", "gpt-5.2"),
        ("openrouter", "anthropic/claude-opus-5.5", "anthropic/claude-opus-5.5"),
        ("vertex", "claude-opus-5-5@20261001", "claude-opus-5-5"),
        ("xai", "grok-4-fast-reasoning", "grok-4-fast-reasoning"),
    ],
)
def test_names_that_agents_use(catalogue: Catalogue, provider: str, name: str, id: str) -> None:
    found = catalogue.find(provider, name)
    assert found is not None
    assert found.model.id == id
