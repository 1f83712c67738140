from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy.forecast import DAY_US, HOUR_US, Forecast, forecast, of_span

NOON = 20_000 * DAY_US + 12 * HOUR_US
MIDNIGHT = NOON + 12 * HOUR_US


def days(*afternoons: int) -> list[tuple[int, int]]:
    """So much was spent from two to three in the afternoon, the oldest day first, and 5 each morning at nine."""
    found: list[tuple[int, int]] = []
    for index, value in enumerate(afternoons):
        noon = NOON - (len(afternoons) - index) * DAY_US
        found += [(noon - 3 * HOUR_US, 5), (noon + 2 * HOUR_US, value)]
    return [*found, (NOON - 3 * HOUR_US, 5)]


def of(hours: list[tuple[int, int]], *, spent: int = 0, last_hour: int = 0, end_us: int | None = MIDNIGHT) -> Forecast:
    return forecast(spent=spent, limit=100, now_us=NOON, end_us=end_us, last_hour=last_hour, hours=hours)


def test_the_rest_of_a_day_is_what_it_was_on_the_days_before() -> None:
    found = of(days(10, 30, 20), spent=5)
    assert found.likely == 25
    assert found.low is not None and 5 < found.low < 25 < (found.high or 0)


def test_a_month_is_made_of_days() -> None:
    assert of(days(10, 30, 20), end_us=NOON + 10 * DAY_US).likely == 10 * (20 + 5)


def test_days_that_are_all_alike_leave_no_doubt() -> None:
    found = of(days(20, 20, 20, 20))
    assert (found.low, found.likely, found.high) == (20, 20, 20)


def test_what_is_spent_now_may_go_on() -> None:
    assert of(days(20, 20, 20), last_hour=50).high == 400


def test_of_a_first_day_little_is_known() -> None:
    found = of([(NOON - 2 * HOUR_US, 20)], spent=20, last_hour=0)
    assert (found.low, found.likely, found.high) == (20, 140, 140)


def test_of_a_month_that_has_just_begun_nothing_is_said() -> None:
    found = of([(NOON - 2 * HOUR_US, 20)], spent=20, last_hour=20, end_us=NOON + 30 * DAY_US)
    assert (found.per_hour, found.likely, found.full_us) == (20, None, NOON + 4 * HOUR_US)


@pytest.mark.parametrize(
    ("spent", "last_hour", "hours_until_full"),
    [(0, 0, None), (50, 25, 2), (100, 25, 0), (0, 10, 10), (0, 5, None)],
)
def test_when_the_limit_is_reached(spent: int, last_hour: int, hours_until_full: int | None) -> None:
    expected = None if hours_until_full is None else NOON + hours_until_full * HOUR_US
    assert of([], spent=spent, last_hour=last_hour).full_us == expected


def test_a_window_without_end_has_no_projection() -> None:
    found = of(days(20, 20), last_hour=5, end_us=None)
    assert (found.likely, found.full_us) == (None, NOON + 20 * HOUR_US)


def test_what_takes_more_than_a_century_is_never_reached() -> None:
    century = 36_525 * 24
    for hours, reached in ((century - 1, NOON + (century - 1) * HOUR_US), (century, None), (10**12, None)):
        found = forecast(spent=0, limit=hours, now_us=NOON, end_us=None, last_hour=1, hours=[])
        assert found.full_us == reached


@pytest.mark.parametrize(("last_hour", "hours_until_full"), [(19, None), (20, None), (25, 4)])
def test_a_rolling_window_fills_only_if_more_comes_in_than_it_holds(
    last_hour: int, hours_until_full: int | None
) -> None:
    found = forecast(spent=0, limit=100, now_us=NOON, end_us=None, last_hour=last_hour, hours=[], span_us=5 * HOUR_US)
    assert found.full_us == (None if hours_until_full is None else NOON + hours_until_full * HOUR_US)


@given(
    spent=st.integers(0, 10**12),
    last_hour=st.integers(0, 10**12),
    left=st.integers(0, 400 * DAY_US),
    past=st.lists(st.tuples(st.integers(0, 14 * 24), st.integers(0, 10**12)), max_size=50),
)
def test_the_likely_is_within_the_band(spent: int, last_hour: int, left: int, past: list[tuple[int, int]]) -> None:
    hours = sorted((NOON - ago * HOUR_US, value) for ago, value in past)
    found = of(hours, spent=spent, last_hour=last_hour, end_us=NOON + left)
    if found.likely is None:
        return
    assert found.low is not None and found.likely is not None and found.high is not None
    assert spent <= found.low <= found.likely <= found.high


@pytest.mark.parametrize(
    ("since", "until", "likely"),
    [(0, 1, 0), (2, 3, 20), (2.5, 3, 10), (12, 36, 30), (26, 27, 20), (14 * 24 + 2, 14 * 24 + 3, 20)],
)
def test_a_span_to_come_is_what_it_was_on_the_days_before(since: float, until: float, likely: int) -> None:
    span = round(NOON + since * HOUR_US), round(NOON + until * HOUR_US)
    found = of_span(days(10, 30, 20), NOON, *span)
    assert found is not None and found[0] == likely
    assert found[1] <= found[0] <= found[2]


def test_of_one_day_nothing_follows() -> None:
    assert of_span(days(10), NOON, NOON, NOON + HOUR_US) is None
    assert of_span([], NOON, NOON, NOON + HOUR_US) is None


def weeks(count: int, sunday: int) -> list[tuple[int, int]]:
    """20 on each afternoon from two to three, and so much on every seventh, the last of which was yesterday."""
    found = [(NOON - 7 * count * DAY_US, 0)]
    for ago in range(7 * count, 0, -1):
        found.append((NOON + (2 - 24 * ago) * HOUR_US, sunday if ago % 7 == 1 else 20))
    return found


def test_days_of_the_week_are_told_apart_once_each_is_known_twice() -> None:
    known = weeks(2, sunday=90)
    assert of(known).likely == 20
    assert of(known, end_us=NOON + 7 * DAY_US).likely == 6 * 20 + 90
    assert of(known, end_us=NOON + 16 * DAY_US + 3 * HOUR_US).likely == 2 * (6 * 20 + 90) + 3 * 20
    # Days that are like their own leave no doubt, however much they differ from others.
    week = of(known, end_us=NOON + 7 * DAY_US)
    assert week.low == week.high == week.likely
    week = of(weeks(1, sunday=90)[3:], end_us=NOON + 7 * DAY_US)
    assert week.low is not None and week.high is not None and week.low < week.high


def test_a_span_to_come_is_what_it_was_on_its_day_of_the_week() -> None:
    def afternoon(ahead: int) -> int | None:
        since = NOON + ahead * DAY_US + 2 * HOUR_US
        found = of_span(weeks(4, sunday=90), NOON, since, since + HOUR_US)
        return found and found[0]

    assert [afternoon(ahead) for ahead in range(14)] == [*[20] * 6, 90] * 2
