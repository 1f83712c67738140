from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenguard.policy.windows import KINDS, Window, window_at

CALENDAR = [kind for kind in KINDS if kind not in ("session", "total")]
ZONES = sorted(
    available_timezones()
    & {
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",
        "Africa/Cairo",
        "Asia/Kolkata",
        "Asia/Beirut",
        "Pacific/Apia",
        "Australia/Lord_Howe",
        "America/Havana",
        "Asia/Tehran",
        "Pacific/Kiritimati",
    }
)
SECOND = 1_000_000
INSTANTS = st.integers(
    min_value=int(datetime(1990, 1, 1, tzinfo=UTC).timestamp()) * SECOND,
    max_value=int(datetime(2060, 1, 1, tzinfo=UTC).timestamp()) * SECOND,
)


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


@settings(max_examples=1500, deadline=None)
@given(INSTANTS, st.sampled_from(CALENDAR), st.sampled_from(ZONES))
def test_windows_cut_time_without_gap_or_overlap(at_us: int, kind: str, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    window = window_at(kind, at_us, zone)
    assert window.end_us is not None
    assert window.start_us <= at_us < window.end_us
    assert window_at(kind, window.start_us, zone) == window
    assert window_at(kind, window.end_us - 1, zone) == window
    assert window_at(kind, window.end_us, zone).start_us == window.end_us
    assert window_at(kind, window.start_us - 1, zone).end_us == window.start_us


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


def test_a_day_whose_midnight_is_skipped_begins_when_the_clocks_go_forward() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    window = window_at("day", us("2018-11-04T12:00:00-02:00"), zone)
    assert window == Window(us("2018-11-04T01:00:00-02:00"), us("2018-11-05T00:00:00-02:00"))


def test_a_midnight_that_comes_twice_resets_once() -> None:
    zone = ZoneInfo("America/Havana")  # 01:00 becomes 00:00 on 2026-11-01
    first, second = us("2026-11-01T00:00:00-04:00"), us("2026-11-01T00:00:00-05:00")
    assert window_at("day", first, zone) == window_at("day", second, zone)
    assert window_at("day", first, zone).start_us == first


@pytest.mark.parametrize("kind", ["session", "total"])
def test_windows_that_never_reset(kind: str) -> None:
    assert window_at(kind, us("2026-11-21T10:00:00+00:00"), UTC) == Window(0, None)
