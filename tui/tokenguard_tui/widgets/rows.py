"""Rows that can be selected. They keep their place, and the selection its row, while their numbers change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

Row = tuple[str, Content]
"""(id, line)"""
TITLES = "titles"
"""Id of the line that says what the columns are; it cannot be selected, and is left out where there are few lines."""


class Rows(OptionList):
    """A list of lines, each with an id."""

    class Copied(Message):
        """Somebody wants a line in the clipboard."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    DEFAULT_CSS = """
    Rows {
        height: auto;
        border: none;
        padding: 0;
        background: transparent;
        scrollbar-size-vertical: 1;
        &:focus { border: none; background: transparent; }
        &.-textual-compact > .option-list--option { padding: 0 1; }
        & > .option-list--option-highlighted { background: transparent; color: $foreground; text-style: none; }
        &:focus > .option-list--option-highlighted { background: $panel; color: $foreground; text-style: none; }
        & > .option-list--option-hover { background: $panel; }
        & > .option-list--option-disabled { color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "cursor_down", "down", show=False, tooltip="the next line"),
        Binding("up,k", "cursor_up", "up", show=False, tooltip="the line before"),
        Binding("home,g", "first", "first", show=False, tooltip="the first line"),
        Binding("end,G", "last", "last", show=False, tooltip="the last line"),
        Binding("pagedown", "page_down", "page down", show=False, tooltip="a page down"),
        Binding("pageup", "page_up", "page up", show=False, tooltip="a page up"),
        Binding("y", "copy", "copy the line", show=False, tooltip="copy the selected line"),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, compact=True, markup=False)
        self._shown: list[Row] = []
        self._all: list[Row] = []
        self._wanted = ""

    @property
    def selected(self) -> str | None:
        """The id of the selected row."""
        if self.highlighted is None or self.highlighted >= len(self._shown):
            return None
        return self._shown[self.highlighted][0]

    def put(self, rows: Sequence[Row]) -> None:
        """Show these rows in place of the present ones, those of them that are wanted."""
        self._all = list(rows)
        rows = [row for row in self._all if row[0] != TITLES or self.screen.has_class("-high")]
        rows = [row for row in rows if row[0] == TITLES or self._wanted in row[1].plain.casefold()]
        if [row[0] for row in rows] == [row[0] for row in self._shown]:
            for (ident, line), (_, before) in zip(rows, self._shown, strict=True):
                if line != before:
                    self.replace_option_prompt(ident, line)
            self._shown = rows
            return
        selected, self._shown = self.selected, rows
        self.clear_options()
        self.add_options(Option(line, id=ident, disabled=ident == TITLES) for ident, line in rows)
        idents = [ident for ident, _ in rows]
        if selected in idents:
            self.highlighted = idents.index(selected)

    def narrow(self, text: str) -> None:
        """Show only the lines with this text from now on; all of them if it is empty. Letters may be large or small."""
        self._wanted = text.casefold()
        self.put(self._all)

    def action_page_up(self) -> None:
        """A page up; Textual selects nothing where it comes upon the titles."""
        if self.highlighted is not None:
            self._move_page(-1)
        if self.highlighted is None:
            self.action_first()

    def action_copy(self) -> None:
        """Put the selected line into the clipboard."""
        if self.highlighted is not None and self.highlighted < len(self._shown):
            self.post_message(self.Copied(self._shown[self.highlighted][1].plain.strip()))
