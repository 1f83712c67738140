from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tokenguard_tui import measures

NOW = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "measure", "text"),
    [
        (5_000_000_000, "spend", "$5"),
        (2_500_000_000, "list", "$2.50"),
        (250_000_000, "spend", "$0.25"),
        (4_000, "spend", "$0.000004"),
        (500_000, "tokens", "500k"),
        (1_500_000, "tokens", "1.5M"),
        (30, "tokens", "30"),
    ],
)
def test_ticks_are_short(value: int, measure: str, text: str) -> None:
    assert measures.tick(value, measure) == text


def test_what_is_not_exact_says_so() -> None:
    known = {"confidence": "exact", "unpriced": 0}
    assert measures.measured(5, "tokens", {**known, "confidence": "bound"}) == "5"
    assert measures.measured(10**9, "spend", known) == "$1.00"
    assert measures.measured(10**9, "spend", {**known, "confidence": "bound"}) == "≈$1.00"
    assert measures.measured(10**9, "spend", {**known, "unpriced": 1}) == "≈$1.00"


@pytest.mark.parametrize(
    ("window", "back", "since", "until", "text"),
    [
        ("day", 0, "2026-11-18", "2026-11-19", "today"),
        ("day", 1, "2026-11-17", "2026-11-18", "yesterday"),
        ("day", 2, "2026-11-16", "2026-11-17", "Mon Nov 16"),
        ("day", 400, "2025-10-14", "2025-10-15", "Tue Oct 14 2025"),
        ("week", 0, "2026-11-16", "2026-11-23", "this week"),
        ("week", 1, "2026-11-09", "2026-11-16", "Nov 9 to 15"),
        ("week", 3, "2026-10-26", "2026-11-02", "Oct 26 to Nov 1"),
        ("month", 0, "2026-11-01", "2026-12-01", "November"),
        ("month", 11, "2025-12-01", "2026-01-01", "December 2025"),
    ],
)
def test_windows_are_called_what_people_call_them(window: str, back: int, since: str, until: str, text: str) -> None:
    told = {"window": window, "back": back, "since": f"{since}T00:00:00+00:00", "until": f"{until}T00:00:00+00:00"}
    assert measures.window(told, NOW) == text


@pytest.mark.parametrize(("width", "text"), [(10, "Wed 18"), (5, "Wed"), (2, "W")])
def test_days_of_a_week_fit(width: int, text: str) -> None:
    assert measures.slot(NOW, "week", width) == text


def test_hours_and_days_are_numbers() -> None:
    assert (measures.slot(NOW, "day", 2), measures.slot(NOW, "month", 2)) == ("14", "18")


@pytest.mark.parametrize(
    ("course", "texts"),
    [
        ([[9, 2, 9], [30, 20, 40]], ("≈30 by midnight (20 to 40)", "≈30 by midnight", "≈30")),
        ([[30, 2, 40]], ()),
        ([[3, 3, 3]], ("≈3 by midnight", "≈3")),
        ([[2, 2, 2]], ()),
        ([None], ()),
        ([], ()),
    ],
)
def test_an_outlook_says_what_is_news(course: list[Any], texts: tuple[str, ...]) -> None:
    assert measures.outlook({"course": course, "total": 2, "measure": "tokens", "window": "day"}) == texts
