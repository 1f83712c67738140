from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from tokenguard.config.zones import local_zone


def test_the_zone_is_the_environment_s_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    assert local_zone() == ZoneInfo("Asia/Kolkata")
    monkeypatch.setenv("TZ", "Nowhere/Land")
    assert local_zone() == ZoneInfo("UTC")
