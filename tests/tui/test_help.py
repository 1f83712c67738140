"""Help, and the screens that only tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.containers import Horizontal
from textual.widgets import Static

from tests.tui.test_app import shown
from tokenguard_tui.screens.advice import AdviceView
from tokenguard_tui.screens.help import Help
from tokenguard_tui.screens.team import Team
from tokenguard_tui.widgets.advice import lines

PART = {"agent": "claude", "model": "claude-opus-5-5", "detail": "", "instead": "claude-sonnet-5", "calls": 12}
ADVICE: dict[str, Any] = {
    "calls": 40,
    "cost_nanos": 9_000_000_000,
    "notional_nanos": 0,
    "confidence": "exact",
    "advice": [
        {
            "name": "dear-answers",
            "title": "dear models for short answers",
            "finding": "12 calls were short.",
            "saving_nanos": 1_500_000_000,
            "notional_saving_nanos": 0,
            "parts": [{**PART, "cost_nanos": 2_000_000_000, "saving_nanos": 1_500_000_000, "notional": False}],
            "changes": [{"what": "use another model", "how": "tokenguard budget set x\n  --more"}],
        }
    ],
}


async def test_help_lists_every_key_that_does_something_here(tmp_path: Path) -> None:
    async with shown(tmp_path, (80, 40)) as (app, pilot):
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, Help)
        told = [" ".join(str(part.content) for part in line.query(Static)) for line in app.screen.query(Horizontal)]
        for key, text in (
            ("a", "let the selected call go on"),
            ("+", "raise its budget, and let it go on"),
            ("d", "refuse the selected call"),
            ("2", "models: shares of tokens and of spending"),
            ("q", "end the dashboard; nothing else ends"),
            ("^p", "open the command palette"),
        ):
            words = text.split()
            assert any(line.split()[-len(words) :] == words and key in line.split()[: -len(words)] for line in told), (
                told
            )
        assert len(told) == len(set(told))
        assert told[0].split()[0] == "a", "what is selected comes first"
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(app.screen, Help)


@pytest.mark.parametrize("size", [(38, 12), (80, 24)])
async def test_team_and_advice_say_what_there_is_to_know(tmp_path: Path, size: tuple[int, int]) -> None:
    async with shown(tmp_path, size) as (app, pilot):
        await pilot.press("5")
        await pilot.pause()
        assert isinstance(app.screen, Team)
        assert any("tokenguard team join" in str(static.content) for static in app.screen.query(Static).results())
        await pilot.press("6")
        await pilot.pause()
        assert isinstance(app.screen, AdviceView)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_advice_says_what_it_would_save_where_and_how(width: int) -> None:
    ((ident, paragraph),) = lines(ADVICE, width)
    title, finding, part, change, how, more = paragraph.plain.splitlines()
    assert (ident, title, finding) == ("dear-answers", "≈$1.50  dear models for short answers", "12 calls were short.")
    assert "claude" in part and part.rstrip().endswith("≈$1.50") and len(part) <= width
    assert (change, how, more.strip()) == ("→ use another model", "    tokenguard budget set x", "--more")


def test_there_may_be_nothing_to_say() -> None:
    assert "no calls yet" in lines({**ADVICE, "calls": 0}, 80)[0][1].plain
    assert "Nothing to change" in lines({**ADVICE, "advice": []}, 80)[0][1].plain
