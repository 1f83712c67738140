"""Write the keys of the dashboard's screens into docs/tui.md, between marks: `python -m tools.document_tui`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode

from tokenguard_tui.app import Dashboard
from tokenguard_tui.screens.budget import BudgetForm
from tokenguard_tui.screens.budgets import BudgetsView
from tokenguard_tui.screens.confirm import Confirm
from tokenguard_tui.screens.history import History
from tokenguard_tui.screens.models import Models
from tokenguard_tui.screens.raising import Raising
from tokenguard_tui.screens.session import SessionView
from tokenguard_tui.widgets.holds import Holds
from tokenguard_tui.widgets.models import ModelTable
from tokenguard_tui.widgets.rows import Rows
from tokenguard_tui.widgets.series import Series

PAGE = Path(__file__).parent.parent / "docs/tui.md"

PARTS: dict[str, tuple[type[DOMNode], ...]] = {
    "everywhere": (Dashboard, Rows),
    "now": (Holds,),
    "session": (SessionView,),
    "models": (Models, ModelTable),
    "history": (History, Series),
    "budgets": (BudgetsView,),
    "forms": (BudgetForm, Raising, Confirm),
}
"""Part of the page -> whose keys it lists."""

_MARKED = re.compile(r"(?<=<!-- keys: )(\w+) -->\n.*?(?=<!-- end of keys -->)", re.DOTALL)
_KEYS = {"left": "←", "right": "→", "up": "↑", "down": "↓", "enter": "Enter", "escape": "Esc", "plus": "+"}


def main() -> None:
    """Write it."""
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """The page as it should be."""
    return _MARKED.sub(lambda found: f"{found[1]} -->\n{_table(PARTS[found[1]])}", PAGE.read_text("utf-8"))


def _table(parts: Iterable[type[DOMNode]]) -> str:
    keys: dict[str, list[str]] = {}
    for binding in (binding for part in parts for binding in own_bindings(part)):
        keys.setdefault(binding.tooltip or binding.description, []).append(_KEYS.get(binding.key, binding.key))
    rows = [f"| {' '.join(f'`{name}`' for name in dict.fromkeys(names))} | {text} |" for text, names in keys.items()]
    return "\n".join(["| key | |", "|---|---|", *rows]) + "\n"


def own_bindings(part: type[DOMNode]) -> list[Binding]:
    """The keys that a screen or widget adds to those of what it is made from."""
    return list(Binding.make_bindings(vars(part).get("BINDINGS", ())))


if __name__ == "__main__":
    main()
