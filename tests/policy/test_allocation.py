"""Who is handed how much, and who keeps less for others."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tokenguard.policy import allocation
from tokenguard.policy.allocation import Needs
from tokenguard.policy.rights import Cells, Holding

LIMIT = 10_000
TREASURER = Holding(Cells(allot=LIMIT), honoured=True)


def handed(cells: dict[str, Cells], treasury: Holding = TREASURER) -> Holding:
    return allocation.handed_out(treasury, "t", cells, cells, used=0, told=0)


@pytest.mark.parametrize(
    ("lacking", "treasury", "kept"),
    [
        ((0, 0), 0, 100),
        ((0, 500), 0, 70),
        ((0, 500), 500, 100),
        ((0, 510), 500, 90),
        ((500, 500), 0, 30),
        ((5, 5), 0, 65),
    ],
)
def test_what_is_above_the_need_goes_to_those_who_lack(lacking: tuple[int, int], treasury: int, kept: int) -> None:
    holding = Holding(Cells(taken={"t": 100}, kept=100), {"t": 100})
    needs = Needs(bare=20, comfort=60)
    assert allocation.lowered(holding, needs, used=10, treasury=treasury, lacking=lacking).said.kept == kept


def test_those_for_whom_a_call_waits_come_first_and_nobody_gets_more_than_another_who_lacks() -> None:
    pool = replace(TREASURER, said=replace(TREASURER.said, given={"z": LIMIT - 100}))
    cells = {"a": Cells(short=30), "b": Cells(short=500), "c": Cells(short=500), "d": Cells(want=500)}
    given = allocation.handed_out(pool, "t", cells, cells, used=0, told=0).said.given
    assert given == {"z": LIMIT - 100, "a": 30, "b": 35, "c": 35}


def test_every_machine_gets_a_part_ahead_and_the_most_is_left_for_later() -> None:
    holding = handed({who: Cells() for who in "abcd"})
    assert holding.said.given == {who: LIMIT // 10 for who in "abcd"}
    assert holding.said.kept == LIMIT // 10
    seen = {who: Cells(taken={"t": LIMIT // 10}) for who in "abcd"}
    assert handed(seen, holding) == holding


def test_what_was_spent_without_a_right_is_covered_first() -> None:
    holding = handed({"a": Cells(spent=4_000), "b": Cells(short=2_000)})
    assert holding.said.given["a"] >= 4_000
    assert sum(holding.said.given.values()) + holding.said.kept <= LIMIT


def test_what_the_treasurer_overspent_itself_is_not_handed_out() -> None:
    holding = allocation.handed_out(TREASURER, "t", {"a": Cells(short=9_999)}, "a", used=9_000, told=0)
    assert holding.said.kept >= 9_000
    assert sum(holding.said.given.values()) <= 1_000


def test_one_machine_is_given_a_quarter_of_the_limit_at_most_whatever_it_says() -> None:
    holding = handed({"h": Cells(short=10**18, want=10**18)})
    assert holding.said.given["h"] == LIMIT // allocation.URGENT_PART


def test_what_is_needed_is_told_in_steps() -> None:
    assert allocation.needs_of(LIMIT, burn=1, largest=60, parallel=2, short=7) == Needs(150, 250, 7)
