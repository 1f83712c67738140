"""A daemon that is heard of, and one that is not."""

from __future__ import annotations

from pathlib import Path

from tests.support.home import Home
from tests.tui.test_app import lines, until
from tokenguard_tui.app import Dashboard
from tokenguard_tui.widgets.sessions import Sessions


async def test_a_daemon_that_goes_and_comes_back(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    app = Dashboard(home.paths)
    try:
        home.start()
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.state.told, "no status has come")
            assert lines(app, Sessions) == ["nothing runs: tokenguard run claude"]
            home.daemon.stop(timeout=20)
            await until(pilot, lambda: app.state.away, "its end is not noticed")
            home.start()
            await until(pilot, lambda: not app.state.away and not app.state.stale, "its return is not noticed")
    finally:
        home.clean_up()
