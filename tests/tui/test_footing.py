"""The last line of a screen."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from textual.widget import Widget

from tests.tui.answering import answering
from tests.tui.test_app import shown, until
from tokenguard_tui.screens.help import Help
from tokenguard_tui.screens.models import Models
from tokenguard_tui.widgets.footing import Footing


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (38, "a allow  + raise  d deny        ? help"),
        (80, "a allow  + raise  d deny           123456 screens  / search  ? help  q quit"),
    ],
)
async def test_what_waits_for_an_answer_is_offered_at_every_width(tmp_path: Path, width: int, expected: str) -> None:
    async with shown(tmp_path, (width, 24)) as (app, pilot):
        footing = app.screen.query_one(Footing)
        # The list of what waits gets the focus a moment after it is there.
        await until(pilot, lambda: str(footing.content).split() == expected.split(), f"not offered: {expected}")
        assert len(str(footing.content)) == width - 2


async def test_a_click_does_what_the_key_does(tmp_path: Path) -> None:
    async with answering(tmp_path, (80, 24), {}) as (app, pilot):
        footing = app.screen.query_one(Footing)
        await until(pilot, lambda: "screens" in str(footing.content), "nothing is offered")
        at = str(footing.content).index("123456") + footing.gutter.left
        await pilot.hover(Footing, offset=(at + 1, 0))
        assert str(footing.tooltip) == "models: shares of tokens and of spending"
        await pilot.click(Footing, offset=(at + 1, 0))
        await until(pilot, lambda: isinstance(app.screen, Models), "it is not the second screen")
        await pilot.click(Footing, offset=(79 - 10, 0))
        await until(pilot, lambda: isinstance(app.screen, Help), "help is not shown")


async def test_changing_the_screen_leaves_nothing_behind(tmp_path: Path) -> None:
    async with answering(tmp_path, (80, 24), {}) as (app, pilot):

        async def there_and_back(times: int) -> int:
            for _ in range(times):
                await pilot.press("2", "1")
            await app.look(pilot)
            gc.collect()
            return sum(isinstance(one, Widget) for one in gc.get_objects())

        first = await there_and_back(2)
        assert await there_and_back(5) <= first
