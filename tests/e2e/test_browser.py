"""`tokenguard tui --web` in a real browser."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from tests.support.chromium import CHROMIUM, Page, page
from tests.support.installation import Installation

pytest.importorskip("textual_serve", reason="needs tokenguard[web]")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, such as of apt install chromium")

BUDGET = '[[budget]]\nname = "day"\nscope = "user"\nlimit = "20"\nwindow = "day"\n'
PICTURES = os.environ.get("TOKENGUARD_TEST_PICTURES")
"""A folder for what was drawn, for somebody to look at."""


async def test_the_dashboard_is_drawn_in_a_browser_and_hears_its_keys(tg: Installation, tmp_path: Path) -> None:
    tg.configure("", settings=BUDGET)
    tg("daemon", "start")
    served = await asyncio.create_subprocess_exec(
        *tg.command("tui", "--web"), env=tg.env, stdout=asyncio.subprocess.PIPE, cwd=tg.work
    )
    assert served.stdout is not None
    try:
        said = (await asyncio.wait_for(served.stdout.readline(), 30)).decode()
        address = re.search(r"http://\S+", said)
        assert address, said
        async with page(tmp_path / "chromium") as browser:
            empty = await drawn(browser, "empty")
            await browser.call("Page.navigate", url=address[0])
            await browser.until(lambda: b"BUDGET" in browser.received, "the first screen is not shown")
            now = await drawn(browser, "now")
            await browser.press("2")
            await browser.until(lambda: b"7 days" in browser.received, "the key is not heard")
            models = await drawn(browser, "models")
            assert len({empty, now, models}) == 3, "it draws nothing new"
            ours = address[0].partition("?")[0]
            assert ours in browser.asked and all(one.startswith(ours) for one in browser.asked), browser.asked
    finally:
        served.send_signal(signal.SIGINT)
        await asyncio.wait_for(served.wait(), 30)


async def drawn(browser: Page, name: str) -> bytes:
    """What is seen half a second after it came: a browser draws when it likes to."""
    await asyncio.sleep(0.5)
    picture = await browser.picture()
    if PICTURES:
        await asyncio.to_thread(Path(PICTURES, f"web-{name}.png").write_bytes, picture)
    return picture
