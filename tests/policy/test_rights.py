"""The bounded counter: by examples, and by machines that publish, forget, quarrel and lie in any order."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from tokenguard.policy import allocation, rights
from tokenguard.policy.allocation import Needs
from tokenguard.policy.rights import Cells, Holding

LIMIT = 10_000
TREASURER = Holding(Cells(allot=LIMIT), honoured=True)
NOTHING: dict[str, Cells] = {}


def test_the_greatest_of_each_total_is_true_and_the_newest_of_the_rest() -> None:
    known = Cells(spent=5, given={"a": 3}, taken={"b": 9}, kept=50, want=7)
    said = Cells(spent=4, given={"a": 4, "c": 1}, kept=20, want=1)
    assert rights.merged(known, said) == Cells(spent=5, given={"a": 4, "c": 1}, taken={"b": 9}, kept=20, want=1)


@pytest.mark.parametrize(
    ("said", "back"),
    [
        (Cells(spent=5, given={"a": 3}), False),
        (Cells(spent=6, given={"a": 3, "b": 1}), False),
        (Cells(spent=4, given={"a": 3}), True),
        (Cells(spent=5, given={"a": 2}), True),
        (Cells(spent=5), True),
    ],
)
def test_a_total_that_falls_is_a_contradiction(said: Cells, back: bool) -> None:
    assert rights.went_back(Cells(spent=5, given={"a": 3}), said) is back


def test_a_claim_is_worth_nothing_before_it_is_honoured() -> None:
    claim = rights.claimed(Holding(), LIMIT, used=0, told=0)
    assert (rights.limit_of(claim.said), rights.entitled(claim)) == (LIMIT, 0)
    assert rights.entitled(replace(claim, honoured=True)) == LIMIT


def test_a_limit_rises_at_once_and_falls_as_far_as_nobody_has_it() -> None:
    cells = {"a": Cells(short=2_000)}
    holding = allocation.handed_out(TREASURER, "t", cells, cells, used=0, told=0)
    out = sum(holding.said.given.values()) + holding.said.kept
    raised = rights.claimed(holding, LIMIT + 500, used=0, told=0)
    assert rights.limit_of(raised.said) == LIMIT + 500
    fallen = rights.claimed(raised, 0, used=0, told=0)
    assert rights.limit_of(fallen.said) == out
    # It was lowered as far as it went, and a later raise counts from there.
    assert rights.limit_of(rights.claimed(fallen, out + 1, used=0, told=0).said) == out + 1


def test_nothing_is_spare_that_calls_are_still_admitted_by() -> None:
    holding = replace(TREASURER, said=replace(TREASURER.said, kept=100))
    assert rights.spare(holding, used=0, told=0) == LIMIT - 100
    assert rights.spare(holding, used=0, told=700) == LIMIT - 700
    assert rights.spare(holding, used=900, told=700) == LIMIT - 900


def test_rights_are_used_once_both_sides_were_seen_to_say_so() -> None:
    giver = {"t": Cells(allot=LIMIT, given={"a": 40})}
    taking = rights.accepted(Holding(), "a", giver)
    assert (taking.said.taken, rights.entitled(taking)) == ({"t": 40}, 0)
    assert rights.confirmed(taking, "a", Cells(), giver) == taking
    assert rights.confirmed(taking, "a", taking.said, {"t": Cells(allot=LIMIT, given={"a": 10})}).said.kept == 10
    good = rights.confirmed(taking, "a", taking.said, giver)
    assert (good.said.kept, rights.entitled(good)) == (40, 40)
    assert rights.confirmed(good, "a", taking.said, giver) == good


def test_nothing_is_taken_from_one_who_gave_more_than_it_has() -> None:
    giver = Cells(allot=100, given={"a": 60, "b": 41})
    assert not rights.solvent(giver)
    assert rights.accepted(Holding(), "a", {"t": giver}).said.taken == {}


def test_the_treasurer_takes_back_what_was_not_spent_and_no_more_than_it_gave() -> None:
    treasury = replace(TREASURER, said=replace(TREASURER.said, given={"a": 100}))
    for says, back in (
        (Cells(given={"t": 30}), 30),
        (Cells(given={"t": 300}), 100),
        (Cells(given={"t": 100}, spent=80), 20),
        (Cells(given={"t": 100}, spent=800), 0),
    ):
        assert sum(rights.took_back(treasury, "t", {"a": says}).confirmed.values()) == back
    # Who never was given anything can give nothing back.
    assert rights.took_back(treasury, "t", {"x": Cells(given={"t": 50})}) == treasury


def test_less_is_kept_first_and_given_back_when_the_machine_was_told() -> None:
    holding = Holding(Cells(taken={"t": 100}, kept=100, spent=10), {"t": 100})
    low = allocation.lowered(holding, Needs(bare=20, comfort=60), used=30, treasury=0, lacking=(500, 500))
    assert low.said.kept == 50
    assert rights.gave_back(low, used=30, told=100) == low
    given = rights.gave_back(low, used=30, told=50)
    assert (given.said.given, rights.entitled(given)) == ({"t": 50}, 50)


class Machine:
    """An honest one: what is on its disk, what its calls are admitted by, and what was truly spent."""

    def __init__(self, holding: Holding) -> None:
        self.holding = holding
        self.seen: dict[str, Cells] = {}
        self.told = self.spent = self.reserved = 0


MEMBERS = ("a", "b", "c")
WHO = st.sampled_from(["t", *MEMBERS])
AMOUNT = st.integers(0, LIMIT)
NEED = st.sampled_from([0, 0, 50, 400, 3_000, LIMIT])
NEEDS = st.builds(Needs, NEED, NEED, NEED)


class Team(RuleBasedStateMachine):
    """A treasurer, three members and a liar around one place where each has a cell that anybody can lose."""

    def __init__(self) -> None:
        super().__init__()
        self.machines = {"t": Machine(TREASURER), **{who: Machine(Holding()) for who in MEMBERS}}
        self.published: dict[str, Cells] = {}
        self.backups: list[dict[str, Cells]] = []

    @rule(who=WHO, amount=st.integers(1, 3_000))
    def spend(self, who: str, amount: int) -> None:
        machine = self.machines[who]
        if machine.spent + machine.reserved + amount <= machine.told:
            machine.reserved += amount

    @rule(who=WHO, part=st.integers(0, 4))
    def settle(self, who: str, part: int) -> None:
        machine = self.machines[who]
        machine.spent += machine.reserved * part // 4
        machine.reserved = 0

    def decide(self, who: str, needs: Needs) -> None:
        machine = self.machines[who]
        used = machine.spent + machine.reserved
        holding = allocation.reported(machine.holding, machine.spent, needs, machine.reserved)
        seen, mine = machine.seen, {**machine.seen, who: holding.said}
        if who == "t":
            holding = rights.took_back(holding, who, seen)
            lacking = allocation.lacks(LIMIT, mine, ("t",), without=who)
            holding = allocation.lowered(holding, needs, used, rights.spare(holding, used, machine.told), lacking)
            holding = allocation.handed_out(holding, who, seen, [*MEMBERS, "h"], used, machine.told)
        else:
            givers = {"t": seen["t"]} if "t" in seen else {}
            holding = rights.accepted(holding, who, givers)
            holding = rights.gave_back(holding, used, machine.told)
            treasury = sum(map(rights.treasury, givers.values()))
            lacking = allocation.lacks(LIMIT, mine, ("t",), without=who)
            holding = allocation.lowered(holding, needs, used, treasury, lacking)
        machine.holding = holding

    def tell(self, who: str) -> None:
        self.machines[who].told = self.machines[who].holding.said.kept

    def publish(self, who: str) -> None:
        self.published[who] = self.machines[who].holding.said

    def fetch(self, who: str) -> None:
        machine = self.machines[who]
        for other, said in self.published.items():
            if other != who:
                machine.seen[other] = rights.merged(machine.seen.get(other, Cells()), said)
        if who != "t" and who in self.published and "t" in self.published:
            machine.holding = rights.confirmed(machine.holding, who, self.published[who], {"t": self.published["t"]})

    @initialize(needs=NEEDS)
    def begin(self, needs: Needs) -> None:
        for who in ("t", *MEMBERS, "t", *MEMBERS):
            self.turn(who, needs)

    @rule(who=WHO, needs=NEEDS)
    def turn(self, who: str, needs: Needs) -> None:
        """All of it as it goes where nothing is in the way."""
        for _ in range(2):
            self.fetch(who)
            self.decide(who, needs)
            self.publish(who)
        self.fetch(who)
        self.tell(who)

    @rule(
        who=WHO,
        needs=NEEDS,
        steps=st.lists(st.sampled_from(["fetch", "decide", "publish", "tell"]), min_size=1, max_size=4),
    )
    def part_of_a_turn(self, who: str, needs: Needs, steps: list[str]) -> None:
        """What is left of one that something came between, or of several at once."""
        for step in steps:
            if step == "decide":
                self.decide(who, needs)
            else:
                {"fetch": self.fetch, "publish": self.publish, "tell": self.tell}[step](who)

    @rule()
    def wipe(self) -> None:
        self.published = {}

    @rule()
    def back_up(self) -> None:
        self.backups.append(dict(self.published))

    @rule(which=st.integers(0, 9))
    def restore(self, which: int) -> None:
        if self.backups:
            self.published = dict(self.backups[which % len(self.backups)])

    @rule(
        said=st.builds(
            Cells,
            spent=AMOUNT,
            given=st.dictionaries(st.sampled_from(["t", *MEMBERS]), AMOUNT),
            taken=st.dictionaries(st.sampled_from(["t", *MEMBERS]), AMOUNT),
            allot=AMOUNT,
            withdrawn=AMOUNT,
            kept=AMOUNT,
            want=AMOUNT,
            short=AMOUNT,
        )
    )
    def lie(self, said: Cells) -> None:
        self.published["h"] = said

    @invariant()
    def nothing_over(self) -> None:
        """Not what happens to be spent is compared, but all that could be spent before anybody hears of anything."""
        treasury = self.machines["t"].holding
        # All that the liar was handed and did not give back may be spent: nobody can see whether it is.
        lied = treasury.said.given.get("h", 0) - treasury.confirmed.get("h", 0)
        assert lied >= 0
        assert sum(max(one.spent + one.reserved, one.told) for one in self.machines.values()) + lied <= LIMIT

    @invariant()
    def nothing_below_zero(self) -> None:
        for machine in self.machines.values():
            said = machine.holding.said
            assert min(said.kept, *said.given.values(), *said.taken.values(), 0) == 0
            assert rights.entitled(machine.holding) >= max(said.kept, machine.told, machine.spent + machine.reserved)


TestTeam = Team.TestCase
TestTeam.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
