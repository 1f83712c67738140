"""What providers say of their own windows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tokenguard.records import OfficialWindow
from tokenguard.wire import official

NOW_S = 1_791_500_000
NOW_US = NOW_S * 1_000_000


def claude(said: dict[str, object]) -> dict[str, str]:
    """Headers of Claude: `5h-utilization` stands for `anthropic-ratelimit-unified-5h-utilization`."""
    return {f"anthropic-ratelimit-unified-{name}": str(value) for name, value in said.items()}


def codex(**said: object) -> dict[str, str]:
    """Headers of Codex: `codex(primary_used_percent=12)` is `x-codex-primary-used-percent: 12`."""
    return {f"x-codex-{name.replace('_', '-')}": str(value) for name, value in said.items()}


def read(headers: dict[str, str], provider: str = "p") -> dict[str, OfficialWindow]:
    windows = official.read(provider, headers, NOW_US)
    assert len({window.name for window in windows}) == len(windows)
    return {window.name: window for window in windows}


def percents(headers: dict[str, str]) -> dict[str, float]:
    return {name: window.used_percent for name, window in read(headers).items()}


class TestClaude:
    def test_a_fraction_becomes_a_percentage(self) -> None:
        headers = claude(
            {
                "status": "allowed",
                "representative-claim": "five_hour",
                "5h-status": "allowed",
                "5h-utilization": 0.07,
                "5h-reset": NOW_S + 60,
                "7d-utilization": 1.02,
                "7d-reset": NOW_S + 86_400,
            }
        )
        assert official.read("anthropic", headers, NOW_US) == (
            OfficialWindow("anthropic", "five_hour", 7.0, (NOW_S + 60) * 1_000_000, 300, NOW_US),
            OfficialWindow("anthropic", "seven_day", 102.0, (NOW_S + 86_400) * 1_000_000, 10_080, NOW_US),
        )

    def test_a_fraction_of_one_is_all_of_it(self) -> None:
        assert percents(claude({"5h-utilization": "1"})) == {"five_hour": 100.0}

    def test_windows_of_some_models_and_of_extra_usage_have_names_of_their_own(self) -> None:
        headers = claude({"7d_sonnet-utilization": 0.01, "7d_oi-utilization": 0.9, "overage-utilization": 0.25})
        found = read(headers)
        assert percents(headers) == {
            "seven_day_sonnet": 1.0,
            "seven_day_overage_included": 90.0,
            official.OVERAGE: 25.0,
        }
        assert (found["seven_day_sonnet"].minutes, found[official.OVERAGE].minutes) == (10_080, None)

    def test_what_is_rejected_is_used_up(self) -> None:
        assert percents(claude({"5h-status": "rejected", "5h-utilization": 0.995, "7d-utilization": 0.4})) == {
            "five_hour": 100.0,
            "seven_day": 40.0,
        }

    def test_extra_usage_that_is_not_to_be_had_is_not_used_up(self) -> None:
        assert percents(claude({"overage-status": "rejected", "overage-disabled-reason": "out_of_credits"})) == {}

    def test_a_refusal_may_name_its_window_alone(self) -> None:
        headers = claude({"status": "rejected", "representative-claim": "seven_day_opus", "reset": NOW_S + 9})
        assert read(headers) == {
            "seven_day_opus": OfficialWindow("p", "seven_day_opus", 100.0, (NOW_S + 9) * 1_000_000, 10_080, NOW_US)
        }

    def test_the_window_that_a_refusal_names_is_used_up(self) -> None:
        headers = claude(
            {"status": "rejected", "representative-claim": "seven_day", "7d-utilization": 0.99, "5h-utilization": 0.2}
        )
        assert percents(headers) == {"seven_day": 100.0, "five_hour": 20.0}

    def test_other_headers_of_that_kind_are_no_windows(self) -> None:
        headers = claude({"fallback-percentage": 0.5, "slow-budget-utilization": 0.5, "grace-5h-utilization": 0.5})
        assert read(headers | {"anthropic-ratelimit-requests-limit": "50"}) == {}


class TestCodex:
    def test_percentages_are_as_they_are_and_windows_named_by_length(self) -> None:
        headers = codex(
            primary_used_percent="12.5",
            primary_window_minutes=299,
            primary_reset_at=NOW_S + 60,
            secondary_used_percent="0.5",
            secondary_window_minutes=10_080,
            secondary_reset_after_seconds=3600,
        )
        assert official.read("chatgpt", headers, NOW_US) == (
            OfficialWindow("chatgpt", "five_hour", 12.5, (NOW_S + 60) * 1_000_000, 299, NOW_US),
            OfficialWindow("chatgpt", "seven_day", 0.5, (NOW_S + 3600) * 1_000_000, 10_080, NOW_US),
        )

    def test_a_plan_whose_first_window_is_the_week(self) -> None:
        headers = codex(
            primary_used_percent=66,
            primary_window_minutes=10_080,
            secondary_used_percent=0,
            secondary_window_minutes=0,
            secondary_reset_at="",
        )
        assert percents(headers) == {"seven_day": 66.0}

    def test_without_a_length_they_keep_their_places(self) -> None:
        headers = codex(primary_used_percent=1, secondary_used_percent=2, secondary_window_minutes=15)
        assert percents(headers) == {"primary": 1.0, "secondary": 2.0}

    def test_a_window_that_has_just_begun(self) -> None:
        assert percents(codex(primary_used_percent=0, primary_window_minutes=300)) == {"five_hour": 0.0}

    def test_limits_of_single_models_have_names_of_their_own(self) -> None:
        headers = codex(
            primary_used_percent=40,
            primary_window_minutes=300,
            bengalfox_primary_used_percent=100,
            bengalfox_primary_window_minutes=300,
            active_limit="premium",
        )
        assert percents(headers) == {"five_hour": 40.0, "bengalfox_five_hour": 100.0}

    def test_the_limit_in_force_is_not_taken_for_that_of_the_plan(self) -> None:
        headers = codex(
            primary_used_percent=100,
            primary_window_minutes=300,
            bengalfox_primary_used_percent=100,
            bengalfox_primary_window_minutes=300,
            active_limit="codex_bengalfox",
        )
        assert percents(headers) == {"bengalfox_five_hour": 100.0}

    def test_an_event_says_the_same(self) -> None:
        event = {
            "type": "codex.rate_limits",
            "plan_type": "pro",
            "rate_limits": {
                "allowed": True,
                "primary": {
                    "used_percent": 7,
                    "window_minutes": 300,
                    "reset_after_seconds": 60,
                    "reset_at": NOW_S + 60,
                },
                "secondary": {"used_percent": 29.5, "window_minutes": 10_080, "reset_after_seconds": 90},
            },
            "credits": {"has_credits": False, "unlimited": True, "balance": None},
        }
        headers = official.event_headers(json.dumps(event).encode())
        assert official.read("chatgpt", headers, NOW_US) == (
            OfficialWindow("chatgpt", "five_hour", 7.0, (NOW_S + 60) * 1_000_000, 300, NOW_US),
            OfficialWindow("chatgpt", "seven_day", 29.5, (NOW_S + 90) * 1_000_000, 10_080, NOW_US),
        )
        assert headers["x-codex-credits-has-credits"] == "false"
        assert headers["x-codex-credits-unlimited"] == "true"

    @pytest.mark.parametrize("name", ["codex_bengalfox", "Codex-Bengalfox", "bengalfox"])
    def test_an_event_of_a_limit_of_single_models(self, name: str) -> None:
        event = {
            "type": "codex.rate_limits",
            "metered_limit_name": name,
            "rate_limits": {"primary": {"used_percent": 100, "window_minutes": 300}, "secondary": None},
        }
        headers = official.event_headers(json.dumps(event).encode())
        assert percents(headers) == {"bengalfox_five_hour": 100.0}
        assert headers["x-codex-primary-used-percent"] == "100.0"

    @pytest.mark.parametrize(
        "message",
        [
            b"",
            b"not json",
            b'{"type":"response.created"}',
            b'{"type":"response.completed","text":"\\"codex.rate_limits\\""}',
            b'{"type":"codex.rate_limits"}',
            b'{"type":"codex.rate_limits","rate_limits":[]}',
            b'{"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent":"much"}}}',
            b'{"type":"codex.rate_limits","rate_limits":{"primary":7,"secondary":{"used_percent":-1}}}',
        ],
    )
    def test_other_messages_say_nothing(self, message: bytes) -> None:
        assert read(official.event_headers(message)) == {}


class TestStatusLine:
    def told(self, **rate_limits: Any) -> tuple[OfficialWindow, ...]:
        return official.read_status_line(json.dumps(rate_limits).encode(), NOW_US)

    def test_percentages_and_seconds(self) -> None:
        assert self.told(
            five_hour={"used_percentage": 23.5, "resets_at": NOW_S + 60},
            seven_day={"used_percentage": 41.2, "resets_at": NOW_S + 90},
        ) == (
            OfficialWindow("anthropic", "five_hour", 23.5, (NOW_S + 60) * 1_000_000, 300, NOW_US),
            OfficialWindow("anthropic", "seven_day", 41.2, (NOW_S + 90) * 1_000_000, 10_080, NOW_US),
        )

    def test_each_may_be_absent_or_odd(self) -> None:
        (window,) = self.told(
            five_hour={"used_percentage": 5_000}, seven_day={"used_percentage": 9, "resets_at": "soon"}, spend_limit=3
        )
        assert (window.name, window.used_percent, window.resets_us) == ("seven_day", 9.0, None)

    @pytest.mark.parametrize("text", [b"", b"null", b"[]", b"7", b'{"five_hour":[]}', b"\xff"])
    def test_anything_else_says_nothing(self, text: bytes) -> None:
        assert official.read_status_line(text, NOW_US) == ()


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
        *official.read("p", official.event_headers(message), NOW_US),
        *official.read_status_line(message, NOW_US),
    )
    for window in windows:
        assert 0 <= window.used_percent <= 200
        assert window.resets_us is None or 0 < window.resets_us < NOW_US + 401 * 86_400 * 1_000_000
        assert window.minutes is None or window.minutes > 0
        assert window.name.isascii()


@pytest.mark.parametrize(
    "said", ['"reset_at":"4e-30"', '"window_minutes":"0.5"', '"reset_at":0.9,"window_minutes":0.01']
)
def test_parts_of_a_second_and_of_a_minute_were_not_said(said: str) -> None:
    message = f'{{"type":"codex.rate_limits","rate_limits":{{"primary":{{{said},"used_percent":10}}}}}}'
    (window,) = official.read("chatgpt", official.event_headers(message.encode()), NOW_US)
    assert (window.resets_us, window.minutes, window.used_percent) == (None, None, 10.0)
