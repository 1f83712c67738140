"""Slices of time, put together from the sums that are kept: where what is asked of each of them is read."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import json

from tokenguard.ledger.conditions import asked_of
from tokenguard.ledger.phases import Phased, phased_for
from tokenguard.ledger.rollups import (
    BARE,
    BARE_SHIFT,
    BLOCK,
    CALLS,
    COARSE,
    HOUR,
    HOUR_US,
    NARROW,
    SHIFT,
    Narrow,
    narrowest,
    pieces,
)
from tokenguard.ledger.values import Where

Span = tuple[int, int]
"""Two instants, in microseconds."""
Piece = tuple[int, int, int, int]
"""The number of a slice, and of a piece of it the two ends and the size."""
Kept = tuple[tuple[int, int], ...]
"""In how many units sums are to be read, the most first, and the size by which they are found."""

_COLUMNS = {"request-class": ("request_class",), "task": ("task", "task_type"), "model": ()}
"""The columns that sums are kept by of what is not called like its own; the model is that of the legs."""

_SIZES = {
    narrow: {narrow.size, narrow.phased, *(one.size for one in COARSE if one.of == narrow.size)} for narrow in NARROW
}

_FIELDS = "json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')"
SPANS = f"slices (number, since, until) AS MATERIALIZED (SELECT {_FIELDS} FROM json_each(?))"
"""The table `slices` of pieces, as JSON."""
RUNS = f"""slices (number, since, until, size, step) AS MATERIALIZED (
    SELECT {_FIELDS}, json_extract(value, '$[3]'), json_extract(value, '$[4]') FROM json_each(?))"""
"""The table `slices` of what `as_runs` makes."""


def kept_for(keys: Sequence[str], where: Where, phase_us: int) -> tuple[Kept, int, Phased | None]:
    """Where sums that tell apart what is asked for have the fewest rows, the unit that they are found by, and such sums
    by the hours of the ledger's phase, if there are any and its hours begin within a unit.
    """
    asked, by_leg = asked_of(where).union(*(_COLUMNS.get(key, (key,)) for key in keys)), "model" in keys
    narrow = narrowest(asked, by_leg=by_leg)
    if narrow is None:
        return ((BLOCK, BLOCK), (SHIFT, SHIFT), (HOUR, HOUR)), HOUR_US, None
    if narrow is BARE:
        kept, unit_us, most = ((SHIFT * BARE.units, BARE_SHIFT), (1, BARE.size)), HOUR_US // BARE.units, SHIFT
    else:
        kept, unit_us, most = ((BLOCK, BLOCK), (HOUR, narrow.size)), HOUR_US, BLOCK
    return kept, unit_us, phased_for(asked, most, phase_us, by_leg=by_leg) if phase_us % unit_us else None


def in_pieces(
    slices: Sequence[Span], kept: Kept, unit_us: int = HOUR_US, phased: Phased | None = None
) -> tuple[list[Piece], list[Piece]]:
    """What sums are kept of in each slice, and the rest, of which calls are read."""
    found: tuple[list[Piece], list[Piece]] = ([], [])
    sizes = dict(kept)
    few_us = min((size for size in sizes if size > 1), default=BLOCK) * unit_us
    for number, span in enumerate(slices):
        if 0 < span[1] - span[0] < few_us and span[0] % unit_us == 0 == span[1] % unit_us:
            # As most are where there are thousands: of units, for larger ones do not fit.
            found[False].append((number, span[0] // unit_us, span[1] // unit_us, sizes[1]))
        elif phased is not None and span[1] - span[0] == HOUR_US and span[0] % HOUR_US == phased.phase_us:
            found[False].append((number, span[0] // HOUR_US, span[0] // HOUR_US + 1, phased.size))
        elif phased is not None and span[0] < span[1] and phased.suits(span):
            for since, until, size in phased.pieces(*span):
                found[size == CALLS].append((number, since, until, size))
        elif span[0] < span[1]:
            for piece in pieces(*span, tuple(sizes), unit_us):
                size = sizes.get(piece.size, CALLS)
                found[size == CALLS].append((number, piece.since or 0, piece.until or 0, size))
    return found


def only_narrow(read: Sequence[Piece]) -> Narrow | None:
    """The narrow sums that all of the pieces are read from; None if some are not, or none is read."""
    sizes = {size for *_, size in read}
    return next((narrow for narrow, own in _SIZES.items() if sizes and sizes <= own), None)


def of_one_hour(read: Sequence[Piece]) -> bool:
    """Whether each of the pieces is one hour: what is found of it is about what is asked for."""
    return all(until - since == 1 for _, since, until, _ in read)


def as_runs(read: Sequence[Piece]) -> str:
    """The pieces, those as one that follow each other, slice by slice, in equal steps.

    A year of hours is one then, which SQLite reads as it stands, without looking up where each of them begins.
    """
    runs: list[list[int]] = []
    last, end, size, step = -1, -1, CALLS, 0
    for piece in read:
        if piece[1] == end and piece[3] == size and piece[2] - end == step and piece[0] == last + 1:
            runs[-1][2] = end = piece[2]
        else:
            _, since, end, size = piece
            step = end - since
            runs.append([*piece, step])
        last = piece[0]
    return as_json(runs)


def as_json(value: object) -> str:
    """A parameter that SQLite takes apart."""
    return json.encode(value).decode()
