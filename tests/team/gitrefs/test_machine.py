"""Machines of a team around refs in memory: what each may spend, and what a crash, a copy or a clock does to it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.team.gitrefs.team import DAY, DOLLAR, NOON, Machine, Refs, Wall, budget, policy, share_of
from tokenguard.errors import TeamError
from tokenguard.policy.rights import Cells
from tokenguard.records.teams import TeamPolicy
from tokenguard.team.gitrefs import backend
from tokenguard.team.gitrefs.document import Document
from tokenguard.team.shape import Demand, Place

Make = Callable[..., Machine]


@pytest.fixture
def remote() -> Refs:
    return Refs()


@pytest.fixture
def make(tmp_path: Path, remote: Refs) -> Make:
    def made(name: str, rules: TeamPolicy | None = None, clock: Wall | None = None) -> Machine:
        return Machine(rules or policy(), tmp_path / name, name, remote, clock)

    return made


async def around(*machines: Machine, times: int = 2) -> None:
    for _ in range(times):
        for machine in machines:
            await machine.sync()


async def drain(*machines: Machine, step: int = DOLLAR) -> None:
    """All of them spend what they can, and wait for more, until nobody gets any for some turns."""
    idle = 0
    while idle < 4:
        idle += 1
        for machine in machines:
            while machine.desk.spend("all", step):
                idle = 0
            machine.desk.wanted = Demand(short=step)
        await around(*machines, times=1)


def spent(*machines: Machine) -> int:
    return sum(call.spent for machine in machines for call in machine.desk.calls)


async def test_shared_everybody_sees_what_all_have_spent(make: Make) -> None:
    rules = policy(mode="shared", treasurer="")
    ann, bob = make("ann", rules), make("bob", rules)
    ann.desk.overspend(30 * DOLLAR)
    await around(ann, bob)
    share = share_of(await bob.sync())
    assert (share.others, share.granted, share.budget.limit) == (30 * DOLLAR, None, 100 * DOLLAR)
    assert share_of(await ann.sync()).others == 0
    assert [(one.id, one.spent, one.you) for one in (await bob.sync()).members] == [
        ("bob", 0, True),
        ("ann", 30 * DOLLAR, False),
    ]


async def test_nothing_can_be_spent_before_the_treasurer_was_heard_of(make: Make) -> None:
    bob = make("bob")
    heard = await bob.sync()
    assert share_of(heard).granted == 0
    assert heard.remarks == (
        "the treasurer ann/m was not heard of yet: nothing is handed out before its machine takes part",
    )


async def test_each_gets_a_part_and_the_sum_is_the_limit(make: Make) -> None:
    ann, bob, cid = make("ann"), make("bob"), make("cid")
    await around(ann, bob, cid)
    share = share_of(await bob.sync())
    assert share.granted and share.granted > 5 * DOLLAR
    assert share.free + share.held + share.granted == 100 * DOLLAR
    bob.desk.spend("all", 3 * DOLLAR)
    await bob.sync()
    share = share_of(await cid.sync())
    assert (share.others, share.presumed) == (3 * DOLLAR, 0)
    assert share.free + share.held + (share.granted or 0) + share.others == 100 * DOLLAR


async def test_a_call_that_waits_gets_what_others_hold(make: Make) -> None:
    ann, bob, cid = make("ann"), make("bob"), make("cid")
    await around(ann, bob, cid, times=4)
    assert cid.desk.room("all") > 5 * DOLLAR
    await drain(ann, bob)
    assert spent(ann, bob) < 95 * DOLLAR
    for _ in range(6):
        await cid.sync()
        await drain(ann, bob)
    assert 98 * DOLLAR <= spent(ann, bob) <= 100 * DOLLAR
    assert spent(ann, bob) + cid.desk.room("all") <= 100 * DOLLAR


async def test_what_is_reserved_is_not_given_away(make: Make) -> None:
    ann, bob, cid = make("ann"), make("bob"), make("cid")
    await around(ann, bob, cid, times=4)
    call = cid.desk.admit("all", cid.desk.room("all"))
    assert call
    bob.desk.wanted = Demand(short=100 * DOLLAR)
    await around(bob, cid, ann, times=5)
    assert cid.desk.room("all") >= 0
    cid.desk.settle(call, call.reserved)
    await around(bob, cid, ann, times=5)
    assert spent(ann, bob, cid) + sum(machine.desk.room("all") for machine in (ann, bob, cid)) <= 100 * DOLLAR


async def test_calls_that_begin_while_a_turn_is_taken_are_covered(make: Make) -> None:
    ann, bob, cid = make("ann"), make("bob"), make("cid")
    await around(ann, bob, cid, times=4)
    bob.desk.wanted = Demand(short=100 * DOLLAR)
    await around(bob, ann, bob)
    machines = (ann, bob, cid)

    def spend() -> None:
        while cid.desk.spend("all", DOLLAR // 7):
            pass

    cid.view.before_push = cid.view.after_push = spend
    for _ in range(6):
        await around(cid, ann, bob, times=1)
        while bob.desk.spend("all", DOLLAR // 7) or ann.desk.spend("all", DOLLAR // 7):
            pass
        assert spent(*machines) <= 100 * DOLLAR


@pytest.mark.parametrize("moment", ["before_push", "after_push"])
async def test_a_turn_that_failed_has_told_nobody_anything(make: Make, moment: str) -> None:
    machines = ann, bob, cid = make("ann"), make("bob"), make("cid")
    await around(*machines, times=4)
    bob.desk.wanted = Demand(short=100 * DOLLAR)
    await around(bob, ann, times=3)
    bob.desk.wanted = Demand(short=20 * DOLLAR)
    while bob.desk.spend("all", DOLLAR):
        await around(bob, ann, times=1)

    def fail() -> None:
        raise TeamError("cut off")

    def spend() -> None:
        while cid.desk.spend("all", DOLLAR // 7):
            pass

    assert cid.desk.spend("all", 1)
    setattr(cid.view, moment, fail)
    with pytest.raises(TeamError):
        await cid.sync()
    assert cid.backend.last()
    # Its calls still go by what it was told before, while the next turn is taken.
    cid.view.before_push = cid.view.after_push = None
    setattr(cid.view, moment, spend)
    assert cid.desk.spend("all", 1)
    await cid.sync()
    await drain(ann, bob)
    assert spent(cid) > 5 * DOLLAR
    assert 95 * DOLLAR < spent(*machines) <= 100 * DOLLAR


async def test_after_a_restart_it_goes_on_with_what_it_was_told(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    assert bob.backend.last() is None
    await around(ann, bob)
    room = bob.desk.room("all")
    assert room
    await bob.again()
    assert bob.desk.room("all") == room
    bob.view.away = True
    with pytest.raises(TeamError, match="nobody answers"):
        await bob.sync()
    assert bob.desk.spend("all", room)
    await bob.again()
    assert bob.desk.room("all") == 0


async def test_two_processes_do_not_use_one_folder(make: Make) -> None:
    ann = make("ann")
    await ann.sync()
    second = Machine(ann.policy, ann.folder, "ann", ann.view.remote)
    with pytest.raises(TeamError, match="another process uses"):
        await second.sync()
    await ann.backend.close()
    await second.sync()


async def test_a_state_that_cannot_be_read_is_not_taken_for_none(make: Make) -> None:
    ann = make("ann")
    await ann.sync()
    await ann.backend.close()
    (ann.folder / "state.json").write_text("{")
    with pytest.raises(TeamError, match=r"state\.json cannot be read") as told:
        make("ann")
    assert "takes part as a new one" in told.value.hint


@pytest.mark.parametrize("whose", ["bob", "ann"])
async def test_refs_that_are_deleted_come_back_and_nobody_gains(make: Make, remote: Refs, whose: str) -> None:
    machines = make("ann"), make("bob")
    await around(*machines, times=3)
    old = dict(remote.refs)
    await drain(*machines)
    remote.refs.clear()
    await around(*machines)
    assert set(remote.refs) == {"ann/m", "bob/m"}
    remote.refs[f"{whose}/m"] = old[f"{whose}/m"]
    await around(*machines)
    await drain(*machines)
    assert 98 * DOLLAR <= spent(*machines) <= 100 * DOLLAR
    assert not any(machine.backend.machine != "m" for machine in machines)


async def test_a_copy_of_a_machine_takes_another_name_and_has_nothing(make: Make, tmp_path: Path, remote: Refs) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    assert bob.desk.spend("all", DOLLAR)
    await around(ann, bob)
    room = bob.desk.room("all")
    shutil.copytree(bob.folder, tmp_path / "copied")
    copy = Machine(policy(), tmp_path / "copied", "bob", remote)
    copy.desk.calls = list(bob.desk.calls)
    copy.desk.hear(copy.backend.last())
    assert copy.desk.room("all") <= 0
    heard = await copy.sync()
    assert copy.backend.machine != "m"
    assert "is a copy, or was put back from a backup" in heard.remarks[0]
    # The dollar is in both books, and was spent once.
    assert share_of(await copy.sync()).others == 0
    assert copy.desk.room("all") == 0
    await around(ann, bob, copy)
    assert bob.desk.room("all") >= room
    assert copy.desk.room("all") > 0
    assert copy.desk.spend("all", copy.desk.room("all"))
    await around(copy, ann, bob)
    assert bob.backend.machine == "m"
    name = copy.backend.machine
    await copy.again()
    assert copy.backend.machine == name


async def test_the_image_of_a_disk_is_found_out_by_what_the_ref_says(make: Make, tmp_path: Path, remote: Refs) -> None:
    """Even the inode is the same; what gives it away is a document that it did not write."""
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    await bob.backend.close()
    image = (bob.folder / "state.json").read_bytes()
    await bob.again()
    assert bob.desk.spend("all", DOLLAR)
    await bob.sync()
    await bob.backend.close()
    (bob.folder / "state.json").write_bytes(image)
    copy = Machine(policy(), bob.folder, "bob", remote)
    await copy.sync()
    assert copy.backend.machine != "m"
    assert copy.desk.room("all") == 0


async def test_of_two_images_that_write_at_once_the_second_gives_way(make: Make, tmp_path: Path, remote: Refs) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    image = (bob.folder / "state.json").read_bytes()
    bob.desk.overspend(DOLLAR)

    def other() -> None:
        """The original is faster, between this one's look at the ref and its writing there."""
        bob.view.before_push = None
        known = remote.read("bob/m")
        assert known
        remote.write("bob/m", replace(known, sequence=known.sequence + 1, instance="other"))

    bob.view.before_push = other
    await bob.sync()
    assert bob.backend.machine != "m"
    assert image != (bob.folder / "state.json").read_bytes()


async def test_two_that_were_given_one_name_do_not_share_what_one_of_them_was_given(make: Make, remote: Refs) -> None:
    """Not even where all refs were deleted before the second one was heard of."""
    ann, bob = make("ann"), make("bob")
    await around(ann, bob, times=3)
    assert bob.desk.room("all") > 0
    remote.refs.clear()
    other = Machine(policy(), bob.folder.with_name("other"), "bob", remote)
    await other.sync()
    assert other.who == "bob/m"
    await around(ann, other)
    assert other.who != "bob/m"
    assert spent(other) + bob.desk.room("all") + other.desk.room("all") + ann.desk.room("all") <= 100 * DOLLAR
    await around(bob, ann, other, bob)
    assert bob.who == "bob/m"
    await drain(ann, bob, other)
    assert 97 * DOLLAR <= spent(ann, bob, other) <= 100 * DOLLAR


async def test_a_machine_that_lost_its_file_does_not_take_over_what_was_its_own(
    make: Make, remote: Refs, tmp_path: Path
) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    assert bob.desk.spend("all", 2 * DOLLAR)
    await around(ann, bob)
    await bob.backend.close()
    (bob.folder / "state.json").unlink()
    new = Machine(policy(), bob.folder, "bob", remote)
    new.desk.calls = bob.desk.calls
    share = share_of(await new.sync())
    assert new.backend.machine != "m"
    assert (share.others, new.desk.room("all")) == (0, 0)


async def test_the_limit_of_the_policy_is_the_treasurers_to_read(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    await ann.backend.close()
    ann = make("ann", policy(one=budget(60)))
    ann.desk.hear(ann.backend.last())
    await around(ann, bob)
    assert share_of(await bob.sync()).budget.limit == 60 * DOLLAR
    await ann.backend.close()
    ann = make("ann", policy(one=budget(10)))
    heard = await ann.sync()
    low = share_of(heard).budget.limit
    assert 10 * DOLLAR < low < 60 * DOLLAR
    assert heard.remarks[0].startswith("all: the limit falls to $10.00 when machines give back")


async def test_the_treasurer_raises_a_limit_for_this_period_and_it_stays_on_record(make: Make, remote: Refs) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    heard = await ann.backend.change("all", 50 * DOLLAR, "the release")
    assert share_of(heard).budget.limit == 150 * DOLLAR
    document = remote.read("ann/m")
    assert document and [(one.amount, one.reason) for one in document.changes] == [(50 * DOLLAR, "the release")]
    assert share_of(await bob.sync()).budget.limit == 150 * DOLLAR
    assert share_of(await ann.backend.change("all", -20 * DOLLAR, "less")).budget.limit == 130 * DOLLAR
    ann.clock.at_us += 31 * DAY
    assert share_of(await ann.sync()).budget.limit == 100 * DOLLAR


async def test_a_change_gives_nothing_away_that_calls_have_taken_since(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    call = ann.desk.admit("all", ann.desk.room("all"))
    assert call and call.reserved > DOLLAR
    bob.desk.wanted = Demand(short=100 * DOLLAR)
    for changes in range(1, 12):
        await bob.sync()
        ann.desk.hear(await ann.backend.change("all", 1, "more"))
        await bob.sync()
        while bob.desk.spend("all", DOLLAR // 10):
            pass
        assert spent(bob) + call.reserved <= 100 * DOLLAR + changes
    assert spent(bob) > 80 * DOLLAR


@pytest.mark.parametrize("then", ["", "restarted", "cut off"])
async def test_a_change_counts_what_calls_took_before_they_were_told_of_less(make: Make, then: str) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    bob.desk.wanted = Demand(short=25 * DOLLAR)

    def take_all() -> None:
        """Just when it is decided that it keeps less, and before its calls are told."""
        kept = max(one.said.kept for one in ann.state().holdings["all"].values())
        if kept < (ann.desk.shares["all"].granted or 0):
            ann.desk.admit("all", ann.desk.room("all"))

    ann.view.before_push = take_all
    while not ann.desk.calls:
        while bob.desk.spend("all", DOLLAR // 10):
            pass
        await around(bob, ann, times=1)
    if then == "restarted":
        await ann.again()
    if then == "cut off":
        ann.view.away = True
        with pytest.raises(TeamError):
            await ann.sync()
        ann.view.away = False
    for _ in range(8):
        ann.desk.hear(await ann.backend.change("all", 1, "more"))
        await bob.sync()
        while bob.desk.spend("all", DOLLAR // 10):
            pass
    assert spent(bob) + ann.desk.calls[0].reserved <= 100 * DOLLAR + 8


async def test_a_raise_is_written_down_even_if_nobody_can_be_told(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    ann.view.away = True
    heard = await ann.backend.change("all", 50 * DOLLAR, "offline")
    assert heard.remarks[0].startswith("the change of all is not published yet")
    ann.view.away = False
    await ann.again()
    await around(ann, bob)
    assert share_of(await bob.sync()).budget.limit == 150 * DOLLAR


async def test_who_may_not_change_a_limit_is_told_what_to_do(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    with pytest.raises(TeamError, match="only the treasurer can change all: ann/m"):
        await bob.backend.change("all", DOLLAR, "")
    with pytest.raises(TeamError, match="no budget none"):
        await ann.backend.change("none", DOLLAR, "")
    cid = make("cid", policy(mode="shared"))
    with pytest.raises(TeamError, match=r"in tokenguard\.toml"):
        await cid.backend.change("all", DOLLAR, "")
    with pytest.raises(TeamError, match="hands nothing out"):
        await cid.backend.lease(cid.desk, DOLLAR)


async def test_more_can_be_asked_for_before_a_journey(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    room = bob.desk.room("all")
    heard = await bob.backend.lease(bob.desk, 10 * DOLLAR)
    assert heard.remarks == ("all: asked for; the treasurer answers when its machine reports next",)
    await around(ann, bob)
    assert bob.desk.room("all") >= room + 10 * DOLLAR
    own = share_of(await ann.backend.lease(ann.desk, 5 * DOLLAR))
    assert own.granted and own.granted >= 5 * DOLLAR


async def test_who_leaves_gives_everything_back(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    assert bob.desk.spend("all", DOLLAR)
    bob.desk.shares = {}
    await bob.backend.leave(bob.desk)
    await bob.backend.close()
    await ann.sync()
    share = share_of(await ann.sync())
    assert (share.others, share.held) == (DOLLAR, 0)
    await bob.again()
    await around(bob, ann, bob)
    assert bob.desk.room("all") > 0


async def test_the_next_month_begins_without_the_treasurer(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    for machine in (ann, bob):
        machine.clock.at_us = NOON + 13 * DAY
    await around(ann, bob)
    room = bob.desk.room("all")
    bob.view.away = True
    bob.clock.at_us += 3 * DAY
    assert bob.desk.room("all") == 0
    bob.desk.hear(bob.backend.last())
    assert 0 < bob.desk.room("all") <= room


async def test_what_is_left_of_a_month_is_given_back_when_it_is_over(make: Make, remote: Refs) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    call = bob.desk.admit("all", DOLLAR)
    assert call
    for machine in (ann, bob):
        machine.clock.at_us += 31 * DAY
    await around(ann, bob, times=3)
    document = remote.read("bob/m")
    assert document
    old = min(document.budgets["all"].items())[1]
    # What the call has set aside stays until it is known what it took.
    assert sum(old.taken.values()) - sum(old.given.values()) == old.kept == DOLLAR


@pytest.mark.parametrize("days", [-31, 31, 400])
async def test_a_wrong_clock_gives_nobody_more(make: Make, days: int) -> None:
    machines = make("ann"), make("bob")
    await around(*machines)
    for wrong in machines:
        wrong.clock.at_us += days * DAY
        for _ in range(2):
            for machine in machines:
                machine.desk.hear(machine.backend.last())
                machine.desk.spend("all", DOLLAR)
            await around(*machines)
        wrong.clock.at_us -= days * DAY
        heard = await wrong.sync()
        if days > 0:
            assert any("clock of this machine was set back" in told for told in heard.remarks)
    await drain(*machines)
    month = [call for machine in machines for call in machine.desk.calls if NOON - DAY < call.at_us < NOON + DAY]
    assert 98 * DOLLAR <= sum(call.spent for call in month) <= 100 * DOLLAR
    assert spent(*machines) <= 200 * DOLLAR


async def test_a_period_that_was_forgotten_does_not_begin_anew(make: Make) -> None:
    ann = make("ann", policy(one=budget(window="day")))
    await ann.sync()
    while ann.desk.spend("all", DOLLAR):
        await ann.sync()
    for _ in range(20):
        ann.clock.at_us += DAY
        await ann.sync()
    ann.clock.at_us = NOON
    heard = await ann.sync()
    assert share_of(heard).granted == 0
    assert any("has forgotten this period" in told for told in heard.remarks)


async def test_a_later_treasurer_waits_for_the_period_after_the_next(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    for machine in (ann, bob):
        while machine.desk.spend("all", DOLLAR):
            pass
        await machine.backend.close()
    new = policy(treasurer="bob/m")
    before = spent(ann, bob)
    machines = later = [make("ann", new), make("bob", new)]
    for machine, old in zip(later, (ann, bob), strict=True):
        machine.desk.calls = old.desk.calls
        machine.desk.hear(machine.backend.last())
    await around(*machines, times=3)
    heard = await later[1].sync()
    assert any("ann/m was the treasurer when this period began" in told for told in heard.remarks)
    await drain(*machines)
    assert before < spent(*machines) <= 100 * DOLLAR
    for machine in machines:
        machine.clock.at_us += 62 * DAY
    await around(*machines, times=3)
    assert later[0].desk.room("all") > 0


async def test_who_was_never_named_as_treasurer_hands_nothing_out(make: Make, remote: Refs) -> None:
    bob = make("bob")
    await bob.sync()
    document = remote.read("bob/m")
    assert document is not None
    period = "1793491200-1796083200"
    lie = Cells(allot=10**15, given={"bob/m": 10**12})
    remote.write("eve/m", Document(1, 9, "eve", NOON, {"all": {period: lie}}))
    await around(bob)
    assert bob.desk.room("all") == 0
    # The same from the treasurer is believed, which shows that it is the right period.
    remote.write("ann/m", Document(1, 9, "ann", NOON, {"all": {period: lie}}))
    await around(bob)
    assert bob.desk.room("all") == 10**12


async def test_a_treasurer_that_takes_a_word_back_is_not_believed_again(make: Make, remote: Refs) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    document = remote.read("ann/m")
    assert document
    (period, cells), *_ = document.budgets["all"].items()
    changed = Cells(allot=cells.allot, given={"bob/m": 10, "eve/m": 10**10})
    remote.write("ann/m", Document(1, document.sequence + 1, "other", NOON, {"all": {period: changed}}))
    heard = await bob.sync()
    assert "all: ann/m contradicts what it said before; nothing more is taken from it in this period" in heard.remarks
    more = Cells(allot=cells.allot, given={"bob/m": 5 * 10**10, "eve/m": 10**10})
    remote.write("ann/m", Document(1, document.sequence + 2, "other", NOON, {"all": {period: more}}))
    room = bob.desk.room("all")
    await around(bob)
    assert bob.desk.room("all") == room


async def test_a_refused_report_is_told_and_what_was_handed_out_stays_usable(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    room = bob.desk.room("all")
    bob.view.refused = "pre-receive hook declined"
    assert bob.desk.spend("all", DOLLAR)
    heard = await bob.sync()
    assert heard.remarks[0].startswith("the remote takes no reports of this machine (pre-receive hook declined)")
    assert "`remote`" in heard.remarks[0]
    assert bob.desk.room("all") == room - DOLLAR


async def test_nothing_is_pushed_where_nothing_is_new(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob, times=4)
    pushes = ann.view.pushes + bob.view.pushes
    await around(ann, bob, times=5)
    assert ann.view.pushes + bob.view.pushes == pushes
    bob.clock.at_us += 3_600 * 1_000_000
    await bob.sync()
    assert bob.view.pushes + ann.view.pushes == pushes + 1


async def test_turns_are_worth_while_more_often_as_long_as_others_have_what_somebody_lacks(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    assert (ann.backend.every_s, bob.backend.every_s) == (30, 60)
    bob.desk.wanted = Demand(short=20 * DOLLAR)
    await around(bob, times=1)
    assert bob.backend.every_s == 10
    await around(ann, bob)
    assert bob.backend.every_s == 60
    await drain(ann, bob, step=DOLLAR // 10)
    assert (ann.backend.every_s, bob.backend.every_s) == (30, 60)


async def test_a_machine_that_is_silent_for_a_day_is_presumed_to_spend_what_it_has(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    before = share_of(await ann.sync())
    ann.clock.at_us += 2 * DAY
    after = share_of(await ann.sync())
    assert (before.held, before.presumed) == (after.presumed, after.held) != (0, 0)


async def test_sums_of_overspending_are_kept_back(make: Make) -> None:
    """As after a change from `shared`, or where a log told of calls that were not asked for."""
    ann, bob = make("ann"), make("bob")
    bob.desk.overspend(40 * DOLLAR)
    await around(bob, ann, bob, ann)
    await drain(ann, bob)
    assert 98 * DOLLAR <= spent(ann, bob) <= 100 * DOLLAR


async def test_a_turn_that_is_cancelled_leaves_nothing_half_done(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await around(ann, bob)
    turn = asyncio.get_running_loop().create_task(bob.sync())
    await asyncio.sleep(0)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    await around(ann, bob)
    assert bob.desk.room("all") > 0


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (policy(one=budget(window="rolling 5h")), "has the window"),
        (policy(one=budget(window="session")), "has the window"),
        (TeamPolicy("../x"), "cannot be the name of a team"),
    ],
)
def test_what_cannot_work_is_told_at_once(rules: TeamPolicy, told: str, tmp_path: Path) -> None:
    with pytest.raises(TeamError, match=told):
        backend(rules, Place(tmp_path, "ann", "m"), Wall())
