"""What Codex is told of windows."""

from __future__ import annotations

import json

import pytest

from tests.wire.windows import NOW_S, NOW_US, codex, percents, read
from tokenguard.records import OfficialWindow
from tokenguard.wire import official, official_codex


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
        headers = official_codex.event_headers(json.dumps(event).encode())
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
        headers = official_codex.event_headers(json.dumps(event).encode())
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
        assert read(official_codex.event_headers(message)) == {}


@pytest.mark.parametrize(
    "said", ['"reset_at":"4e-30"', '"window_minutes":"0.5"', '"reset_at":0.9,"window_minutes":0.01']
)
def test_parts_of_a_second_and_of_a_minute_were_not_said(said: str) -> None:
    message = f'{{"type":"codex.rate_limits","rate_limits":{{"primary":{{{said},"used_percent":10}}}}}}'
    (window,) = official.read("chatgpt", official_codex.event_headers(message.encode()), NOW_US)
    assert (window.resets_us, window.minutes, window.used_percent) == (None, None, 10.0)
