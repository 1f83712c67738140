"""The models in the ledger that no list has a price for, and those that are free because they run on this machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from msgspec import Struct

from tokenguard import prices
from tokenguard.ledger.kinds import Kind, kinds
from tokenguard.records import Confidence, Leg, Usage

_PRICED_AS = "priced-as="


class Unlisted(Struct, frozen=True):
    """A model that was charged at a bound, or nothing for."""

    provider: str
    model: str
    calls: int
    cost_nanos: int
    reason: str
    """What is not listed: `unknown-model`, `unknown-tier:ultrafast`, `unknown-fee:image_generation_call`..."""
    priced_as: str | None
    """Whose price was taken instead; None where it was the model's own, at its worst."""


class Findings(Struct, frozen=True):
    """What the ledger holds besides models with a listed price."""

    unlisted: tuple[Unlisted, ...]
    """The dearest first."""
    local: tuple[Unlisted, ...]
    """Free by host; those with the most calls first."""


def examine(ledger: sqlite3.Connection, catalogue: prices.Catalogue) -> Findings:
    """Look for a price of everything that was charged. What providers told the cost of needs none."""
    unlisted: list[Unlisted] = []
    local: list[Unlisted] = []
    for kind in kinds(ledger):
        found = catalogue.find(kind.provider, kind.leg.model)
        if found is not None and found.local:
            local.append(_row(kind, "local-host"))
        elif kind.confidence is not Confidence.EXACT and _cost(catalogue, kind) is None:
            unlisted.append(_row(kind, prices.bound(catalogue, kind.provider, _probe(kind), kind.latest_us).marks[0]))
    return Findings(
        unlisted=tuple(sorted(_together(unlisted), key=lambda row: (-row.cost_nanos, row.provider, row.model))),
        local=tuple(sorted(_together(local), key=lambda row: (-row.calls, row.provider, row.model))),
    )


def _cost(catalogue: prices.Catalogue, kind: Kind) -> object:
    return prices.cost(catalogue, kind.provider, _probe(kind), kind.latest_us)


def _probe(kind: Kind) -> Leg:
    """A leg of the kind; of calls whose usage nobody knows, with the least that a call has."""
    return kind.leg if kind.leg.usage.total else Leg(kind.leg.model, Usage(1, output=1), context=kind.leg.context)


def _row(kind: Kind, mark: str) -> Unlisted:
    """What the calls were priced as stands in their marks; where it does not, they are priced like that today."""
    reason, _, now = mark.partition(f":{_PRICED_AS}")
    then = [written.partition(_PRICED_AS)[2] for written in kind.marks if written.startswith(f"{reason}:{_PRICED_AS}")]
    priced_as = now if not then or now in then else then[0]
    return Unlisted(kind.provider, kind.leg.model, kind.calls, kind.nanos, reason, priced_as or None)


def _together(rows: Iterable[Unlisted]) -> list[Unlisted]:
    """Rows that say the same as one."""
    sums: dict[tuple[str, str, str, str | None], tuple[int, int]] = {}
    for row in rows:
        key = (row.provider, row.model, row.reason, row.priced_as)
        calls, nanos = sums.get(key, (0, 0))
        sums[key] = (calls + row.calls, nanos + row.cost_nanos)
    return [
        Unlisted(provider, model, calls, nanos, reason, priced_as)
        for (provider, model, reason, priced_as), (calls, nanos) in sums.items()
    ]
