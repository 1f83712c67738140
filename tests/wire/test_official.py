"""What providers say of their own windows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tests.wire.windows import NOW_S, NOW_US, claude, codex, percents, read
from tokenguard.wire import official, official_claude, official_codex


@pytest.mark.parametrize("headers", [claude({"5h-utilization": 0.5}), codex(primary_used_percent=50)])
def test_the_case_of_names_does_not_matter(headers: dict[str, str]) -> None:
    assert percents({name.title(): value for name, value in headers.items()}) == percents(headers) != {}
    assert official.read("p", CIMultiDict(headers), NOW_US) == official.read("p", headers, NOW_US)


@pytest.mark.parametrize("value", ["", " ", "much", "nan", "inf", "-0.1", "1e400", "42", "1,5", "٣x", "0x1"])
def test_a_share_that_cannot_be_is_not_believed(value: str) -> None:
    assert read(claude({"5h-utilization": value, "5h-reset": NOW_S})) == {}


@pytest.mark.parametrize("value", ["", "soon", "nan", "-1", "0", str(NOW_US // 1000), "2026-10-09T00:00:00Z"])
def test_an_instant_that_cannot_be_is_not_known(value: str) -> None:
    assert read(claude({"5h-utilization": 0.1, "5h-reset": value}))["five_hour"].resets_us is None
    assert read(codex(primary_used_percent=1, primary_reset_at=value))["primary"].resets_us is None


NAMES = st.sampled_from(
    [
        "anthropic-ratelimit-unified-5h-utilization",
        "anthropic-ratelimit-unified-7d_sonnet-utilization",
        "anthropic-ratelimit-unified-5h-reset",
        "anthropic-ratelimit-unified-7d-status",
        "anthropic-ratelimit-unified-status",
        "anthropic-ratelimit-unified-representative-claim",
        "x-codex-primary-used-percent",
        "X-Codex-Secondary-Used-Percent",
        "x-codex-primary-window-minutes",
        "x-codex-secondary-reset-after-seconds",
        "x-codex-other-primary-used-percent",
        "x-codex-active-limit",
    ]
)
VALUES = st.one_of(
    st.text(max_size=20),
    st.floats().map(str),
    st.integers().map(str),
    st.sampled_from(["rejected", "allowed", "five_hour", "seven_day_opus", "codex_other", "codex"]),
)


MESSAGES = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(
        st.sampled_from(["primary", "secondary"]),
        st.dictionaries(st.sampled_from(["used_percent", "window_minutes", "reset_at", "reset_after_seconds"]), VALUES),
    ).map(lambda slots: json.dumps({"type": "codex.rate_limits", "limit_name": "Ü -", "rate_limits": slots}).encode()),
)


@given(st.dictionaries(st.one_of(NAMES, st.text(max_size=40)), VALUES), MESSAGES)
def test_nothing_that_headers_say_raises_or_is_absurd(headers: dict[str, str], message: bytes) -> None:
    windows = (
        *official.read("p", headers, NOW_US),
        *official.read("p", official_codex.event_headers(message), NOW_US),
        *official_claude.read_status_line(message, NOW_US),
    )
    for window in windows:
        assert 0 <= window.used_percent <= 200
        assert window.resets_us is None or 0 < window.resets_us < NOW_US + 401 * 86_400 * 1_000_000
        assert window.minutes is None or window.minutes > 0
        assert window.name.isascii()
