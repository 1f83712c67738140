"""The screens that stand side by side, and the keys that lead to them from everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.binding import Binding
from textual.screen import Screen

from tokenguard_tui.screens.advice import AdviceView
from tokenguard_tui.screens.budgets import BudgetsView
from tokenguard_tui.screens.models import Models
from tokenguard_tui.screens.now import Now
from tokenguard_tui.screens.team import Team


def _history() -> Screen[None]:
    """Its charts come with modules that the first screen does not wait for."""
    from tokenguard_tui.screens.history import History

    return History()


MODES: dict[str, str | Callable[[], Screen[Any]]] = {
    "now": Now,
    "models": Models,
    "history": _history,
    "budgets": BudgetsView,
    "team": Team,
    "advice": AdviceView,
}
"""See `App.MODES`."""

_SCREENS = Binding.Group("screens", compact=True)

KEYS = [
    Binding("1", "switch_mode('now')", "now", group=_SCREENS, tooltip="now: what is being spent"),
    Binding("2", "switch_mode('models')", "models", group=_SCREENS, tooltip="models: shares of tokens and of spending"),
    Binding("3", "switch_mode('history')", "history", group=_SCREENS, tooltip="history: days, weeks, months"),
    Binding("4", "switch_mode('budgets')", "budgets", group=_SCREENS, tooltip="budgets, and what was done to them"),
    Binding("5", "switch_mode('team')", "team", group=_SCREENS, tooltip="team: quotas that people share"),
    Binding("6", "switch_mode('advice')", "advice", group=_SCREENS, tooltip="advice: what would have cost less"),
]
