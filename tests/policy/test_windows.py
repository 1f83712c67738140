from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenguard.policy.windows import KINDS, WEEKDAYS, Window, rolling_us, window_at

CALENDAR = [kind for kind in KINDS if kind not in ("session", "total")]
SECOND = 1_000_000
HOUR = 3_600 * SECOND

ZONES = [
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",  # negative daylight saving, by the moon
    "Africa/Monrovia",  # an offset of seconds until 1972
    "America/Havana",  # midnight comes twice
    "America/Juneau",  # a whole day comes twice, in 1867
    "America/New_York",
    "America/Sao_Paulo",  # midnight is skipped
    "America/St_Johns",  # clocks change at 00:01
    "America/Toronto",  # 23:30 becomes 00:30, in 1919
    "Antarctica/Casey",  # moves to and fro by three hours
    "Antarctica/Troll",  # by two hours
    "Asia/Beirut",  # midnight is skipped
    "Asia/Gaza",
    "Asia/Kathmandu",  # +05:45
    "Asia/Kolkata",  # +05:30
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Eucla",  # +08:45
    "Australia/Lord_Howe",  # daylight saving of half an hour
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Apia",  # there is no 30 December 2011
    "Pacific/Chatham",  # +12:45
    "Pacific/Kiritimati",  # a day is missing at the turn of 1994
    "Pacific/Kwajalein",  # there is no 21 August 1993
]
FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1866, 2060))
CHECKED_PER_ZONE = 4_000
"""Over all zones, more than 100,000 instants."""


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


def local(at_us: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at_us // SECOND, zone).isoformat()


def ending(window: Window) -> int:
    assert window.end_us is not None
    return window.end_us


def changes_of_the_clock(zone: tzinfo) -> list[int]:
    """The seconds at which the zone's offset changes, found by looking every five days."""
    found: list[int] = []
    step = 5 * 86_400
    for low in range(FIRST, LAST, step):
        high = low + step
        if _offset(low, zone) != _offset(high, zone):
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(middle, zone) == _offset(low, zone) else (low, middle)
            found.append(high)
    return found


def _offset(second: int, zone: tzinfo) -> timedelta | None:
    return datetime.fromtimestamp(second, zone).utcoffset()


def instants(zone: tzinfo, dice: random.Random) -> list[int]:
    """Instants in order: spread over two centuries, and close to changes of the clock."""
    changes = changes_of_the_clock(zone) or [0]
    spread = [dice.randrange(FIRST * SECOND, LAST * SECOND) for _ in range(CHECKED_PER_ZONE // 2)]
    widths = (SECOND, HOUR, 36 * HOUR)
    close = [
        dice.choice(changes) * SECOND + dice.randrange(-(width := dice.choice(widths)), width)
        for _ in range(CHECKED_PER_ZONE // 2)
    ]
    return sorted(spread + close)


@pytest.mark.parametrize("zone_name", ZONES)
def test_windows_cut_time_without_gap_or_overlap(zone_name: str) -> None:
    zone, dice = ZoneInfo(zone_name), random.Random(zone_name)
    times = instants(zone, dice)
    for kind in CALENDAR:
        week_start, month_start = dice.randrange(7), dice.randint(1, 28)

        def window_of(at_us: int, kind: str = kind, week: int = week_start, month: int = month_start) -> Window:
            return window_at(kind, at_us, zone, week_start=week, month_start=month)

        before = Window(-(2**62), -(2**61))
        for at_us in times:
            window = window_of(at_us)
            assert window.start_us <= at_us < ending(window), (kind, at_us)
            assert window == before or window.start_us >= ending(before), (kind, at_us)
            if window != before:
                assert window_of(window.start_us) == window, (kind, at_us)
                assert window_of(ending(window) - 1) == window, (kind, at_us)
                assert window_of(ending(window)).start_us == window.end_us, (kind, at_us)
                assert window_of(window.start_us - 1).end_us == window.start_us, (kind, at_us)
            before = window


@settings(max_examples=500, deadline=None)
@given(
    st.integers(FIRST * SECOND, LAST * SECOND),
    st.integers(0, 800 * 24) | st.integers(0, 120),
    st.sampled_from(CALENDAR),
    st.sampled_from(ZONES),
    st.integers(0, 6),
    st.integers(1, 28),
)
def test_an_earlier_instant_has_no_later_window(
    at_us: int, hours: int, kind: str, zone_name: str, week_start: int, month_start: int
) -> None:
    zone = ZoneInfo(zone_name)
    earlier, later = (
        window_at(kind, time_us, zone, week_start=week_start, month_start=month_start)
        for time_us in (at_us - hours * HOUR, at_us)
    )
    assert earlier == later or ending(earlier) <= later.start_us


@pytest.mark.parametrize(
    ("kind", "at", "start", "end"),
    [
        ("day", "2026-11-21T10:00:00+01:00", "2026-11-21T00:00:00+01:00", "2026-11-22T00:00:00+01:00"),
        ("day", "2026-03-29T12:00:00+02:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
        ("day", "2026-10-25T12:00:00+01:00", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
        ("week", "2026-11-21T10:00:00+01:00", "2026-11-16T00:00:00+01:00", "2026-11-23T00:00:00+01:00"),
        ("month", "2026-12-31T23:59:59+01:00", "2026-12-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"),
        ("quarter", "2026-11-21T10:00:00+01:00", "2026-10-01T00:00:00+02:00", "2027-01-01T00:00:00+01:00"),
        ("year", "2026-11-21T10:00:00+01:00", "2026-01-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"),
    ],
)
def test_windows_follow_the_calendar_of_their_zone(kind: str, at: str, start: str, end: str) -> None:
    assert window_at(kind, us(at), ZoneInfo("Europe/Berlin")) == Window(us(start), us(end))


@pytest.mark.parametrize("week_start", range(7))
def test_a_week_begins_on_its_day(week_start: int) -> None:
    window = window_at("week", us("2026-11-21T10:00:00+00:00"), UTC, week_start=week_start)
    first = datetime.fromtimestamp(window.start_us / SECOND, UTC)
    assert first.strftime("%A").lower() == WEEKDAYS[week_start]
    assert ending(window) - window.start_us == 7 * 24 * HOUR


@pytest.mark.parametrize(
    ("kind", "at", "start", "end"),
    [
        ("month", "2026-11-21", "2026-11-15", "2026-12-15"),
        ("month", "2026-11-14", "2026-10-15", "2026-11-15"),
        ("month", "2027-01-14", "2026-12-15", "2027-01-15"),
        ("quarter", "2026-11-21", "2026-10-15", "2027-01-15"),
        ("quarter", "2026-10-14", "2026-07-15", "2026-10-15"),
        ("quarter", "2027-01-14", "2026-10-15", "2027-01-15"),
        ("year", "2026-01-14", "2025-01-15", "2026-01-15"),
        ("year", "2026-01-15", "2026-01-15", "2027-01-15"),
    ],
)
def test_months_and_what_is_made_of_them_begin_on_their_day(kind: str, at: str, start: str, end: str) -> None:
    window = window_at(kind, us(f"{at}T12:00:00+00:00"), UTC, month_start=15)
    assert window == Window(us(f"{start}T00:00:00+00:00"), us(f"{end}T00:00:00+00:00"))


def test_a_day_whose_midnight_is_skipped_begins_when_the_clocks_go_forward() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    window = window_at("day", us("2018-11-04T12:00:00-02:00"), zone)
    assert window == Window(us("2018-11-04T01:00:00-02:00"), us("2018-11-05T00:00:00-02:00"))


def test_a_jump_that_begins_before_midnight_is_where_the_day_begins() -> None:
    zone = ZoneInfo("America/Toronto")
    window = window_at("day", us("1919-03-31T12:00:00-04:00"), zone)
    assert local(window.start_us, zone) == "1919-03-31T00:30:00-04:00"
    assert local(window.start_us - SECOND, zone) == "1919-03-30T23:29:59-05:00"


def test_a_midnight_that_comes_twice_resets_once() -> None:
    zone = ZoneInfo("America/Havana")  # 01:00 becomes 00:00 on 2026-11-01
    first, second = us("2026-11-01T00:00:00-04:00"), us("2026-11-01T00:00:00-05:00")
    assert window_at("day", first, zone) == window_at("day", second, zone)
    assert window_at("day", first, zone).start_us == first


def test_an_evening_that_comes_again_after_midnight_belongs_to_the_new_day() -> None:
    zone = ZoneInfo("America/St_Johns")  # 00:01 on 2009-11-01 becomes 23:01
    again = us("2009-11-01T00:00:30-02:30") + 60 * SECOND
    assert local(again, zone) == "2009-10-31T23:01:30-03:30"
    assert local(window_at("day", again, zone).start_us, zone) == "2009-11-01T00:00:00-02:30"


def test_a_day_that_a_zone_skips_is_no_window() -> None:
    zone = ZoneInfo("Pacific/Apia")
    eve = window_at("day", us("2011-12-29T12:00:00-10:00"), zone)
    after = window_at("day", ending(eve), zone)
    assert local(eve.start_us, zone) == "2011-12-29T00:00:00-10:00"
    assert local(after.start_us, zone) == "2011-12-31T00:00:00+14:00"
    assert ending(eve) - eve.start_us == ending(after) - after.start_us == 24 * HOUR


def test_a_window_whose_first_day_is_skipped_begins_on_the_next() -> None:
    zone, friday = ZoneInfo("Pacific/Apia"), WEEKDAYS.index("friday")
    week = window_at("week", us("2012-01-02T12:00:00+14:00"), zone, week_start=friday)
    assert local(week.start_us, zone) == "2011-12-31T00:00:00+14:00"
    assert ending(week) - week.start_us == 6 * 24 * HOUR
    assert window_at("week", week.start_us - 1, zone, week_start=friday).end_us == week.start_us


@pytest.mark.parametrize("minutes", [345, -570, 765, 1])
def test_a_fixed_offset_is_a_zone(minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    start = int(datetime(2026, 11, 21, tzinfo=zone).timestamp()) * SECOND
    assert window_at("day", start + 5 * HOUR, zone) == Window(start, start + 24 * HOUR)


@pytest.mark.parametrize("kind", ["session", "total"])
def test_windows_that_never_reset(kind: str) -> None:
    assert window_at(kind, us("2026-11-21T10:00:00+00:00"), UTC) == Window(0, None)


@pytest.mark.parametrize(
    ("kind", "span_us"),
    [
        ("rolling 30m", 30 * 60 * SECOND),
        ("rolling 5h", 5 * HOUR),
        ("rolling 7d", 7 * 24 * HOUR),
        ("rolling 52w", 364 * 24 * HOUR),
        ("rolling 366d", 366 * 24 * HOUR),
        *((kind, None) for kind in KINDS),
    ],
)
def test_spans_of_rolling_windows_are_read(kind: str, span_us: int | None) -> None:
    assert rolling_us(kind) == span_us


@pytest.mark.parametrize(
    "kind",
    ["", "fortnight", "rolling", "rolling 0h", "rolling -5h", "rolling 5", "rolling 5s", "rolling 1.5h", "rolling 05h"]
    + ["rolling 367d", "rolling 53w", "rolling 999999999999h", "rolling 5h ", "rolling  5h", "rolling ٥h"],
)
def test_what_is_no_window_is_refused_with_the_accepted_ones(kind: str) -> None:
    with pytest.raises(ValueError, match='is not a window; use one of session, day, .*, or "rolling 5h"'):
        rolling_us(kind)
    with pytest.raises(ValueError, match="is not a window"):
        window_at(kind, 0, UTC)


@given(st.integers(0, 2**52), st.sampled_from(["rolling 1m", "rolling 5h", "rolling 7d"]))
def test_a_rolling_window_ends_with_its_instant_and_holds_it(at_us: int, kind: str) -> None:
    window, span_us = window_at(kind, at_us, UTC), rolling_us(kind)
    assert span_us is not None
    assert window == Window(at_us - span_us + 1, at_us + 1)
    assert window.start_us <= at_us < ending(window)
    assert ending(window) - window.start_us == span_us
