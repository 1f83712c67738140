"""What Claude says of its windows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.wire.windows import NOW_S, NOW_US, claude, percents, read
from tokenguard.records import OfficialWindow
from tokenguard.wire import official, official_claude


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
            official_claude.OVERAGE: 25.0,
        }
        assert (found["seven_day_sonnet"].minutes, found[official_claude.OVERAGE].minutes) == (10_080, None)

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


class TestStatusLine:
    def told(self, **rate_limits: Any) -> tuple[OfficialWindow, ...]:
        return official_claude.read_status_line(json.dumps(rate_limits).encode(), NOW_US)

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
        assert official_claude.read_status_line(text, NOW_US) == ()
