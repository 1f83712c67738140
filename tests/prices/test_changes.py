"""What differs between two catalogues."""

from __future__ import annotations

from tokenguard.prices.catalogue import Catalogue
from tokenguard.prices.changes import Changes, changes
from tokenguard.prices.data import Band, Data, Model, Prices, Provider, Source, Variant


def catalogue(*models: Model) -> Catalogue:
    return Catalogue(Data(1, Source("test", "1", "2026-11-21"), (Provider("p", "", models),)))


PRICES = (Prices(bands=(Band(0, 1, 2),)),)
DEARER = (Prices(bands=(Band(0, 1, 3),)),)


def test_the_same_is_no_change(shipped: bytes) -> None:
    assert changes(catalogue(Model("a")), catalogue(Model("a"))) == Changes()


def test_each_kind_of_change() -> None:
    old = [Model(id, prices=PRICES) for id in ("gone", "same", "dearer", "renamed", "faster", "lost")]
    new = [
        Model("same", prices=PRICES),
        Model("dearer", prices=DEARER),
        Model("renamed", names=("alias",), prices=PRICES),
        Model("faster", prices=PRICES, variants=(Variant("speed", "fast", DEARER),)),
        Model("lost"),
        Model("new"),
    ]
    assert changes(catalogue(*old), catalogue(*new)) == Changes(
        added=("p/new",),
        removed=("p/gone",),
        unpriced=("p/lost",),
        repriced=("p/dearer", "p/faster"),
        renamed=("p/renamed",),
    )
