"""The processes of a session: its agent, and below it what it has started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content

from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.widgets.rows import TITLES, Row, Rows

_COLUMNS = (
    Column("PROCESS", bends=True),
    Column("PID", right=True, rank=3),
    Column("CPU", right=True, rank=2),
    Column("MEMORY", right=True, rank=1),
    Column(""),
)

_Process = Mapping[str, Any]
Seen = dict[tuple[int, int], float]
"""(pid, start) of a process -> seconds of processor time that it had taken."""


class Processes(Rows):
    """One line a process. How busy each is can be told once it was seen twice."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: Seen = {}
        self._at_us = 0
        self._busy: dict[tuple[int, int], float] = {}

    def tell(self, told: Mapping[str, Any], plain: bool) -> None:
        """What the daemon has told of a session."""
        processes, at_us = told["processes"], told.get("at_us", 0)
        if at_us > self._at_us:
            seen = {_name(one): one["cpu_s"] for one in processes}
            self._busy = busy(self._seen, seen, (at_us - self._at_us) / 1_000_000)
            self._seen, self._at_us = seen, at_us
        self.put(lines(processes, self._busy, self.size.width - 2, plain))


def busy(before: Seen, now: Seen, seconds: float) -> dict[tuple[int, int], float]:
    """Which share of a core each process took that was there before and is there now."""
    return {name: max(0.0, cpu_s - before[name]) / seconds for name, cpu_s in now.items() if name in before}


def lines(processes: Sequence[_Process], shares: Mapping[tuple[int, int], float], width: int, plain: bool) -> list[Row]:
    """Processes in `width` cells, as the daemon orders them."""
    if not processes:
        return [("none", Content.styled("no process of it is known", "$text-muted"))]
    titles, drawn = laid_out(_COLUMNS, [_row(one, shares.get(_name(one)), plain) for one in processes], width)
    return [(TITLES, titles), *((f"p:{one['pid']}", line) for one, line in zip(processes, drawn, strict=True))]


def _row(one: _Process, share: float | None, plain: bool) -> list[Cell]:
    branch = "" if not one["depth"] else "  " * (one["depth"] - 1) + ("`- " if plain else "└ ")
    style = "$text-muted" if one["depth"] else ""
    return [
        Cell(f"{branch}{words.clean(one['name'], 40)}", style),
        Cell(str(one["pid"]), "$text-muted"),
        Cell("" if share is None else f"{share:.0%}", style),
        Cell(_memory(one["memory_bytes"]), style),
        Cell("paused" if one["stopped"] else "", "$level-warn"),
    ]


def _name(one: _Process) -> tuple[int, int]:
    return one["pid"], one["started_us"]


def _memory(size: int) -> str:
    """`312M`, `1.2G`."""
    return f"{size / 2**30:.1f}G" if size >= 1000 * 2**20 else f"{size / 2**20:.0f}M"
