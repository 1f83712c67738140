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
    last = len(keys) - 1
    costs: Counter[Labels] = Counter()
    notional: Counter[Labels] = Counter()
    for at in (at for at, key in enumerate(keys[:last]) if key not in places):
        for labels, totals in found.items():
            costs[labels[: at + 1]] += totals.cost_nanos
            notional[labels[: at + 1]] += totals.notional_nanos

    def place(row: tuple[Labels, Totals], at: int, key: str) -> tuple[int, int, str]:
        labels, totals = row
        if key in places:
            return (places[key].get(labels[at] or "", len(places[key])), 0, "")
        if at == last:
            return (-totals.cost_nanos, -totals.notional_nanos, labels[at] or "")
        held = labels[: at + 1]
        return (-costs[held], -notional[held], labels[at] or "")

    def order(row: tuple[Labels, Totals]) -> list[tuple[int, int, str]]:
        return [place(row, at, key) for at, key in enumerate(keys)]

    return sorted(found.items(), key=order)
