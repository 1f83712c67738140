from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tokenguard.guard.trailing import Trailing

SPAN = 1_000


class Charges:
    """What was charged, as the ledger would list it."""

    def __init__(self, rows: list[tuple[int, int]]) -> None:
        self.rows = sorted(rows)

    def leaving(self, since_us: int, until_us: int, most: int) -> list[tuple[int, int]]:
        return [row for row in self.rows if since_us <= row[0] < until_us][:most]

    def within(self, now_us: int) -> int:
        return sum(value for start, value in self.rows if now_us - SPAN < start <= now_us)


def test_a_call_leaves_when_it_is_as_old_as_the_window_is_long() -> None:
    trailing = Trailing(SPAN, 5_000, Charges([(4_100, 7), (4_101, 8)]).leaving)
    assert trailing.lost(5_099) == 0
    assert trailing.lost(5_100) == 7
    assert trailing.lost(5_101) == 8
    assert trailing.lost(9_000) == 0


def test_a_clock_that_steps_back_loses_nothing_twice() -> None:
    trailing = Trailing(SPAN, 5_000, Charges([(4_100, 7)]).leaving)
    assert [trailing.lost(now) for now in (5_200, 5_050, 5_200, 5_300)] == [7, 0, 0, 0]


def test_what_is_dated_ahead_of_now_counts_when_its_time_has_come() -> None:
    charges = Charges([(4_500, 1), (6_000, 2), (9_000, 4)])
    trailing = Trailing(SPAN, 5_000, charges.leaving, charges.rows[1:])
    assert [trailing.moved(now) for now in (5_000, 5_500, 6_000, 6_999, 7_000)] == [
        0,
        -1,
        2,
        0,
        -2,
    ]
    assert [trailing.gained(20_000), trailing.lost(20_000)] == [4, 4]


@settings(deadline=None)
@given(
    before=st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 100)), max_size=30),
    steps=st.lists(
        st.tuples(st.integers(0, 400), st.integers(1, 100), st.integers(-2_500, 1_500)), min_size=1, max_size=60
    ),
)
def test_the_sum_is_always_that_of_the_window(before: list[tuple[int, int]], steps: list[tuple[int, int, int]]) -> None:
    """Calls begin some time before they are charged, or are dated ahead; some were charged before the window was."""
    now = 5_000
    charges = Charges(before)
    spent = charges.within(now)
    trailing = Trailing(SPAN, now, charges.leaving, [row for row in before if row[0] > now])
    for step, value, lasted in steps:
        now += step
        spent += trailing.moved(now)
        start = now - lasted
        charges.rows = sorted([*charges.rows, (start, value)])
        if start > now:
            trailing.later(start, value)
        elif trailing.holds(start):
            spent += value
            trailing.add(start, value)
        assert spent == charges.within(now)


def test_pages_of_many_calls_at_once_are_read_through() -> None:
    charges = Charges([(10 + index // 3, 1) for index in range(5_000)])
    trailing = Trailing(10_000, 10_000, charges.leaving)
    assert trailing.lost(30_000) == 5_000


def test_any_number_of_calls_can_begin_at_the_same_instant() -> None:
    charges = Charges([(10_000, 1) for _ in range(2_500)] + [(10_001, 1)])
    trailing = Trailing(10_000, 15_000, charges.leaving)
    assert [trailing.lost(20_000), trailing.lost(20_001)] == [2_500, 1]
