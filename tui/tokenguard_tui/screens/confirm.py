"""Asks once before something that cannot be undone."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tokenguard_tui.widgets.footing import Footing


class Confirm(ModalScreen[bool]):
    """True is yes. Nothing else is."""

    DEFAULT_CSS = """
    Confirm {
        align: center middle;
        & > Vertical { width: 64; max-width: 100%; height: auto; padding: 1 2; background: $panel; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes", key_display="y", tooltip="yes, do it"),
        Binding("n,escape", "answer(False)", "no", key_display="n", tooltip="no, leave it"),
    ]

    def __init__(self, question: str, beside: str, deed: str) -> None:
        """`deed` is what yes means, in a word or two."""
        super().__init__()
        self._question, self._beside, self._deed = question, beside, deed

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        with Vertical():
            yield Static(Content.styled(self._question, "bold"))
            yield Static(Content.styled(self._beside, "$text-muted"))
            yield Static(
                Content.assemble("\n", ("y", "bold $accent"), f" {self._deed}   ", ("n", "bold $accent"), " leave it")
            )
        yield Footing()

    def action_answer(self, answer: bool) -> None:
        """Decided."""
        self.dismiss(answer)
