"""Which keys are offered, in how many words."""

from __future__ import annotations

from textual.app import App
from textual.binding import ActiveBinding, Binding
from textual.screen import Screen

from tokenguard_tui import keys

SPAN = Binding.Group("span", compact=True)
SCREENS = Binding.Group("screens", compact=True)
HERE = [
    Binding("plus", "raise", "raise"),
    Binding("d", "since('today')", "day", group=SPAN),
    Binding("w", "since('7d')", "week", group=SPAN),
    Binding("escape", "leave", "back"),
]
EVERYWHERE = [
    Binding("1", "switch_mode('now')", "now", group=SCREENS),
    Binding("2", "switch_mode('models')", "models", group=SCREENS),
    Binding("slash", "screen.search", "search"),
    Binding("question_mark", "help", "help"),
    Binding("q", "quit", "quit"),
    Binding("ctrl+q", "quit", "quit", show=False),
]


def said(width: int) -> str:
    screen, app = Screen[None](), App[None]()
    active = [ActiveBinding(screen, one, True, "") for one in HERE]
    active[2:2] = [ActiveBinding(app, one, True, "") for one in EVERYWHERE]
    fitted = keys.fitted(keys.offers(active), width)
    assert keys.room(fitted) <= width
    return "  ".join(f"{''.join(name for _, name in one.keys)} {one.text}" for one in fitted)


def test_all_are_offered_where_there_is_room() -> None:
    assert said(90) == "+ raise  d day  w week  esc back  1 now  2 models  / search  ? help  q quit"


def test_where_there_is_less_room_first_words_go_and_then_what_can_be_done_everywhere() -> None:
    assert said(74) == "+ raise  d day  w week  esc back  12 screens  / search  ? help  q quit"
    assert said(68) == "+ raise  dw span  esc back  12 screens  / search  ? help  q quit"
    assert said(60) == "+ raise  dw span  esc back  12 screens  ? help  q quit"
    assert said(50) == "+ raise  dw span  esc back  ? help  q quit"
    assert said(40) == "+ raise  dw span  esc back  ? help"
    assert said(24) == "+ raise  dw span  ? help"
    assert said(6) == "? help"


def test_a_deed_is_offered_once_by_its_first_key_and_what_cannot_be_done_is_marked() -> None:
    screen = Screen[None]()
    active = [
        ActiveBinding(screen, Binding("y", "answer(True)", "yes"), False, ""),
        ActiveBinding(screen, Binding("enter", "answer(True)", "yes"), False, ""),
        ActiveBinding(screen, Binding("ctrl+p", "palette", "palette"), True, ""),
    ]
    first, second = keys.offers(active)
    assert (first.keys, first.enabled, second.keys) == ((("y", "y"),), False, (("ctrl+p", "^p"),))
