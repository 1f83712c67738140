from __future__ import annotations

import pytest

from tokenguard.reports.layout import Cells, Column, bar, cells, fit, lines, plain, shortened


def shown(columns: list[Column], width: int) -> list[str]:
    return lines(fit(columns, width), lambda text, _: text)


@pytest.mark.parametrize(
    ("share", "drawn"), [(0, "    "), (0.001, "▏   "), (0.5, "██  "), (0.53, "██▏ "), (1, "████"), (1.2, "████")]
)
def test_a_bar_is_as_full_as_its_share(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


@pytest.mark.parametrize(
    ("text", "size", "cut"),
    [
        ("claude-opus-5-5", 15, "claude-opus-5-5"),
        ("claude-opus-5-5", 12, "claude-o…5-5"),
        ("日本語日本語", 12, "日本語日本語"),
        ("日本語日本語", 8, "日…本語"),
    ],
)
def test_names_are_cut_in_their_middle(text: str, size: int, cut: str) -> None:
    assert shortened(text, size) == cut
    assert cells(cut) <= size


def test_columns_that_can_be_spared_go_first_and_then_names_are_cut() -> None:
    def columns() -> list[Column]:
        return [
            Column("NAME", plain(["something-long"]), right=False, name=True),
            Column("A", plain(["1"]), spare=1),
            Column("B", plain(["22"]), spare=2),
            Column("C", plain(["333"])),
        ]

    assert shown(columns(), 40) == [" NAME            A   B    C", " something-long  1  22  333"]
    assert shown(columns(), 25) == [" NAME            A    C", " something-long  1  333"]
    assert shown(columns(), 21) == [" NAME              C", " something-long  333"]
    assert shown(columns(), 16) == [" NAME          C", " someth…ong  333"]


@pytest.mark.parametrize(
    ("width", "made", "line"),
    [(30, 1, " something  1234567  333"), (20, 1, " something  333"), (17, 0, " something  333")],
)
def test_cells_for_which_there_is_no_room_are_not_made(width: int, made: int, line: str) -> None:
    asked: list[str] = []

    def late() -> Cells:
        asked.append("B")
        return plain(["1234567"])

    columns = [
        Column("NAME", plain(["something"]), right=False),
        Column("B", spare=2, late=late),
        Column("C", plain(["333"])),
    ]
    assert shown(columns, width)[1] == line
    assert len(asked) == made


def test_wide_characters_keep_columns_aligned() -> None:
    rows = [Column("X", plain(["日本", "ab"]), right=False, name=True), Column("Y", plain(["1", "2"]))]
    assert shown(rows, 40) == [" X     Y", " 日本  1", " ab    2"]


def test_bars_take_the_room_that_is_left() -> None:
    def columns() -> list[Column]:
        return [
            Column("N", plain(["a", "b"]), right=False),
            Column("", plain(["", ""]), right=False, shares=lambda: [0.1, 0.2]),
        ]

    assert [len(line) for line in shown(columns(), 40)][2] == 1 + 1 + 2 + 12
    assert [len(line) for line in shown(columns(), 10)][2] == 10
