"""Instants as people name them, and the local hours, days, weeks and months that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
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
_DAY_S = 86_400
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
    return map(Bucket, *bucketed(key, since_us, until_us, tz))


def bucketed(key: str, since_us: int, until_us: int, tz: tzinfo) -> tuple[list[str], list[int]]:
    """Their labels and their ends."""
    labels: list[str] = []
    ends: list[int] = []
    while since_us < until_us:
        if key == "hour":
            told, ended = _hours(since_us, until_us, tz)
            labels += told
            ends += ended
        else:
            window = window_at(key, since_us, tz)
            assert window.end_us is not None, "only `session` and `total` windows never end"
            labels.append(datetime.fromtimestamp(window.start_us / _SECOND, tz).strftime(_LABELS[key]))
            ends.append(window.end_us)
        since_us = ends[-1]
    return labels, ends


def _hours(since_us: int, until_us: int, tz: tzinfo) -> tuple[Iterable[str], Iterable[int]]:
    """The first hour of the span, and those after it that are like it: most of a year are days of one offset."""
    second = since_us // _SECOND
    local = datetime.fromtimestamp(second, tz)
    begin_us = (second - local.minute * 60 - local.second) * _SECOND
    left = 1
    if until_us - begin_us > _HOUR and datetime.fromtimestamp(second + _DAY_S, tz).utcoffset() == local.utcoffset():
        left = min(24 - local.hour, -((begin_us - until_us) // _HOUR))
    # They carry the offset of the instant: what daylight saving repeats is two buckets, and the beginning of an hour
    # may have had another.
    label = local.isoformat(timespec="hours")
    names = _named_hours(label[13:])[local.hour : local.hour + left]
    return map(label[:11].__add__, names), range(begin_us + _HOUR, begin_us + (left + 1) * _HOUR, _HOUR)


@lru_cache(maxsize=8)
def _named_hours(offset: str) -> list[str]:
    """How the hours of a day with this offset end: `10:00+01:00`."""
    return [f"{hour:02}:00{offset}" for hour in range(24)]


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
