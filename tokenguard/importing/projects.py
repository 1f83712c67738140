"""Folders of projects that are known: some agents keep their files in them."""

from __future__ import annotations

from collections.abc import Iterable

from tokenguard.agents.logs import crush
from tokenguard.agents.logs.shape import Places


def projects(places: Places, seen: Iterable[str]) -> tuple[str, ...]:
    """Those that were `seen` at work, and those that agents list themselves."""
    try:
        listed = crush.registered(crush.registry(places).read_bytes())
    except OSError:
        listed = ()
    return tuple(dict.fromkeys([*seen, *map(str, listed)]))
