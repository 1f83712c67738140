"""Write the keys of the dashboard's screens into docs/tui.md, between marks: `python -m tools.document_tui`."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode

import tokenguard_tui

PAGE = Path(__file__).parent.parent / "docs/tui.md"

_PARTS = {
    "now": ("screens.now", "widgets.holds", "widgets.sessions"),
    "session": ("screens.session", "widgets.turns"),
    "models": ("screens.models", "widgets.models"),
    "history": ("screens.history", "widgets.series"),
    "budgets": ("screens.budgets",),
    "team": ("screens.team",),
    "advice": ("screens.advice",),
    "forms": ("screens.budget", "screens.raising", "screens.confirm", "screens.help"),
}
"""Part of the page -> the modules whose keys it lists; those of all others hold everywhere."""

_MARKED = re.compile(r"(?<=<!-- keys: )(\w+) -->\n.*?(?=<!-- end of keys -->)", re.DOTALL)
_KEYS = {
    **{"left": "←", "right": "→", "up": "↑", "down": "↓"},
    **{"enter": "Enter", "escape": "Esc", "plus": "+", "slash": "/", "question_mark": "?"},
}


def main() -> None:
    """Write it."""
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """The page as it should be."""
    tables = {part: _table(keys) for part, keys in bindings().items()}
    return _MARKED.sub(lambda found: f"{found[1]} -->\n{tables[found[1]]}", PAGE.read_text("utf-8"))


def bindings() -> dict[str, list[Binding]]:
    """Part of the page -> the keys of its modules."""
    found: dict[str, list[Binding]] = {part: [] for part in ("everywhere", *_PARTS)}
    for module in pkgutil.walk_packages(tokenguard_tui.__path__, "tokenguard_tui."):
        name = module.name.removeprefix("tokenguard_tui.")
        part = next((part for part, modules in _PARTS.items() if name in modules), "everywhere")
        for one in vars(import_module(module.name)).values():
            if isinstance(one, type) and issubclass(one, DOMNode) and one.__module__ == module.name:
                found[part] += Binding.make_bindings(vars(one).get("BINDINGS", ()))
    return found


def _table(keys: list[Binding]) -> str:
    names: dict[str, list[str]] = {}
    for binding in keys:
        names.setdefault(binding.tooltip or binding.description, []).append(_KEYS.get(binding.key, binding.key))
    rows = [f"| {' '.join(f'`{name}`' for name in dict.fromkeys(own))} | {text} |" for text, own in names.items()]
    return "\n".join(["| key | |", "|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    main()
