"""Instants as people name them, and the local hours, days, weeks and months that hold them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from tokenguard.config.zones import local_zone
from tokenguard.errors import UsageError
from tokenguard.policy.windows import window_at

TIME_KEYS = ("hour", "day", "week", "month")
"""The spans of local time that reports group by."""

_SECOND = 1_000_000
_HOUR = 3_600 * _SECOND
_AGO = {"h": _HOUR, "d": 24 * _HOUR, "w": 7 * 24 * _HOUR}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LABELS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}


class Bucket(Struct, frozen=True):
    """The span of a time key that holds an instant."""

    label: str
    """`2026-11-21T10:00+01:00`, `2026-11-21`, `2026-W47` or `2026-11`."""
    end_us: int


def bucket_at(key: str, at_us: int, tz: tzinfo) -> Bucket:
    """The bucket of this time key that holds the instant. Daylight saving makes days of 23 and 25 hours."""
    if key == "hour":
        return _hour_at(at_us, tz)
    window = window_at(key, at_us, tz)
    assert window.end_us is not None, "only `session` and `total` windows never end"
    return Bucket(datetime.fromtimestamp(window.start_us / _SECOND, tz).strftime(_LABELS[key]), window.end_us)


def _hour_at(at_us: int, tz: tzinfo) -> Bucket:
    """Hours carry their offset: that which daylight saving repeats is two buckets."""
    local = datetime.fromtimestamp(at_us // _SECOND, tz)
    begun_s = local.minute * 60 + local.second
    end_us = (at_us // _SECOND - begun_s) * _SECOND + _HOUR
    # With the instant's own offset: the hour's beginning may have had another.
    return Bucket(f"{_day(local.date())}T{local.hour:02}:00{_offset(local.utcoffset() or timedelta())}", end_us)


# Most of the time that `isoformat` takes of an hour goes into what it shares with those around it.
@lru_cache(maxsize=4)
def _day(day: date) -> str:
    return day.isoformat()


@lru_cache(maxsize=16)
def _offset(offset: timedelta) -> str:
    return _EPOCH.replace(tzinfo=timezone(offset)).isoformat()[len("1970-01-01T00:00:00") :]


def instant_at(at_us: int, tz: tzinfo) -> str:
    """An instant as JSON has it: `2026-11-21T10:00:00+01:00`."""
    return datetime.fromtimestamp(at_us / _SECOND, tz).isoformat(timespec="seconds")


def zone_of(name: str | None) -> tzinfo:
    """The time zone of an IANA name; the machine's without one. Raises `UsageError` for an unknown name."""
    if name is None:
        return local_zone()
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise UsageError(f'"{name}" is not a time zone', 'use an IANA name such as "Europe/Berlin"') from error


def parse_instant(text: str, now_us: int, tz: tzinfo) -> int:
    """`today`, `yesterday`, `7d`, `12h`, `2w` (ago), or an ISO date or time, in microseconds.

    Local unless it has an offset. A day is its first instant: `--since 2026-11-01 --until 2026-12-01` is November.
    Raises `UsageError`.
    """
    word = text.strip().lower()
    today_us = window_at("day", now_us, tz).start_us
    if word in ("today", "yesterday"):
        return today_us if word == "today" else window_at("day", today_us - 1, tz).start_us
    if ago := re.fullmatch(r"(\d{1,5})([hdw])", word):
        return max(0, now_us - int(ago[1]) * _AGO[ago[2]])
    try:
        named = datetime.fromisoformat(text.strip())
        aware = named if named.tzinfo else named.replace(tzinfo=tz)
        return max(0, (aware - _EPOCH) // timedelta(microseconds=1))
    except (ValueError, OverflowError) as error:
        hint = 'use "today", "yesterday", "7d", "12h", "2026-11-21" or "2026-11-21T10:00"'
        raise UsageError(f'"{text}" is not a time', hint) from error
