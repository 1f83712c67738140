"""Whose prices bound those of a model without any."""

from __future__ import annotations

import pytest

from tokenguard.prices import Catalogue, family
from tokenguard.prices.data import Band, Found, Model, Prices

PRICES = (Prices(bands=(Band(0, 1, 1, 1),)),)


def found(*ids: str) -> list[Found]:
    return [Found("p", Model(id, window=200_000, prices=PRICES), True) for id in ids]


def nearest(candidates: list[Found], name: str) -> list[list[str]]:
    levels = [[found.model.id for found in level] for level in family.relatives(candidates, name)]
    return [level for level in levels if level]


def test_namesakes_are_nearer_than_those_with_further_words() -> None:
    assert nearest(found("gpt-5", "gpt-5.5-2026-01-01", "gpt-5-pro"), "gpt-9") == [
        ["gpt-5", "gpt-5.5-2026-01-01"],
        ["gpt-5", "gpt-5.5-2026-01-01", "gpt-5-pro"],
    ]


def test_a_shorter_name_may_stand_for_a_longer_one() -> None:
    assert nearest(found("gpt-6-sol", "gpt-6-luna"), "gpt-9")[0] == ["gpt-6-sol", "gpt-6-luna"]


def test_a_new_word_leads_to_those_that_share_the_others() -> None:
    models = found("claude-opus-4", "claude-opus-5", "claude-opus-5-5", "claude-haiku-5")
    assert nearest(models, "claude-opus-6-turbo") == [
        ["claude-opus-4", "claude-opus-5", "claude-opus-5-5"],
        ["claude-opus-4", "claude-opus-5", "claude-opus-5-5", "claude-haiku-5"],
    ]


def test_one_or_two_models_are_no_family_of_a_name_with_a_new_word() -> None:
    assert nearest(found("codex-mini", "gpt-6-sol"), "codex-review") == []


def test_strangers_are_no_relatives() -> None:
    assert nearest(found("claude-opus-5"), "weird") == []
    assert nearest(found("claude-opus-5"), "") == []


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("anthropic/Claude-Opus-5-5", "claude-opus-5-5"),
        ("us.anthropic.claude-opus-5-5-v1:0", "claude-opus-5-5"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-3-haiku-v1:0", "claude-3-haiku"),
        ("gpt-5.5", "gpt-5.5"),
        ("o3", "o3"),
    ],
)
def test_what_gateways_put_around_a_name(name: str, bare: str) -> None:
    assert family.bare_name(name) == bare


def test_agents_need_caching_and_a_long_context_and_pay_for_nothing_but_tokens() -> None:
    suited = Model("suited", window=128_000, prices=PRICES)
    unsuited = [
        Model("uncached", window=128_000, prices=(Prices(bands=(Band(0, 1, 1),)),)),
        Model("short", window=127_999, prices=PRICES),
        Model("unknown window", prices=PRICES),
        Model("unpriced", window=128_000),
        Model("speaks", window=128_000, prices=(Prices(bands=(Band(0, 1, 1, 1),), media={"output_audio": 1}),)),
        Model("by the hour", window=128_000, prices=(Prices(bands=(Band(0, 1, 1, 1),), other=("audio_hours",)),)),
    ]
    candidates = [Found("p", model, True) for model in [*unsuited, suited]]
    assert [found.model.id for found in family.for_agents(candidates)] == ["suited"]
    assert family.for_agents(candidates[:-1]) == candidates[:-1]


@pytest.mark.parametrize(
    ("name", "maker"), [("anthropic/claude-9", "anthropic"), ("gpt-9", "openai"), ("Gemini-9", "google")]
)
def test_makers_are_known_by_the_names_of_their_models(catalogue: Catalogue, name: str, maker: str) -> None:
    assert [provider.id for provider in family.makers(catalogue.providers, name)] == [maker]


def test_a_pool_has_the_models_that_are_resold(catalogue: Catalogue) -> None:
    azure = catalogue.providers["azure"]
    sold = family.pool(catalogue.providers, azure)
    assert {found.owner for found in sold} == {"azure", *azure.fallbacks}
    assert all(found.own == (found.owner == "azure") for found in sold)
