"""What one machine publishes: a small JSON document behind a ref of its own. Nothing of what was worked on is in it."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from tokenguard.policy.rights import Cells

FILE = "use.json"
LARGEST = 256 * 1024
"""Bytes: more than five hundred machines of one team need."""
MOST = 10**18
"""Nanodollars that a total can have: a thousand million dollars."""

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")

_Name = Annotated[str, Meta(max_length=130)]
_Count = Annotated[int, Meta(ge=0, le=2**62)]


class Change(Struct, frozen=True):
    """A raise of a limit, or a lower one, for one period: it stays on record there."""

    at_us: int
    budget: _Name
    period: _Name
    amount: Annotated[int, Meta(ge=-MOST, le=MOST)]
    reason: Annotated[str, Meta(max_length=500)]


class Document(Struct, frozen=True, omit_defaults=True):
    """Of one writer. `instance` is of one process of it, and `sequence` grows with every document."""

    version: int
    sequence: _Count
    instance: Annotated[str, Meta(max_length=32)]
    at_us: _Count
    budgets: Annotated[dict[_Name, dict[_Name, Cells]], Meta(max_length=64)] = {}
    changes: tuple[Change, ...] = ()
    left: bool = False
    birth: Annotated[str, Meta(max_length=32)] = ""
    births: Annotated[dict[_Name, str], Meta(max_length=5_000)] = {}
    """Of a treasurer: to whom it gave rights, by their birth."""


def encode(document: Document) -> bytes:
    """The bytes of a file."""
    return msgspec.json.encode(document, order="deterministic")


def decode(data: bytes) -> Document | None:
    """What somebody wrote; None for what no machine of ours writes, or a later version of it."""
    if len(data) > LARGEST:
        return None
    try:
        found = msgspec.json.decode(data, type=Document)
    except (msgspec.MsgspecError, RecursionError):
        return None
    cells = (cells for periods in found.budgets.values() for cells in periods.values())
    return found if found.version == 1 and all(map(_possible, cells)) else None


def is_part(name: str) -> bool:
    """Whether a name can be a part of a ref's: of a team, a member or a machine."""
    return _PART.fullmatch(name) is not None and not name.endswith((".", ".lock")) and ".." not in name


def _possible(cells: Cells) -> bool:
    amounts = (cells.spent, cells.allot, cells.withdrawn, cells.kept, cells.want, cells.short)
    transfers = (*cells.given.values(), *cells.taken.values())
    return all(0 <= amount <= MOST for amount in (*amounts, *transfers))
