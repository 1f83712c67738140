from __future__ import annotations

from msgspec.structs import replace

from tokenguard.policy.rights import Cells, Holding
from tokenguard.policy.shared_view import SILENT_US, Scene, members, share
from tokenguard.policy.windows import Window
from tokenguard.records.teams import Member, TeamBudget

NOW = 10 * SILENT_US
OTHERS = {
    "t/m": Cells(spent=10, given={"a/m": 30, "b/m": 50}, allot=200, withdrawn=20, kept=25, taken={"b/m": 5}),
    "b/m": Cells(spent=20, given={"t/m": 5}, taken={"t/m": 50}, kept=45),
}
OWN = Holding(Cells(spent=7, taken={"t/m": 30}, kept=30), {"t/m": 30})
SCENE = Scene(TeamBudget("all", 100), Window(5, 9), "a/m", OWN, OTHERS, {"t/m": NOW, "b/m": NOW}, ("t/m",), "t/m", NOW)


def test_who_shares_the_view_sees_what_others_spent_and_may_spend_the_rest() -> None:
    seen = share(SCENE, hard=False)
    assert (seen.since_us, seen.until_us, seen.others, seen.granted, seen.budget.limit) == (5, 9, 30, None, 100)
    assert [one.held for one in members(SCENE, hard=False)] == [0, 0, 0]


def test_rights_and_spending_add_up_to_the_limit_that_the_treasurer_stands_for() -> None:
    seen = share(SCENE, hard=True)
    assert seen.budget.limit == 180
    # 15 are the treasurer's own, and 25 with the other member.
    assert (seen.others, seen.granted, seen.held, seen.presumed) == (30, 30, 40, 0)
    assert seen.others + (seen.granted or 0) + seen.held + seen.free == 180
    # What nobody has is what the treasurer can still hand out: 180 + 5 - 80 - 25.
    assert seen.free == 80


def test_what_a_silent_machine_holds_is_presumed_to_be_spent() -> None:
    seen = share(replace(SCENE, heard_us={"t/m": NOW, "b/m": NOW - SILENT_US - 1}), hard=True)
    assert (seen.held, seen.presumed, seen.free) == (15, 25, 80)


def test_without_a_treasurer_the_limit_is_the_policys() -> None:
    seen = share(replace(SCENE, others={}, own=Holding()), hard=True)
    assert (seen.budget.limit, seen.granted, seen.free) == (100, 0, 100)


def test_what_was_spent_under_an_earlier_name_is_not_others() -> None:
    own = replace(OWN, before=20)
    assert share(replace(SCENE, own=own), hard=False).others == 10
    assert share(replace(SCENE, own=own), hard=True).granted == 50


def test_members_are_told_this_one_first() -> None:
    assert members(SCENE, hard=True) == (
        Member("a", "m", "all", spent=7, held=23, heard_us=NOW, you=True),
        Member("b", "m", "all", spent=20, held=25, heard_us=NOW),
        Member("t", "m", "all", spent=10, held=15, heard_us=NOW),
    )
