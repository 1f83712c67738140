"""Events in words, and what of them may leave the machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.notify.events import DATA, event
from tokenguard.notify import TYPES
from tokenguard.notify.notices import Notice, notice
from tokenguard.records import Event

HOSTILE = '\x1b]0;x\x07\n"; rm -rf ~ #‮' + "a" * 1000


def told(type: str, **changes: Any) -> Notice:
    found = notice(event(type, **changes), "soft")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("type", "changes", "title", "text"),
    [
        (
            "hold.asked",
            {},
            "tokenguard: claude web waits for you",
            "≈$3.44 for opus-5.5: 340k uncached tokens. Answer: tokenguard approve 7f2c, or tokenguard deny 7f2c",
        ),
        (
            "hold.asked",
            {"repo": None, "reason": "It is dear."},
            "tokenguard: claude waits for you",
            "≈$3.44 for opus-5.5: It is dear. Answer: tokenguard approve 7f2c, or tokenguard deny 7f2c",
        ),
        (
            "hold.asked",
            {"wants": 5_000_000_000, "model": "", "reason": "it asks for $5.00 more of web/day: the tests"},
            "tokenguard: claude web asks you",
            "It asks for $5.00 more of web/day: the tests. Answer: tokenguard approve 7f2c, or tokenguard deny 7f2c",
        ),
        ("hold.answered", {}, "tokenguard: a call no longer waits", "The call 7f2c was approved."),
        (
            "hold.answered",
            {"answer": "expired"},
            "tokenguard: a call no longer waits",
            "The call 7f2c was refused: nobody answered in time.",
        ),
        ("budget.level", {}, "tokenguard: web/day is at 92%", "Level soft: $18.40 of $20.00."),
        (
            "budget.level",
            {"level": "hard", "spent": 300, "limit": 300, "unit": "calls"},
            "tokenguard: web/day is used up",
            "Level hard: 300 calls of 300 calls.",
        ),
        ("call.runaway", {}, "tokenguard: an agent may be running away", "Bash 8 times"),
        ("call.preflight", {}, "tokenguard: a call of ≈$3.44", "340k uncached tokens"),
    ],
)
def test_the_words(type: str, changes: dict[str, Any], title: str, text: str) -> None:
    found = told(type, **changes)
    assert (found.title, found.text) == (title, text)


def test_what_asks_and_what_is_for_programs() -> None:
    assert [kind for kind in DATA if told(kind).asks] == ["hold.asked"]
    assert [kind for kind in DATA if told(kind).quiet] == ["hold.answered"]
    assert not told("hold.answered", answer="expired").quiet


@pytest.mark.parametrize(
    ("least", "levels"),
    [
        ("info", ["info", "warn", "soft", "hard"]),
        ("warn", ["warn", "soft", "hard"]),
        ("soft", ["soft", "hard"]),
        ("hard", ["hard"]),
    ],
)
def test_levels_below_the_least_are_not_told(least: str, levels: list[str]) -> None:
    possible = ["ok", "info", "warn", "soft", "hard"]
    assert [level for level in possible if notice(event("budget.level", level=level), least)] == levels


def test_other_events_are_nobody_s_business() -> None:
    assert set(TYPES) == set(DATA)
    assert notice(Event("call.settled", 1, {}), "info") is None
    assert notice(Event("lost", 1, {"count": 3}), "info") is None


def test_the_keys_that_leave_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/notifications.md").read_text("utf-8")
    rows = [line.split("|") for line in page.partition("keys of `data`")[2].splitlines() if line.startswith("| `")]
    documented = {row[1].strip(" `"): set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", row[2]))) for row in rows}
    assert documented == {kind: set(told(kind).data) for kind in DATA}


def test_paths_stay_here() -> None:
    assert told("hold.asked").data["repo"] == "web"
    assert "/home/ann" not in repr([told(kind) for kind in DATA])


@pytest.mark.parametrize("kind", DATA)
def test_only_known_keys_leave(kind: str) -> None:
    found = told(kind, prompt="secret", authorization="sk-x")
    assert set(found.data) <= set(DATA[kind])
    assert "secret" not in repr(found) and "sk-x" not in repr(found)


def test_what_is_named_by_others_is_made_harmless_and_short() -> None:
    found = told("hold.asked", repo="/src/" + HOSTILE, reason=HOSTILE, agent=HOSTILE)
    assert found.title.isprintable() and found.text.isprintable()
    assert len(found.title) <= 80 and len(found.text) <= 400
    assert found.text.endswith("Answer: tokenguard approve 7f2c, or tokenguard deny 7f2c")
    assert str(found.data["reason"]).isprintable() and len(str(found.data["reason"])) <= 400
