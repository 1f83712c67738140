"""The bounded counter: by examples, and by machines that publish, forget, quarrel and lie in any order."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from tokenguard.policy import rights
from tokenguard.policy.rights import Cells, Holding, Needs

LIMIT = 10_000
TREASURER = Holding(Cells(allot=LIMIT), honoured=True)
NOTHING: dict[str, Cells] = {}


def handed(cells: dict[str, Cells], treasury: Holding = TREASURER) -> Holding:
    return rights.handed_out(treasury, "t", cells, cells, used=0, told=0)


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
    holding = handed({"a": Cells(short=2_000)})
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
    low = rights.lowered(holding, Needs(bare=20, comfort=60), used=30, treasury=0, lacking=(500, 500))
    assert low.said.kept == 50
    assert rights.gave_back(low, used=30, told=100) == low
    given = rights.gave_back(low, used=30, told=50)
    assert (given.said.given, rights.entitled(given)) == ({"t": 50}, 50)


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
    assert rights.lowered(holding, needs, used=10, treasury=treasury, lacking=lacking).said.kept == kept


def test_those_for_whom_a_call_waits_come_first_and_nobody_gets_more_than_another_who_lacks() -> None:
    pool = replace(TREASURER, said=replace(TREASURER.said, given={"z": LIMIT - 100}))
    cells = {"a": Cells(short=30), "b": Cells(short=500), "c": Cells(short=500), "d": Cells(want=500)}
    given = rights.handed_out(pool, "t", cells, cells, used=0, told=0).said.given
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
    holding = rights.handed_out(TREASURER, "t", {"a": Cells(short=9_999)}, "a", used=9_000, told=0)
    assert holding.said.kept >= 9_000
    assert sum(holding.said.given.values()) <= 1_000


def test_one_machine_is_given_a_quarter_of_the_limit_at_most_whatever_it_says() -> None:
    holding = handed({"h": Cells(short=10**18, want=10**18)})
    assert holding.said.given["h"] == LIMIT // rights.URGENT_PART


def test_what_is_needed_is_told_in_steps() -> None:
    assert rights.needs_of(LIMIT, burn=1, largest=60, parallel=2, short=7) == Needs(150, 250, 7)


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
        holding = rights.reported(machine.holding, machine.spent, needs, machine.reserved)
        seen, mine = machine.seen, {**machine.seen, who: holding.said}
        if who == "t":
            holding = rights.took_back(holding, who, seen)
            lacking = rights.lacks(LIMIT, mine, ("t",), without=who)
            holding = rights.lowered(holding, needs, used, rights.spare(holding, used, machine.told), lacking)
            holding = rights.handed_out(holding, who, seen, [*MEMBERS, "h"], used, machine.told)
        else:
            givers = {"t": seen["t"]} if "t" in seen else {}
            holding = rights.accepted(holding, who, givers)
            holding = rights.gave_back(holding, used, machine.told)
            treasury = sum(map(rights.treasury, givers.values()))
            lacking = rights.lacks(LIMIT, mine, ("t",), without=who)
            holding = rights.lowered(holding, needs, used, treasury, lacking)
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
