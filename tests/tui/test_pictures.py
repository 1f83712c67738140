"""Every screen looks as it did when somebody looked at it last."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.pictures import ALL, DRAWN_BY, FOLDER, drawn_by, path_of, picture


@pytest.mark.skipif(
    DRAWN_BY.read_text("utf-8") != drawn_by(),
    reason="the pictures are of other versions: python -m tests.tui.pictures draws them anew",
)
@pytest.mark.parametrize(
    ("name", "size", "theme"), ALL, ids=[path_of(name, size, theme).stem for name, size, theme in ALL]
)
async def test_a_screen_looks_as_it_did(name: str, size: tuple[int, int], theme: str, tmp_path: Path) -> None:
    now = await picture(name, size, theme, tmp_path)
    before = path_of(name, size, theme)
    if now != before.read_text("utf-8"):
        shown = tmp_path / before.name
        shown.write_text(now, "utf-8")
        raise AssertionError(f"{shown} is not {before}; if it is right: python -m tests.tui.pictures")


def test_every_picture_is_of_a_screen() -> None:
    assert {path.name for path in FOLDER.glob("*.svg")} == {path_of(*one).name for one in ALL}
