from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import json

from tokenguard.ledger.rollups import BARE, BARE_SHIFT, BLOCK, CALLS, HOUR, HOUR_US, PLACES
from tokenguard.ledger.slices import Piece, as_runs, in_pieces, only_narrow

KEPT = ((BLOCK, BLOCK), (HOUR, PLACES.size))


def pieces_of(runs: str) -> list[Piece]:
    """The pieces that are in runs, as a question reads them: each start belongs to the slice that it is steps on to."""
    found: list[Piece] = []
    for number, since, until, size, step in json.decode(runs):
        assert (until - since) % step == 0
        found += [
            (number + at, since + at * step, since + (at + 1) * step, size) for at in range((until - since) // step)
        ]
    return found


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 3), st.sampled_from([HOUR, BLOCK]))))
@example([(1, 0, 2, HOUR)] * 3)
@example([(0, 0, 2, HOUR), (1, 0, 2, HOUR)])
def test_runs_hold_the_same_pieces(steps: list[tuple[int, int, int, int]]) -> None:
    read: list[Piece] = []
    number = end = 0
    for later, gap, step, size in steps:
        number, since = number + later, end + gap
        end = since + step
        read.append((number, since, end, size))
    assert pieces_of(as_runs(read)) == read


def test_a_year_of_hours_is_one_run_and_so_is_one_of_days() -> None:
    for hours in (1, 24):
        step = hours * HOUR_US
        kept, rest = in_pieces([(at * step, (at + 1) * step) for at in range(700, 1065)], KEPT[1:])
        assert (len(kept), rest, len(json.decode(as_runs(kept)))) == (365, [], 1)


def test_keys_are_those_of_narrow_sums_where_nothing_else_is_read() -> None:
    one, other, block = (0, 1, 3, PLACES.size), (1, 3, 4, PLACES.size), (1, 3, 4, BLOCK)
    assert only_narrow([one, other]) is only_narrow([one, (1, 3, 4, PLACES.phased)]) is PLACES
    assert only_narrow([(0, 1, 3, BARE.size), (0, 6, 12, BARE_SHIFT)]) is BARE
    for mixed in ([one, block], [one, (0, 1, 3, BARE.size)], [block], []):
        assert only_narrow(mixed) is None


def test_calls_are_read_where_a_slice_begins_or_ends_within_an_hour() -> None:
    kept, rest = in_pieces([(HOUR_US // 2, 3 * HOUR_US), (3 * HOUR_US, 4 * HOUR_US + 1), (9, 9)], KEPT)
    assert kept == [(0, 1, 3, PLACES.size), (1, 3, 4, PLACES.size)]
    assert rest == [(0, HOUR_US // 2, HOUR_US, CALLS), (1, 4 * HOUR_US, 4 * HOUR_US + 1, CALLS)]
    assert in_pieces([], KEPT) == ([], [])
    assert as_runs([]) == "[]"
