"""How much is leased, until when, and which lease is used up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy import leasing
from tokenguard.policy.leasing import Lease, Part

AMOUNTS = st.integers(0, 10**12)


def test_half_an_hour_and_what_is_in_flight_is_asked_for() -> None:
    assert leasing.size(burn=500, parallel=3, largest=100, free=10_000, active=2) == 800


def test_nobody_asks_for_more_than_half_of_a_fair_share() -> None:
    assert leasing.size(burn=5_000, parallel=3, largest=100, free=4_000, active=4) == 500


def test_one_call_is_asked_for_even_where_a_fair_share_is_less() -> None:
    assert leasing.size(burn=5_000, parallel=3, largest=100, free=40, active=4) == 100


def test_whoever_is_alone_takes_half() -> None:
    assert leasing.size(burn=5_000, parallel=1, largest=100, free=4_000, active=0) == 2_000


@given(burn=AMOUNTS, parallel=st.integers(0, 50), largest=AMOUNTS, free=AMOUNTS, active=st.integers(0, 1000))
def test_the_size_is_between_one_call_and_the_fair_share(
    burn: int, parallel: int, largest: int, free: int, active: int
) -> None:
    size = leasing.size(burn, parallel, largest, free, active)
    assert largest <= size <= max(largest, free // (2 * max(active, 1)))


def test_more_is_asked_for_when_half_is_used() -> None:
    assert leasing.need(size=100, largest=10, short=0, room=50) == (0, 0)
    assert leasing.need(size=100, largest=10, short=0, room=49) == (100, 1)


def test_less_than_one_call_is_not_enough() -> None:
    assert leasing.need(size=10, largest=10, short=0, room=9) == (10, 1)
    assert leasing.need(size=10, largest=10, short=0, room=2) == (10, 8)
    assert leasing.need(size=10, largest=10, short=0, room=-5) == (10, 10)


def test_a_call_that_waits_is_served_or_nothing_is_taken() -> None:
    assert leasing.need(size=100, largest=10, short=30, room=70) == (100, 30)
    assert leasing.need(size=100, largest=10, short=300, room=70) == (300, 300)


def test_whoever_needs_nothing_asks_for_nothing() -> None:
    assert leasing.need(size=0, largest=0, short=0, room=0) == (0, 0)


def test_the_local_deadline_is_before_the_other_one() -> None:
    assert leasing.deadline(sent_s=1_000.0, left_s=3_600.0) == 4_528.0


def test_the_pace_follows_the_size_of_the_team() -> None:
    assert leasing.pace(3_600, 5) == 60
    assert leasing.pace(3_600, 5_000) == 500
    assert leasing.pace(3_600, 1_000_000) == 1_200
    assert leasing.pace(9, 5) == 3


def test_the_oldest_lease_is_filled_first() -> None:
    leases = [Lease("a", 100), Lease("b", 50)]
    assert leasing.allot(120, 10, leases) == [Part(100, 0), Part(20, 10)]
    assert leasing.allot(90, 30, leases) == [Part(90, 10), Part(0, 20)]


def test_what_no_lease_has_room_for_is_spent_of_the_newest() -> None:
    assert leasing.allot(170, 5, [Lease("a", 100), Lease("b", 50)]) == [Part(100, 0), Part(70, 0)]


def test_what_was_reported_stays_where_it_was_reported() -> None:
    overrun = Lease("a", 100, spent=130)
    assert leasing.allot(140, 0, [overrun, Lease("b", 50)]) == [Part(130, 0), Part(10, 0)]


def test_a_closed_lease_takes_no_more_than_it_had() -> None:
    closed = Lease("a", 100, spent=30, closed=True)
    assert leasing.allot(40, 5, [closed, Lease("b", 50)]) == [Part(30, 0), Part(10, 5)]


LEASES = st.lists(st.builds(Lease, id=st.uuids().map(str), amount=AMOUNTS, spent=AMOUNTS, closed=st.booleans()))


@given(spent=AMOUNTS, reserved=AMOUNTS, leases=LEASES)
def test_all_that_was_spent_is_of_some_lease(spent: int, reserved: int, leases: list[Lease]) -> None:
    parts = leasing.allot(spent, reserved, leases)
    assert sum(part.spent for part in parts) == (spent if leases else 0)
    for lease, part in zip(leases[:-1], parts, strict=False):
        assert part.spent + part.kept <= lease.capacity


def test_a_lease_is_usable_until_its_deadline_of_the_same_start() -> None:
    lease = Lease("a", 100, deadline_s=50.0, boot="x")
    assert lease.usable(49.9, "x")
    assert not lease.usable(50.0, "x")
    assert not lease.usable(10.0, "y")
    assert not Lease("a", 100, deadline_s=50.0, boot="x", ending=True).usable(10.0, "x")


def test_books_that_lost_half_of_what_was_reported_are_lost() -> None:
    assert leasing.forgotten(49, 100)
    assert not leasing.forgotten(50, 100)
    assert not leasing.forgotten(0, 0)
