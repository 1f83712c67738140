"""What commits cost, as notes that go with them: numbers and names of models, and nothing else.

A note says which commits its cost was for at first: nothing counts twice where notes of a commit and of one that it
was squashed into meet.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, json

from tokenguard.attribution.commits import Commit
from tokenguard.ledger.queries import snapshot
from tokenguard.ledger.values import Where
from tokenguard.records import Totals
from tokenguard.reports.ranges import Asked

FORMAT = 1

_Count = Annotated[int, Meta(ge=0)]


class Cost(Struct, frozen=True):
    """Sums."""

    calls: _Count = 0
    tokens: _Count = 0
    cost_nanos: _Count = 0
    notional_nanos: _Count = 0


class Share(Cost, frozen=True, kw_only=True):
    """What was for one commit at first."""

    commit: str


class Note(Cost, frozen=True, kw_only=True):
    """What a commit cost."""

    tokenguard: int = FORMAT
    confidence: str = "exact"
    unpriced: _Count = 0
    models: dict[str, _Count] = {}
    """At list price, whoever pays."""
    of: tuple[Share, ...] = ()


def notes(conn: sqlite3.Connection, repo: str, commits: Sequence[Commit], now_us: int) -> dict[str, Note]:
    """The notes of these commits, in which each call counts once."""
    with snapshot(conn):
        asked = Asked(conn, repo, commits, None, Where(), now_us)
        parts = list(asked.parts(()))
        by_model = list(asked.parts(("model",)))
    sums = {commit.hash: Totals() for commit in commits}
    first: dict[str, dict[str, Totals]] = {hash: {} for hash in sums}
    models: dict[str, dict[str, int]] = {hash: {} for hash in sums}
    for part in parts:
        if part.hash is not None and part.first is not None:
            sums[part.hash] += part.totals
            shares = first[part.hash]
            shares[part.first] = shares.get(part.first, Totals()) + part.totals
    for part in by_model:
        if part.hash is not None:
            model, nanos = part.values[0] or "", part.totals.cost_nanos + part.totals.notional_nanos
            models[part.hash][model] = models[part.hash].get(model, 0) + nanos
    return {
        hash: Note(
            **_cost(totals),
            confidence=totals.confidence.value,
            unpriced=totals.unpriced,
            models=models[hash],
            of=tuple(Share(commit=one, **_cost(share)) for one, share in sorted(first[hash].items())),
        )
        for hash, totals in sums.items()
    }


def written(note: Note) -> str:
    """A note as it is kept."""
    return json.encode(note).decode()


def read(text: str) -> Note | None:
    """A note that is kept; None for what is none, or of another format."""
    try:
        note = json.decode(text, type=Note)
    except (msgspec.DecodeError, ValueError):
        return None
    return note if note.tokenguard == FORMAT else None


def together(found: Iterable[Note]) -> Cost:
    """The cost of several commits; what was for the same commit at first counts once."""
    shares: dict[str, Cost] = {}
    apart: list[Cost] = []
    for note in found:
        if not note.of:
            apart.append(note)
        for share in note.of:
            known = shares.get(share.commit)
            # Written at different times, the later one may know of more.
            if known is None or (share.cost_nanos, share.calls) > (known.cost_nanos, known.calls):
                shares[share.commit] = share
    every = [*apart, *shares.values()]
    return Cost(*(sum(getattr(one, name) for one in every) for name in Cost.__struct_fields__))


def _cost(totals: Totals) -> Mapping[str, int]:
    return {
        "calls": totals.calls,
        "tokens": totals.usage.total,
        "cost_nanos": totals.cost_nanos,
        "notional_nanos": totals.notional_nanos,
    }
