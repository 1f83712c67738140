from __future__ import annotations

import pytest

from tests.team.gitrefs.team import DAY, NOON, budget
from tokenguard.errors import TeamError
from tokenguard.policy.windows import Window
from tokenguard.records.teams import TeamBudget
from tokenguard.team.gitrefs.periods import check, key, periods_at, start_us


def test_a_month_has_one_before_and_one_after() -> None:
    near = periods_at(budget(), NOON)
    assert [key(window) for window in near.near()] == [
        "1790812800-1793491200",
        "1793491200-1796083200",
        "1796083200-1798761600",
    ]
    assert (near.current, near.ahead) == (near.near()[1], False)
    assert periods_at(budget(), NOON + 13 * DAY).ahead


def test_what_never_ends_is_alone() -> None:
    near = periods_at(budget(window="total"), NOON)
    assert [key(window) for window in near.near()] == ["0-"]
    assert not near.ahead


@pytest.mark.parametrize(("start", "end"), [(0, None), (5_000_000, 9_000_000), (-7_000_000, 9_000_000)])
def test_a_period_says_when_it_began(start: int, end: int | None) -> None:
    assert start_us(key(Window(start, end))) == start


def test_the_end_is_part_of_the_name_so_that_another_window_is_another_period() -> None:
    first = 1_793_491_200_000_000
    names = {key(periods_at(budget(window=window), first).current) for window in ("day", "month", "year")}
    assert len(names) == 3


@pytest.mark.parametrize(
    "wrong", [TeamBudget("x", 1, "session"), TeamBudget("x", 1, "rolling 5h"), TeamBudget("x", 1, timezone="Moon/Base")]
)
def test_windows_that_differ_from_one_to_another_are_refused(wrong: TeamBudget) -> None:
    with pytest.raises(TeamError, match='the team budget "x"'):
        check(wrong)
