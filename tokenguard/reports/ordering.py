"""The order of a report's rows, and those that are about the same as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from operator import neg

from tokenguard.ledger.found import Found
from tokenguard.ledger.rows import Row
from tokenguard.reports.columns import at

Labels = Mapping[str, Sequence[str | None]]
"""What rows are called, by key."""


def folded(labels: Labels, found: Found, numbers: int) -> tuple[Labels, Found]:
    """The rows with the same labels as one, with their last `numbers` values added up; all others as they are."""
    names = list(zip(*labels.values(), strict=True))
    if len(set(names)) == len(names):
        return labels, found
    first: dict[Row, int] = {}
    again = [(known, place) for place, name in enumerate(names) if (known := first.setdefault(name, place)) != place]
    sums = [list(column) for column in found.columns[-numbers:]]
    for column in sums:
        for known, place in again:
            column[known] += column[place]
    kept = list(first.values())
    return at(labels, kept), Found(found.names, [*found.columns[:-numbers], *sums]).at(kept)


def ordered(labels: Labels, nanos: Iterable[Sequence[int]], places: Mapping[str, Mapping[str, int]]) -> list[int]:
    """Which row comes first, and so on, key by key: by the place of the label where the key has `places`, which ends
    with those that have none; else by the sum of all that the label holds, the dearest first: by the first of `nanos`,
    then by the others.
    """
    amounts = [one for one in nanos if any(one)]
    # By columns: rows are compared as tuples then, without a call of Python for each.
    by: list[Sequence[int | str]] = []
    above: list[Sequence[str | None]] = []
    for key, column in labels.items():
        above.append(column)
        if key in places:
            known = places[key]
            end = len(known)
            by.append([known.get(label or "", end) for label in column])
        else:
            held = list(zip(*above, strict=True)) if len(above) < len(labels) else []
            by += [*(_dearest(one, held) for one in amounts), [label or "" for label in column]]
    order = list(zip(*by, strict=True))
    return sorted(range(len(order)), key=order.__getitem__)


def _dearest(nanos: Sequence[int], held: Sequence[Hashable]) -> list[int]:
    """What brings the dearest to the front: of each, or of all together that are `held` by the same."""
    if not held:
        return list(map(neg, nanos))
    sums: defaultdict[Hashable, int] = defaultdict(int)
    for label, one in zip(held, nanos, strict=True):
        sums[label] -= one
    return [sums[label] for label in held]
