"""Leases in a row: what is reported of them, and what is left."""

from __future__ import annotations

from msgspec.structs import replace

from tokenguard.policy.leasing import Lease
from tokenguard.team.postgres import chains
from tokenguard.team.postgres.chains import Chain, Due
from tokenguard.team.shape import Taken

NOBODY: frozenset[str] = frozenset()
A = Lease("a", 100, deadline_s=50.0, boot="x")
B = Lease("b", 60, deadline_s=90.0, boot="x")


def test_windows_have_the_shortest_span_in_common() -> None:
    assert chains.span_of([Chain(5, 90), Chain(20, 40), Chain(0, None)]) == (20, 40)
    assert chains.span_of([Chain(0, None)]) == (0, None)


def test_what_is_spent_is_reported_lease_by_lease() -> None:
    chain, dues = chains.settle(Chain(0, None, base=7, leases=(A, B)), Taken(106, 9), NOBODY, 10.0, "x")
    assert dues == [Due("a", 99, 1, False), Due("b", 0, 8, False)]
    assert chain.leases == (A, B)


def test_a_lease_that_is_used_up_ends() -> None:
    chain, dues = chains.settle(Chain(0, None, base=7, leases=(A, B)), Taken(127, 9), frozenset("ab"), 10.0, "x")
    assert dues == [Due("a", 100, 0, True), Due("b", 20, 9, False)]
    assert chain.leases == (replace(A, ending=True), B)


def test_nothing_more_is_told_on_what_is_closed() -> None:
    closed = replace(A, spent=100, closed=True)
    chain = chains.without_closed(Chain(0, None, settled=5, leases=(closed, B)))
    assert chain == Chain(0, None, settled=105, leases=(B,))
    assert chain.reported == 105


def test_a_lease_whose_time_is_over_is_cut_down_to_what_is_taken() -> None:
    chain, dues = chains.settle(Chain(0, None, leases=(A, B)), Taken(30, 9), frozenset("ab"), 50.0, "x")
    assert dues == [Due("a", 30, 9, True), Due("b", 0, 0, False)]
    assert chain.leases == (replace(A, amount=39, ending=True), B)


def test_a_lease_of_another_start_is_confirmed_first() -> None:
    _, dues = chains.settle(Chain(0, None, leases=(A,)), Taken(30, 0), NOBODY, 5_000.0, "y")
    assert dues == [Due("a", 30, 0, False)]


def test_a_lease_that_ends_waits_until_nobody_counts_on_it() -> None:
    ending = Chain(0, None, leases=(replace(A, ending=True),))
    assert chains.settle(ending, Taken(30, 9), frozenset("a"), 10.0, "x") == (ending, [Due("a", 30, 9, False)])
    _, dues = chains.settle(ending, Taken(30, 9), NOBODY, 10.0, "x")
    assert dues == [Due("a", 30, 9, True)]


def test_nothing_more_is_said_of_a_closed_lease_unless_it_was_exceeded() -> None:
    closed = Lease("a", 30, spent=30, closed=True)
    assert chains.settle(Chain(0, None, leases=(closed,)), Taken(30, 0), NOBODY, 10.0, "x")[1] == []
    assert chains.settle(Chain(0, None, leases=(closed,)), Taken(35, 0), NOBODY, 10.0, "x")[1][0].spent == 35


def test_what_is_given_back_is_the_lease_with_the_most_left() -> None:
    chain = Chain(0, None, leases=(replace(A, spent=80), B))
    assert [lease.ending for lease in chains.without_largest(chain, 10.0, "x").leases] == [False, True]


def test_what_a_person_asked_for_is_not_given_back() -> None:
    chain = Chain(0, None, leases=(replace(B, firm_s=80.0),))
    assert chains.without_largest(chain, 10.0, "x") == chain
    assert chains.without_largest(chain, 80.0, "x").leases[0].ending


def test_closed_leases_become_a_sum() -> None:
    closed = Lease("a", 30, spent=30, closed=True)
    chain = Chain(0, None, settled=5, leases=(closed, replace(closed, id="b"), B))
    (tidied,) = chains.tidy((chain,), 0)
    assert (tidied.settled, tidied.leases) == (65, (B,))
    assert tidied.reported == chain.reported


def test_a_span_is_forgotten_when_nothing_can_be_said_of_it_any_more() -> None:
    day = 86_400_000_000
    closed = Chain(0, day, leases=(Lease("a", 30, spent=30, closed=True),))
    left = Chain(0, day, leases=(A,))
    assert chains.tidy((closed, left), 3 * day - 1) == (closed, left)
    assert chains.tidy((closed, left), 3 * day) == (left,)


def test_what_is_not_reported_is_known() -> None:
    chain = Chain(0, None, base=10, settled=20, leases=(replace(A, spent=5),))
    assert chain.reported == 25
    assert chain.unreported(40) == 5
    assert chain.unreported(12) == 0
