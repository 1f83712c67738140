"""The order of a report's rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tokenguard.records import Totals

Labels = tuple[str | None, ...]


def ordered(
    found: Mapping[Labels, Totals], keys: Sequence[str], places: Mapping[str, Mapping[str, int]]
) -> list[tuple[Labels, Totals]]:
    """Rows key by key: by the place of the label where the key has `places`, which ends with those that have none; else
    by the sum of all that the label holds, the dearest first.
    """
    costs: Counter[Labels] = Counter()
    notional: Counter[Labels] = Counter()
    for labels, totals in found.items():
        for at in range(len(labels)):
            costs[labels[: at + 1]] += totals.cost_nanos
            notional[labels[: at + 1]] += totals.notional_nanos

    def order(row: tuple[Labels, Totals]) -> list[tuple[int, int, str]]:
        labels, _ = row
        return [
            (places[key].get(label or "", len(places[key])), 0, "")
            if key in places
            else (-costs[labels[: at + 1]], -notional[labels[: at + 1]], label or "")
            for at, (key, label) in enumerate(zip(keys, labels, strict=True))
        ]

    return sorted(found.items(), key=order)
