"""What can be pressed: how keys are called, and which of them are offered where there is not room for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from textual.app import App
from textual.binding import ActiveBinding, Binding

GAP = 2
"""Cells between two offers."""
_NAMES = {
    **{"plus": "+", "slash": "/", "question_mark": "?"},
    **{"left": "←", "right": "→", "up": "↑", "down": "↓", "escape": "esc"},
}
_SPARE = ("search", "switch_mode", "order", "quit")
"""Deeds that are offered only where there is room, the first to be left out first. Their keys work all the same."""


class Offer(NamedTuple):
    """A deed, or a few of one kind in one."""

    keys: tuple[tuple[str, str], ...]
    """Each as it is pressed, and as it is called."""
    text: str
    deed: str = ""
    group: str = ""
    """What it is called together with its neighbours of the same group; empty if it stands alone."""
    everywhere: bool = False
    """Whether it is offered on every screen."""
    enabled: bool = True

    @property
    def width(self) -> int:
        """In cells."""
        return sum(len(name) for _, name in self.keys) + 1 + len(self.text)


def name_of(binding: Binding) -> str:
    """How a key is called."""
    return binding.key_display or _NAMES.get(binding.key, binding.key.replace("ctrl+", "^"))


def offers(active: Iterable[ActiveBinding]) -> list[Offer]:
    """What the active bindings offer, each deed once: first those of what is selected, then those of its screen."""
    found: dict[str, Offer] = {}
    for node, binding, enabled, _ in active:
        if binding.show and binding.action not in found:
            deed = binding.action.partition("(")[0].rpartition(".")[2]
            group = binding.group.description if binding.group else ""
            keys = ((binding.key, name_of(binding)),)
            found[binding.action] = Offer(keys, binding.description, deed, group, isinstance(node, App), enabled)
    return sorted(found.values(), key=lambda one: one.everywhere)


def fitted(offered: Sequence[Offer], width: int) -> Sequence[Offer]:
    """As much of them as there is room for in so many cells; `?` tells the rest."""
    fewer: Sequence[Offer] = ()
    for fewer in _fewer(offered):
        if room(fewer) <= width:
            break
    return fewer


def room(offered: Sequence[Offer]) -> int:
    """The cells that they take, with what is between them."""
    return sum(one.width for one in offered) + GAP * max(0, len(offered) - 1)


def _fewer(offered: Sequence[Offer]) -> Iterator[Sequence[Offer]]:
    """In fewer and fewer words."""
    yield offered
    yield (offered := list(_together(offered, everywhere=True)))
    yield (offered := list(_together(offered, everywhere=False)))
    spare = [one for deed in _SPARE for one in offered if one.deed == deed]
    here = [one for one in offered if not one.everywhere and one not in spare]
    for one in (*spare, *reversed(here)):
        offered = [other for other in offered if other is not one]
        yield offered


def _together(offered: Sequence[Offer], *, everywhere: bool) -> Iterator[Offer]:
    """Those of a group in one."""
    for (group, where), own in groupby(offered, lambda one: (one.group, one.everywhere)):
        several = list(own)
        if group and where == everywhere and len(several) > 1:
            keys = tuple(key for one in several for key in one.keys)
            yield several[0]._replace(keys=keys, text=group, group="")
        else:
            yield from several
