"""What a newer list changes, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenguard.cli import output
from tokenguard.cli.prices.told import dollars
from tokenguard.policy.naming import printable
from tokenguard.prices import Catalogue, rates
from tokenguard.prices.changes import Changes
from tokenguard.prices.data import Model

_SHOWN = 12
"""Models that are named of each kind of change; some sellers have hundreds that come and go."""


def lines(differences: Changes, before: Catalogue, after: Catalogue, now_us: int) -> Iterator[str]:
    """The changes for people, each kind with its first models."""
    kinds = (
        ("new", differences.added),
        ("gone", differences.removed),
        ("no price", differences.unpriced),
        ("repriced", differences.repriced),
    )
    rows: list[Sequence[str]] = []
    for kind, names in kinds:
        for name in names[:_SHOWN]:
            rows.append(
                (f" {kind}", printable(name), _change(_rates(before, name, now_us), _rates(after, name, now_us)))
            )
        if len(names) > _SHOWN:
            rows.append((f" {kind}", f"and {len(names) - _SHOWN:,} more", ""))
    if rows:
        yield from output.columns(rows)
    if differences.renamed:
        yield f" {output.counted(len(differences.renamed), 'model')} known by other names"


def _rates(known: Catalogue, name: str, now_us: int) -> tuple[int, int] | None:
    """Standard rates of short prompts, by `provider/model`; None without any."""
    seller, _, id = name.partition("/")
    provider = known.providers.get(seller)
    model: Model | None = next((model for model in provider.models if model.id == id), None) if provider else None
    prices = rates.in_force(model.prices, now_us) if model else None
    if prices is None or not prices.bands:
        return None
    return prices.bands[0].input or 0, prices.bands[0].output or 0


def _change(old: tuple[int, int] | None, new: tuple[int, int] | None) -> str:
    """`$2.00 → $1.50 in, $10.00 → $8.00 out`."""
    if old is None or new is None:
        only = old or new
        return f"${dollars(only[0])} in, ${dollars(only[1])} out" if only else ""
    if old == new:
        return "for a tier, date, length or cache"
    parts = [
        f"${dollars(was)} {way}" if was == now else f"${dollars(was)} → ${dollars(now)} {way}"
        for was, now, way in zip(old, new, ("in", "out"), strict=True)
    ]
    return ", ".join(parts)
