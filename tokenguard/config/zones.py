"""The time zone in which days, weeks and months begin where none is named."""

from __future__ import annotations

import os
from zoneinfo import ZoneInfo


def local_zone() -> ZoneInfo:
    """The machine's time zone: `TZ`, else what `/etc/localtime` points to, else UTC."""
    name = os.environ.get("TZ", "").removeprefix(":")
    if not name:
        target = os.path.realpath("/etc/localtime")
        name = target.partition("zoneinfo/")[2]
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, KeyError):
        return ZoneInfo("UTC")
