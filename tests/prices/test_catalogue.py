"""The stored catalogue is read or refused, and its lookups are bounded."""

from __future__ import annotations

import re

import msgspec
import pytest

from tokenguard.errors import TokenguardError
from tokenguard.prices import Catalogue, decode
from tokenguard.prices.catalogue import all_prices
from tokenguard.prices.ceiling import Scope
from tokenguard.prices.data import FORMAT, Band, Data, Model, Prices, Provider, Source, Variant

SOURCE = Source("test", "1", "2026-11-21")
PRICED = Model("m", names=("m",), prices=(Prices(bands=(Band(0, 5, 7),)),))


def stored(*providers: Provider, format: int = FORMAT) -> bytes:
    return msgspec.json.encode(Data(format, SOURCE, providers))


def test_it_says_where_it_comes_from(catalogue: Catalogue) -> None:
    assert catalogue.source.name == "genai-prices"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", catalogue.source.date)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format": 1}', b"\xff\x00"])
def test_damage_is_an_error_with_a_remedy(data: bytes) -> None:
    with pytest.raises(TokenguardError, match="price catalogue is damaged.*tokenguard prices update"):
        decode(data)


def test_another_format_is_an_error_with_a_remedy() -> None:
    with pytest.raises(TokenguardError, match=f"has format 99, not {FORMAT}.*tokenguard prices update"):
        decode(stored(format=99))


def test_everything_in_it_is_a_whole_number(shipped: bytes) -> None:
    assert not re.search(rb"[0-9]\.[0-9]+[,}\]]|[0-9]e[0-9]", re.sub(rb'"(?:\\.|[^"\\])*"', b'""', shipped))


def test_bands_ascend_from_zero(catalogue: Catalogue) -> None:
    for provider in catalogue.providers.values():
        for model in provider.models:
            for prices in all_prices(model):
                above = [band.above for band in prices.bands]
                assert above == sorted(set(above)), model.id
                assert above[:1] in ([], [0]), model.id


def test_a_provider_is_found_by_either_name(catalogue: Catalogue) -> None:
    assert catalogue.provider("gemini") is catalogue.provider("google") is catalogue.providers["google"]
    assert catalogue.provider("nobody") is None


@pytest.mark.parametrize(
    ("base_url", "provider"),
    [
        ("https://api.anthropic.com", "anthropic"),
        ("https://api.openai.com/v1", "openai"),
        ("https://generativelanguage.googleapis.com", "google"),
        ("https://bedrock-runtime.eu-west-1.amazonaws.com", "aws"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://gateway.example.com/anthropic", None),
        ("http://127.0.0.1:11434", None),
    ],
)
def test_a_provider_is_found_by_the_address_of_its_api(
    catalogue: Catalogue, base_url: str, provider: str | None
) -> None:
    assert catalogue.provider_at(base_url) == provider


def test_a_reseller_that_names_nobody_known_sells_its_own() -> None:
    catalogue = decode(stored(Provider("p", "", (PRICED,), fallbacks=("gone",))))
    assert catalogue.owners("p") == ("p",)
    assert catalogue.find("p", "x") is None


def test_lookups_are_remembered_within_bounds(shipped: bytes) -> None:
    catalogue = decode(shipped)
    for number in range(3000):
        catalogue.find("anthropic", f"nonsense-{number}")
    assert catalogue.find.cache_info().currsize == catalogue.find.cache_info().maxsize == 1024


def test_a_ceiling_changes_with_the_prices() -> None:
    dated = Prices(bands=(Band(0, 50, 70),), since_us=1000)
    tier = Variant("tier", "flex", (Prices(bands=(Band(0, 500, 700),), since_us=2000),))
    model = Model("m", names=("m",), prices=(*PRICED.prices, dated), variants=(tier,))
    catalogue = decode(stored(Provider("p", "", (model,))))
    found = [catalogue.ceiling("p", "m", at, Scope())[0].output for at in (-1, 999, 1000, 1999, 2000, 1, 3000)]
    assert found == [7, 7, 70, 70, 700, 7, 700]


def test_a_model_without_a_price_takes_that_of_its_nearest_relatives() -> None:
    free = Model("free", names=("free",), prices=(Prices(bands=(Band(0, 0, 0),)),))
    catalogue = decode(stored(Provider("p", "", (free, Model("known", names=("known",)), PRICED))))
    marks = [catalogue.ceiling("p", name, 0, Scope())[1] for name in ("m", "known", "free", "weird")]
    assert marks == ["", "unpriced-model:priced-as=m", "unpriced-model:priced-as=m", "unknown-model:priced-as=m"]


def test_a_model_of_an_unknown_provider_takes_the_price_of_its_maker() -> None:
    maker = Provider("maker", "", (PRICED, Model("other", prices=PRICED.prices)), speaks=((("starts_with", "m"),),))
    dear = Provider("dear", "", (Model("dear", prices=(Prices(bands=(Band(0, 50, 70),)),)),), speaks=())
    catalogue = decode(stored(dear, maker))
    found, mark = catalogue.ceiling("nobody", "m", 0, Scope())
    assert (found.output, mark) == (7, "unknown-provider:priced-as=m")


def test_a_catalogue_without_any_price_says_so() -> None:
    catalogue = decode(stored(Provider("p", "", (Model("known"),))))
    with pytest.raises(TokenguardError, match="has no prices"):
        catalogue.ceiling("p", "known", 0, Scope())


def test_an_unknown_fee_is_as_dear_as_the_dearest(catalogue: Catalogue) -> None:
    rates = [
        rate for p in catalogue.providers.values() for m in p.models for e in all_prices(m) for rate in e.fees.values()
    ]
    assert catalogue.dearest_fee("never-heard-of") == max(rates) > catalogue.dearest_fee("file_search") > 0
