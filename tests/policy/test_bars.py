"""The line of today, as text and in the styles of other programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from tokenguard.policy.bars import Part, bar, document, nvim, plain, tmux

NOON = datetime.fromisoformat("2026-11-21T12:00:00+01:00")
EXACT = {"confidence": "exact", "unpriced": 0, "notional_nanos": 0}


def budget(label: str, spent: int, limit: int, level: str = "ok", **rest: Any) -> dict[str, Any]:
    given = {"label": label, "scope": "repo", "key": "/src/web", "unit": "usd", "official": None}
    return {**given, "spent": spent, "limit": limit, "remaining": limit - spent, "level": level, **rest}


def status(**rest: Any) -> dict[str, Any]:
    totals = {"today": {"cost_nanos": 14_820_000_000, **EXACT}, "hour": {"cost_nanos": 3_100_000_000, **EXACT}}
    return {"totals": totals, "sessions": [], "budgets": [], "windows": [], "holds": [], **rest}


def test_of_all_budgets_the_nearest_its_end_is_named() -> None:
    budgets = [
        budget("month", 9_000_000_000, 100_000_000_000, "info"),
        budget("web/day", 16_400_000_000, 20_000_000_000, "warn"),
        budget("api/day", 17_000_000_000, 20_000_000_000, "info", key="/src/api"),
    ]
    found = bar(status(budgets=budgets), NOON)
    assert plain(found) == "$14.82 today · $3.10/h · web/day 82% warn $3.60 left"
    assert (found.level, found.waiting, found.budget) == ("warn", (), budgets[1])


@pytest.mark.parametrize(
    ("level", "in_tmux", "in_nvim"),
    [
        ("ok", "day 50%", "day 50%%"),
        ("soft", "#[fg=magenta]day 50%", "%#TokenguardSoft#day 50%%"),
        ("hard", "#[fg=red,bold]day 50%", "%#TokenguardHard#day 50%%"),
    ],
)
def test_a_level_has_its_colour_and_its_word(level: str, in_tmux: str, in_nvim: str) -> None:
    found = bar(status(budgets=[budget("day", 10, 20, level, unit="calls")]), NOON)
    assert tmux(found).split(" · ")[-1].startswith(in_tmux)
    assert nvim(found).split(" · ")[-1].startswith(in_nvim)
    assert ("#[default]" in tmux(found)) == (level != "ok") == nvim(found).endswith("%*")


@pytest.mark.parametrize(
    ("ids", "text"),
    [(["7f2c"], "! waiting: tokenguard approve 7f2c"), (["7f2c", "8a"], "! 2 waiting: tokenguard status")],
)
def test_what_waits_comes_first(ids: list[str], text: str) -> None:
    found = bar(status(holds=[{"id": one, "session": "s1"} for one in ids]), NOON)
    assert (found.parts[0], found.waiting) == (Part(text, "waiting"), tuple(ids))


def test_a_name_is_no_style() -> None:
    found = bar(status(budgets=[budget("#[fg=red]#(reboot)%{x}\n", 1, 20, unit="calls")]), NOON)
    assert tmux(found).endswith("##[fg=red]##(reboot)%{x} 5% 19 calls left")
    assert nvim(found).endswith("#[fg=red]#(reboot)%%{x} 5%% 19 calls left")


@for_all(st.text(st.characters(categories=["L", "P", "S", "Zs", "Cc"])))
def test_no_name_begins_a_style_or_another_line(name: str) -> None:
    found = bar(status(budgets=[budget(name, 1, 20, unit="calls")]), NOON)
    assert "\n" not in plain(found)
    assert "#[" not in tmux(found).replace("##", "")
    assert tmux(found).replace("##", "#") == plain(found) == nvim(found).replace("%%", "%")


def test_the_document_has_what_others_draw_from() -> None:
    found = document(status(holds=[{"id": "7f2c", "session": "s1"}], budgets=[budget("day", 1, 20, "info")]), NOON)
    assert (found["running"], found["level"], found["waiting"]) == (True, "info", ["7f2c"])
    assert found["text"].startswith("! waiting: tokenguard approve 7f2c · $14.82 today · $3.10/h · day 5% info")
    assert found["today"]["cost_nanos"] == 14_820_000_000
    assert found["budget"]["label"] == "day"


def test_without_a_daemon_the_document_has_the_same_keys() -> None:
    assert list(document(None, NOON)) == list(document(status(), NOON))
    assert document(None, NOON)["running"] is False
