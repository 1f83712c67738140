"""The sums that are kept beside the calls, as sources of questions: see `tokenguard.ledger.sums`."""

from __future__ import annotations

from collections.abc import Sequence

from tokenguard.ledger.conditions import condition, within
from tokenguard.ledger.rollups import ALWAYS, THREAD_BITS, THREADS, Narrow, Piece
from tokenguard.ledger.sums import KEYS, SUMS
from tokenguard.ledger.values import Where

_ROLE = ("{}.role <> 'part'", "{}.role <> 'whole'")
"""Which keys are read: of calls, and by leg."""


def kept(piece: Piece, where: Where, *, by_leg: bool) -> tuple[str, list[object]]:
    """The source of the sums that are kept of a piece, and the values in it."""
    terms, values = condition(where, "k", "t")
    span, ends = within("r.start", piece.since, piece.until)
    shown = ", ".join(["r.start", *(f"k.{key}" for key in (*KEYS, "leg")), *(f"r.{name}" for name in SUMS)])
    conditions = " AND ".join(["r.size = ?", *span, *terms, _ROLE[by_leg].format("k")])
    joined = "rollups AS r CROSS JOIN rollup_keys AS k ON k.id = r.key"
    return f"(SELECT {shown} FROM {joined} WHERE {conditions}) AS s", [piece.size, *ends, *values]


def named(where: Where, by: Sequence[str], *, by_leg: bool, narrow: Narrow | None = None) -> tuple[str, list[object]]:
    """A table `named` (id, label) of the keys for which this holds, and the values in it.

    Keys `s` in which the expressions `by` are the same have the same label, which is the id of one of them. SQLite
    sorts what it groups: numbers much faster than names. Where only narrow sums are read, the keys are theirs.
    """
    # With the plus, no index is used: SQLite would expect few keys then, and read through them for every sum.
    terms, values = condition(where, "+s", "s")
    label = f"first_value(s.id) OVER (PARTITION BY {', '.join(by)})" if by else "min(s.id) OVER ()"
    if narrow is not None:
        terms += [f"s.{key} = ''" for key in ALWAYS if key not in narrow.keys]
    holds = " AND ".join([*terms, _ROLE[by_leg].format("s")])
    return f"named (id, label) AS MATERIALIZED (SELECT s.id, {label} FROM rollup_keys AS s WHERE {holds})", values


_NUMBERS = f"n.label, {', '.join(f'r.{name}' for name in SUMS)}"
_SLICE = "e.number + ({} - e.since) / e.step AS slice"
KEPT_IN_SLICES = f"""(SELECT {_SLICE.format("r.start")}, {_NUMBERS}
    FROM slices AS e CROSS JOIN rollups AS r ON r.size = e.size AND r.start >= e.since AND r.start < e.until
    CROSS JOIN named AS n ON n.id = r.key) AS s"""
"""The source of the sums of the hours that are in any of the `slices`, with the `slice` and the label of their key.

There must be tables `slices` and `named` in the question: see `ledger.slices`.
"""
KEPT_OF_THREADS = f"""(SELECT e.number AS slice, e.thread, {_NUMBERS}
    FROM whole AS e CROSS JOIN rollups AS r ON r.size = {THREADS} AND r.start = e.thread
    CROSS JOIN named AS n ON n.id = r.key) AS s"""
"""The source of the sums of whole threads, with the slice that they are in, their number and the label of their key.

There must be tables `whole` (thread, number) and `named` in the question.
"""
KEPT_IN_SPELLS = f"""(SELECT {_SLICE.format(f"(r.start >> {THREAD_BITS})")},
        r.start & {(1 << THREAD_BITS) - 1} AS thread, {_NUMBERS}
    FROM slices AS e CROSS JOIN rollups AS r ON r.size = e.size
        AND r.start >= e.since << {THREAD_BITS} AND r.start < e.until << {THREAD_BITS}
    CROSS JOIN named AS n ON n.id = r.key
    WHERE r.start & {(1 << THREAD_BITS) - 1} IN (SELECT thread FROM cut)) AS s"""
"""The source of the sums of threads in the hours of any of the `slices`, with the slice, their number and the label.

There must be tables `slices`, `cut` (thread) and `named` in the question.
"""
