"""Notices on the desktop: a program is run, whatever they say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.notify.events import event
from tokenguard import platforms
from tokenguard.notify import Notice, desktop
from tokenguard.notify.desktop import Desktop
from tokenguard.notify.notices import notice

HOSTILE = "--version $(touch pwned) `touch pwned`; touch pwned & '\"\n<b>\\074i\\076"


def told(**changes: object) -> Notice:
    found = notice(event("hold.asked", **changes), "soft")
    assert found is not None
    return found


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a program in notify-send's place notes its words, one in a line."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "shown"


def program(shown: Path, then: str = "") -> None:
    file = shown.parent / "notify-send"
    file.write_text(f'#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done >>"{shown}"\n{then}\n')
    file.chmod(0o755)


def words_of(shown: Path) -> list[str]:
    return shown.read_text().splitlines() if shown.exists() else []


async def test_it_is_shown(shown: Path) -> None:
    program(shown)
    await Desktop().tell(told())
    words = words_of(shown)
    assert words[:4] == ["--app-name=tokenguard", "--urgency=critical", "--", "tokenguard: claude web waits for you"]
    assert words[4].startswith("≈$3.44 for opus-5.5: ")


async def test_hostile_names_are_words_like_others(shown: Path) -> None:
    program(shown)
    await Desktop().tell(told(repo=f"/src/{HOSTILE}", agent=HOSTILE, reason=HOSTILE, model=HOSTILE))
    words = words_of(shown)
    assert len(words) == 5
    assert words[:3] == ["--app-name=tokenguard", "--urgency=critical", "--"]
    assert words[3].startswith("tokenguard: --version $(touch pwned)")
    assert not set("<>&\\") & set(words[3] + words[4])
    assert sorted(file.name for file in shown.parent.iterdir()) == ["notify-send", "shown"]


async def test_what_is_for_programs_is_not_shown(shown: Path) -> None:
    program(shown)
    answered = notice(event("hold.answered"), "soft")
    assert answered is not None
    await Desktop().tell(answered)
    assert not words_of(shown)


async def test_without_the_program_nothing_happens(shown: Path, caplog: pytest.LogCaptureFixture) -> None:
    await Desktop().tell(told())
    assert not caplog.text


async def test_without_a_program_for_this_system_nothing_happens(
    shown: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    program(shown)
    monkeypatch.setattr(platforms, "_SYSTEMS", {})
    await Desktop().tell(told())
    assert not words_of(shown) and not caplog.text


async def test_a_failure_is_said_once(shown: Path, caplog: pytest.LogCaptureFixture) -> None:
    program(shown, "exit 3")
    channel = Desktop()
    await channel.tell(told())
    await channel.tell(told())
    assert [record.getMessage() for record in caplog.records] == [
        "notify-send failed with 3: notifications may not be shown; this is said once"
    ]


async def test_one_that_does_not_end_is_ended(
    shown: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(desktop, "DEADLINE", 0.2)
    program(shown, "exec /bin/sleep 600")
    await Desktop().tell(told())
    assert "notify-send did not end" in caplog.text
