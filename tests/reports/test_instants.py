from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tokenguard.errors import UsageError
from tokenguard.reports.instants import TIME_KEYS, bucket_at, buckets, parse_instant, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 29, 12, 0, tzinfo=BERLIN)
"""Noon of the day on which summer time begins."""


def us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("today", datetime(2026, 3, 29, tzinfo=BERLIN)),
        ("yesterday", datetime(2026, 3, 28, tzinfo=BERLIN)),
        (" Today ", datetime(2026, 3, 29, tzinfo=BERLIN)),
        ("12h", datetime(2026, 3, 28, 23, 0, tzinfo=BERLIN)),
        ("7d", datetime(2026, 3, 22, 11, 0, tzinfo=BERLIN)),
        ("2w", datetime(2026, 3, 15, 11, 0, tzinfo=BERLIN)),
        ("99999d", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2026-03-29", datetime(2026, 3, 29, tzinfo=BERLIN)),
        ("2026-03-29T10:30", datetime(2026, 3, 29, 10, 30, tzinfo=BERLIN)),
        ("2026-03-29 10:30:15", datetime(2026, 3, 29, 10, 30, 15, tzinfo=BERLIN)),
        ("2026-03-29T10:30Z", datetime(2026, 3, 29, 10, 30, tzinfo=UTC)),
        ("2026-03-29T10:30+05:45", datetime(2026, 3, 29, 4, 45, tzinfo=UTC)),
    ],
)
def test_instants_as_people_name_them(text: str, meant: datetime) -> None:
    assert parse_instant(text, us(NOW), BERLIN) == us(meant)


@pytest.mark.parametrize("text", ["", "tomorrowish", "7", "-7d", "7y", "1000000d", "2026-13-01", "2026-02-30", "d"])
def test_what_names_no_instant_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match=f'"{text}" is not a time; use "today"'):
        parse_instant(text, us(NOW), BERLIN)


def test_the_last_instant_of_the_calendar_is_no_crash() -> None:
    assert parse_instant("9999-12-31T23:59Z", us(NOW), BERLIN) == 253_402_300_740_000_000


def test_zones_have_iana_names() -> None:
    assert zone_of("Europe/Berlin") == BERLIN
    for name in ("Mars/Olympus", "", "Europe", "../../etc/passwd"):
        with pytest.raises(UsageError, match="is not a time zone"):
            zone_of(name)


def test_without_a_name_it_is_the_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert zone_of(None) == ZoneInfo("Asia/Kathmandu")


@settings(deadline=None)
@given(
    st.integers(0, 4_000_000_000_000_000),
    st.sampled_from(TIME_KEYS),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Australia/Lord_Howe"]),
)
def test_a_bucket_holds_its_instants_up_to_its_end(at_us: int, key: str, name: str) -> None:
    zone = ZoneInfo(name)
    bucket = bucket_at(key, at_us, zone)
    assert bucket.end_us > at_us
    assert bucket_at(key, bucket.end_us - 1, zone) == bucket
    assert bucket_at(key, bucket.end_us, zone).label != bucket.label


@settings(deadline=None)
@given(
    st.integers(0, 4_000_000_000_000_000),
    st.sampled_from(TIME_KEYS),
    st.integers(1, 60),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]),
)
@example(1_325_200_000_000_000, "hour", 60, "Pacific/Apia")
@example(1_774_700_000_000_000, "hour", 60, "Europe/Berlin")
@example(1_759_500_000_000_000, "hour", 60, "Australia/Lord_Howe")
def test_buckets_follow_each_other_as_they_are_alone(since_us: int, key: str, hours: int, name: str) -> None:
    zone = ZoneInfo(name)
    until_us = since_us + hours * 3_600_000_000
    found = list(buckets(key, since_us, until_us, zone))
    begins = [since_us, *(bucket.end_us for bucket in found)]
    assert begins[-2] < until_us <= begins[-1]
    assert found == [bucket_at(key, begin, zone) for begin in begins[:-1]]
    if key == "hour":
        locals = [datetime.fromtimestamp(begin // 1_000_000, zone) for begin in begins[:-1]]
        assert [bucket.label for bucket in found] == [
            f"{local:%Y-%m-%dT%H}:00{local.isoformat(timespec='hours')[13:]}" for local in locals
        ]
