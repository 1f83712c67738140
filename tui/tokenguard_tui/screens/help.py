"""Every key that does something where somebody asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tokenguard_tui.keys import name_of
from tokenguard_tui.widgets.footing import Footing

_MOVES = ("scroll_", "page_left", "page_right")
"""What tables that are as wide as the screen do not need."""


class Key(NamedTuple):
    """What it does."""

    names: str
    text: str


class Help(ModalScreen[None]):
    """The keys, those of the screen first."""

    DEFAULT_CSS = """
    Help {
        align: center middle;
        & > VerticalScroll { width: 64; max-width: 100%; height: auto; max-height: 100%; }
        & > VerticalScroll { padding: 1 2; background: $panel; }
        & Horizontal { height: auto; }
        & .names { margin: 0 2 0 0; }
        & .text { width: 1fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark", "leave", "back", tooltip="back to the screen"),
    ]

    def __init__(self, keys: Iterable[Key]) -> None:
        super().__init__()
        self._keys = list(keys)

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        width = max((len(key.names) for key in self._keys), default=0)
        with VerticalScroll():
            for key in self._keys:
                with Horizontal():
                    names = Static(Content.styled(f"{key.names:>{width}}", "bold $accent"), classes="names")
                    names.styles.width = width
                    yield names
                    yield Static(key.text, classes="text", markup=False)
        yield Footing()

    def action_leave(self) -> None:
        """Back to what was shown."""
        self.dismiss()


def keys_of(active: Iterable[ActiveBinding]) -> list[Key]:
    """What can be pressed now, each deed once with all keys for it: what the footer offers, and then the rest."""
    found: dict[str, list[str]] = {}
    for _, binding, enabled, tooltip in sorted(active, key=lambda one: not one.binding.show):
        text = tooltip or binding.tooltip or binding.description.lower()
        if enabled and text and not binding.action.startswith(_MOVES):
            names = found.setdefault(text[0].lower() + text[1:], [])
            if (name := name_of(binding)) not in names:
                names.append(name)
    return [Key(" ".join(names), text) for text, names in found.items()]
