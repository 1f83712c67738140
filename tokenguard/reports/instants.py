"""Instants as people name them, and the local hours, days, weeks and months that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
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
    return next(buckets(key, at_us, at_us + 1, tz))


def buckets(key: str, since_us: int, until_us: int, tz: tzinfo) -> Iterator[Bucket]:
    """The buckets of this time key that hold an instant of the span, in their order."""
    if key == "hour":
        yield from _hours(since_us, until_us, tz)
        return
    while since_us < until_us:
        window = window_at(key, since_us, tz)
        assert window.end_us is not None, "only `session` and `total` windows never end"
        begun = datetime.fromtimestamp(window.start_us / _SECOND, tz)
        yield Bucket(begun.strftime(_LABELS[key]), window.end_us)
        since_us = window.end_us


def _hours(since_us: int, until_us: int, tz: tzinfo) -> Iterator[Bucket]:
    """Hours carry their offset: that which daylight saving repeats is two buckets."""
    offset: timedelta | None = None
    shown, day, day_shown = "", 0, ""
    while since_us < until_us:
        second = since_us // _SECOND
        local = datetime.fromtimestamp(second, tz)
        # Put together from the instant's own offset: the hour's beginning may have had another. What it has in common
        # with the hour before takes most of the time that `isoformat` needs.
        if local.day != day or local.utcoffset() != offset:
            offset, day = local.utcoffset(), local.day
            label = local.isoformat(timespec="hours")
            day_shown, shown = label[:11], f":00{label[13:]}"
        since_us = (second - local.minute * 60 - local.second) * _SECOND + _HOUR
        yield Bucket(f"{day_shown}{local.hour:02}{shown}", since_us)


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
