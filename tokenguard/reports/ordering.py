"""The order of a report's rows, and those that are about the same as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import add

from tokenguard.ledger.rows import Row

Labels = tuple[str | None, ...]


def folded(labels: Sequence[Labels], numbers: Sequence[Row]) -> tuple[list[Labels], list[Row]]:
    """The numbers of rows with the same labels added up; those as they are that are alone."""
    if len(set(labels)) == len(labels):
        return list(labels), list(numbers)
    found: dict[Labels, Row] = {}
    for label, row in zip(labels, numbers, strict=True):
        known = found.get(label)
        found[label] = row if known is None else (*map(add, known, row),)
    return list(found), list(found.values())


def ordered(
    labels: Sequence[Labels],
    costs: Sequence[int],
    notional: Sequence[int],
    keys: Sequence[str],
    places: Mapping[str, Mapping[str, int]],
) -> list[int]:
    """Which row comes first, and so on, key by key: by the place of the label where the key has `places`, which ends
    with those that have none; else by the sum of all that the label holds, the dearest first.
    """
    last = len(keys) - 1
    # By columns: rows are compared as tuples then, without a call of Python for each.
    by: list[Sequence[int | str]] = []
    for at, key in enumerate(keys):
        names = [label[at] or "" for label in labels]
        if key in places:
            known = places[key]
            end = len(known)
            by.append([known.get(name, end) for name in names])
            continue
        held = [label[: at + 1] for label in labels] if at < last else []
        by += (_dearest(costs, held), _dearest(notional, held), names)
    order = list(zip(*by, strict=True))
    return sorted(range(len(order)), key=order.__getitem__)


def _dearest(nanos: Sequence[int], held: Sequence[Labels]) -> list[int]:
    """What brings the dearest to the front: of each, or of all together that are `held` by the same."""
    if not held:
        return [-one for one in nanos]
    sums: Counter[Labels] = Counter()
    for label, one in zip(held, nanos, strict=True):
        sums[label] -= one
    return [sums[label] for label in held]
