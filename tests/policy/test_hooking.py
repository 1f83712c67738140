from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy import hooking
from tokenguard.policy.budgets import LEVELS, Slot, Standing, branch_key
from tokenguard.policy.forecast import Forecast
from tokenguard.policy.hooking import Line
from tokenguard.policy.money import NANOS, parse_amount
from tokenguard.policy.reactions import REACTIONS, Reaction, Reactions, tightened
from tokenguard.policy.windows import FOREVER
from tokenguard.records import Budget, Unit

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000
MIDNIGHT = NOW + timedelta(hours=14)
MONTHS_END = datetime(2026, 12, 1, tzinfo=UTC)
BLOCKS = Reactions(Reaction(commit="warn", push="block"))

Told = tuple[Standing, datetime | None]


def told(
    spent: float, *, limit: int = 20, name: str = "day", scope: str = "repo", key: str = "/src/web",
    window: str = "day", until: datetime | None = MIDNIGHT, unit: Unit = Unit.USD, reserved: int = 0,
    forecast: Forecast | None = None,
) -> Told:  # fmt: skip
    size = NANOS if unit is Unit.USD else 1
    budget = Budget(name, limit * size, scope=scope, window=window, unit=unit, forecast=forecast is not None)
    resets_us = None if until is None else int(until.timestamp()) * 1_000_000
    spent = int(spent * size)
    slot = Slot(budget, key, FOREVER)
    return Standing(slot, limit * size, spent, reserved, resets_us=resets_us, forecast=forecast), until


def lines(*standings: Told, reactions: Reactions = BLOCKS, now_us: int = NOW_US) -> list[Line]:
    return list(hooking.lines("*", "*", standings, reactions, now_us))


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def test_a_warning_says_which_budget_how_far_and_when_it_resets() -> None:
    first, last = lines(told(18.2))
    assert (first.commit, first.push, first.expires_s) == ("warn", "warn", seconds(MIDNIGHT))
    assert first.message == "web/day at 91% ($18.20 of $20.00, resets 00:00)"
    assert last == Line("*", "*", 0)


def test_a_block_also_says_how_to_go_on() -> None:
    first, _ = lines(told(20.1))
    assert (first.commit, first.push) == ("warn", "block")
    assert first.message == (
        "web/day is used up ($20.10 of $20.00, resets 00:00). "
        "To go on: tokenguard budget raise web/day --amount 10 --reason WHY"
    )


def team(spent: float) -> Told:
    budget = Budget(
        "month", 20 * NANOS, scope="team", window="month", mode="strict", source="team:web", owner="team:web"
    )
    resets_us = int(MONTHS_END.timestamp()) * 1_000_000
    standing = Standing(Slot(budget, "team:web", FOREVER), 20 * NANOS, int(spent * NANOS), 0, resets_us=resets_us)
    return standing, MONTHS_END


def test_a_team_s_limit_is_not_yours_and_is_raised_by_whoever_keeps_it() -> None:
    reactions = Reactions(own=Reaction(push="block"), team=Reaction(push="block"))
    first, _ = lines(team(20.1), reactions=reactions)
    assert first.message == (
        "the limit that binds is team:web/month, not yours: it is used up ($20.10 of $20.00 used by all, "
        "resets Dec 1 00:00). To go on: whoever keeps the budgets of web runs "
        "tokenguard team raise month --amount 10 --reason WHY"
    )
    assert first.push == "block" and first.about == (("team:web/month", "hard"),)
    assert lines(team(18.2), reactions=reactions)[0].message == (
        "the limit that binds is team:web/month, not yours: it is at 91% ($18.20 of $20.00 used by all, "
        "resets Dec 1 00:00)"
    )


def test_what_is_only_seen_by_all_is_raised_where_it_is_written() -> None:
    standing, until = team(20.1)
    budget = msgspec.structs.replace(standing.slot.budget, mode="calibrated")
    shared = msgspec.structs.replace(standing, slot=Slot(budget, "team:web", FOREVER))
    first, *_ = lines((shared, until), reactions=Reactions(team=Reaction(push="block")))
    assert first.message.endswith("To go on: raise month of web in tokenguard.toml, for all who agree")


def test_a_team_s_limit_meets_what_is_set_for_teams() -> None:
    reactions = Reactions(own=Reaction(commit="off", push="block"), team=Reaction(commit="block", push="off"))
    first, *_ = lines(team(20.1), told(20.1), reactions=reactions)
    assert (first.commit, first.push) == ("block", "block")
    assert first.message.startswith("web/day is used up") and "; team:web/month is used up too" in first.message


def test_below_the_level_nothing_is_said() -> None:
    assert lines(told(17.9)) == [Line("*", "*", 0)]
    assert lines() == [Line("*", "*", 0)]


@pytest.mark.parametrize("level", LEVELS[1:])
@pytest.mark.parametrize("does", REACTIONS)
def test_levels_decide_from_where_on_hooks_speak_and_stop(level: str, does: str) -> None:
    reactions = Reactions(Reaction(commit=does, push="off", warn_at=level, block_at="hard"))
    for percent, reached in ((0, "ok"), (49, "ok"), (50, "info"), (75, "warn"), (90, "soft"), (100, "hard")):
        first, *_ = lines(told(percent / 5), reactions=reactions)
        at = LEVELS.index(reached) >= LEVELS.index(level)
        expected = "ok"
        if does != "off" and at:
            expected = "block" if does == "block" and reached == "hard" else "warn"
        assert (first.commit, first.push) == (expected, "ok")


def test_what_is_reserved_is_not_spent() -> None:
    assert lines(told(10, reserved=15 * NANOS)) == [Line("*", "*", 0)]


def test_budgets_of_a_team_are_taken_as_is_set_for_them() -> None:
    reactions = Reactions(own=Reaction(commit="off", push="off"), team=Reaction(commit="block"))
    assert lines(told(21), reactions=reactions) == [Line("*", "*", 0)]
    assert lines(told(21, scope="team", key="web"), reactions=reactions)[0].commit == "block"


def test_after_a_reset_the_others_hold() -> None:
    day, month = told(25), told(95, limit=100, name="month", window="month", until=MONTHS_END)
    total = told(19, name="ever", window="total", until=None)
    found = lines(month, total, day)
    assert [(one.expires_s, one.commit, one.push) for one in found] == [
        (seconds(MIDNIGHT), "warn", "block"),
        (seconds(MONTHS_END), "warn", "warn"),
        (0, "warn", "warn"),
    ]
    assert found[0].message.startswith("web/day is used up ($25.00 of $20.00, resets 00:00); web/ever at 95% too;")
    assert found[1].message == "web/ever at 95% ($19.00 of $20.00); web/month at 95% too"
    assert found[2].message == "web/ever at 95% ($19.00 of $20.00)"


def test_a_line_lasts_as_long_as_nothing_in_it_changes() -> None:
    day, fine = told(25), told(1, name="hour", until=NOW + timedelta(hours=1))
    assert [one.expires_s for one in lines(day, fine)] == [seconds(MIDNIGHT), 0]


def test_a_window_that_has_ended_says_nothing() -> None:
    assert lines(told(25, until=NOW)) == [Line("*", "*", 0)]


def test_an_end_is_never_early() -> None:
    (first, _) = hooking.lines("*", "*", [told(25)], BLOCKS, NOW_US)
    standing, resets = told(25)
    late = Standing(standing.slot, standing.limit, standing.spent, 0, resets_us=(standing.resets_us or 0) + 1)
    assert hooking.lines("*", "*", [(late, resets)], BLOCKS, NOW_US)[0].expires_s == first.expires_s + 1


def test_a_rolling_window_says_nothing_once_all_has_left_it() -> None:
    rolling = told(19, window="rolling 5h", until=None)
    first, last = lines(rolling)
    assert first.message == "web/day at 95% ($19.00 of $20.00 in the last 5h)"
    later = int((NOW + timedelta(hours=5)).timestamp())
    assert later <= first.expires_s <= later + 1800
    assert last == Line("*", "*", 0)
    soon, later = (lines(rolling, now_us=NOW_US + minutes * 60_000_000)[0].expires_s for minutes in (1, 29))
    assert soon == later


@given(st.lists(st.tuples(st.integers(0, 150), st.sampled_from([None, 1, 2, 30, 700])), max_size=6))
def test_at_any_time_the_first_line_that_lasts_says_what_is_true_then(given: list[tuple[int, int | None]]) -> None:
    """As a hook reads them, hours later, if nothing is spent meanwhile."""
    standings = [
        told(spent, limit=100, name=f"b{number}", until=None if hours is None else NOW + timedelta(hours=hours))
        for number, (spent, hours) in enumerate(given)
    ]
    found = lines(*standings)
    assert found[-1].expires_s == 0 and all(one.expires_s for one in found[:-1])
    for hours in (0, 0.5, 1, 1.5, 2, 29, 30, 699, 700, 9000):
        at = NOW + timedelta(hours=hours)
        read = next(one for one in found if not one.expires_s or seconds(at) < one.expires_s)
        left = [spent for spent, ends in given if ends is None or ends > hours]
        worst = max(left, default=0)
        assert read.commit == ("warn" if worst >= 90 else "ok")
        assert read.push == ("block" if worst >= 100 else "warn" if worst >= 90 else "ok")
        assert (read.message == "") == (worst < 90)


def test_the_tightest_budget_is_named_first_and_others_beside_it() -> None:
    many = [told(20 + number, name=f"b{number}") for number in range(5)]
    (first, _) = lines(*many)
    assert first.message.startswith("web/b4 is used up ($24.00 of $20.00, resets 00:00); web/b3 is used up too;")
    assert "; 2 more. To go on:" in first.message


@pytest.mark.parametrize(
    ("standing", "message"),
    [
        (
            told(1_900_000, limit=2_000_000, unit=Unit.TOKENS),
            "web/day at 95% (1.9M of 2.0M tokens, resets 00:00)",
        ),
        (
            told(10, limit=10, unit=Unit.CALLS, until=MONTHS_END),
            "web/day is used up (10 of 10 calls, resets Dec 1 00:00)",
        ),
        (
            told(91, limit=95, unit=Unit.PERCENT, key="", name="claude"),
            "claude at 95% (91% used, the limit is 95%, resets 00:00)",
        ),
        (
            told(19, key=branch_key("/src/web", "feat/x"), scope="branch"),
            "web/feat/x/day at 95% ($19.00 of $20.00, resets 00:00)",
        ),
        (
            told(19, forecast=Forecast(per_hour=1, full_us=None, likely=30 * NANOS, low=0, high=0)),
            "web/day at 95% ($19.00 of $20.00, heading for $30.00, resets 00:00)",
        ),
    ],
)
def test_every_kind_of_budget_is_told_in_its_unit(standing: Told, message: str) -> None:
    assert lines(standing, reactions=Reactions())[0].message == message


@given(spent=st.integers(1, 10**13), limit=st.integers(1, 10**12), at=st.sampled_from(LEVELS[1:]))
def test_the_raise_that_is_named_is_enough(spent: int, limit: int, at: str) -> None:
    standing = Standing(Slot(Budget("day", limit), "", FOREVER), limit, spent, 0)
    reactions = Reactions(Reaction(push="block", warn_at=at, block_at=at))
    first, *_ = hooking.lines("*", "*", [(standing, None)], reactions, NOW_US)
    if first.push != "block":
        return
    words = shlex.split(first.message.partition("To go on: ")[2])
    more, unit = parse_amount(words[words.index("--amount") + 1])
    assert unit is Unit.USD
    raised = Standing(standing.slot, limit + more, spent, 0)
    assert hooking.lines("*", "*", [(raised, None)], reactions, NOW_US)[0].push == "ok"


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_no_name_breaks_a_line_or_the_command_in_it(name: str, folder: str) -> None:
    (first, _) = lines(told(25, name=name, key=f"/src/{folder.replace('/', '')}x"))
    file = hooking.status(7, [first])
    assert file.count("\n") == 2
    assert all(char.isprintable() for char in file.replace("\n", ""))
    assert file.split("\n")[1].split(" ", 5)[:5] == ["*", "*", str(seconds(MIDNIGHT)), "warn", "block"]
    command = first.message.partition(" To go on: ")[2]
    words = shlex.split(command)
    assert words[:3] == ["tokenguard", "budget", "raise"] and words[4:] == ["--amount", "10", "--reason", "WHY"]


@pytest.mark.parametrize(
    "name", ["$(reboot)", "`reboot`", "'; reboot #", 'x"; reboot', "a\\", "-n", "%s%n", "*", "a\nb"]
)
def test_hostile_names_are_words_in_the_command(name: str) -> None:
    (first, _) = lines(told(25, name=name))
    words = shlex.split(first.message.partition(" To go on: ")[2])
    assert len(words) == 8 and "\n" not in first.message
    if name.isprintable():
        assert words[3] == f"web/{name}"


@pytest.mark.parametrize(
    ("name", "plain"),
    [("main", True), (".", True), ("$(id)", True), ("ä;|", True), ("\udcff", True)]
    + [("*", False), ("-", False), ("", False), ("a b", False), ("a\tb", False), ("a\nb", False), ("\x7f", False)],
)
def test_names_that_would_break_a_line_are_known(name: str, plain: bool) -> None:
    assert hooking.is_plain(name) == plain


def test_a_file_is_its_format_the_process_and_the_lines() -> None:
    text = hooking.status(4711, [Line(".", "main", 12, "warn", "block", "a b  c"), Line("*", "*", 0)])
    assert text == "tokenguard 1 4711\n. main 12 warn block a b  c\n* * 0 ok ok\n"


def test_figures_are_no_gist_and_all_else_is() -> None:
    base = lines(told(19))
    assert hooking.gist(base) == hooking.gist(lines(told(19.1)))
    others = (lines(told(20)), lines(told(19, name="other")), lines(told(19, until=MONTHS_END)), lines())
    assert all(hooking.gist(base) != hooking.gist(one) for one in others)


REACTION = st.builds(
    Reaction, st.sampled_from(REACTIONS), st.sampled_from(REACTIONS),
    st.sampled_from(LEVELS[1:]), st.sampled_from(LEVELS[1:]),
)  # fmt: skip


@given(REACTION, REACTION, st.integers(0, 110))
def test_whoever_tightens_never_loosens(mine: Reaction, theirs: Reaction, percent: int) -> None:
    both = tightened(mine, theirs)
    said = [lines(told(percent / 5), reactions=Reactions(one))[0] for one in (mine, theirs, both)]
    for at in ("commit", "push"):
        first, second, strictest = (hooking.VERDICTS.index(getattr(one, at)) for one in said)
        assert strictest >= max(first, second)
