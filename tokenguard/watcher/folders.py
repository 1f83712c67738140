"""Which folders have to be watched for the files of agents' logs to be seen. Looks at no file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tokenguard.agents.logs.shape import Source

_WILD = re.compile(r"[*?\[]")


class Wanted(NamedTuple):
    """A folder to watch. It need not exist."""

    folder: Path
    deep: bool
    """Whether files in the folders below it count too."""


def wanted(sources: Iterable[Source]) -> frozenset[Wanted]:
    """The folders of these sources: as far down as their patterns are plain names, so that no more is watched."""
    found = {_of_pattern(source.root, pattern) for source in sources for pattern in source.patterns}
    deep = {one.folder for one in found if one.deep}
    return frozenset(
        one
        for one in found
        if deep.isdisjoint(one.folder.parents) and (one.deep or one.folder not in deep) and one.folder.is_absolute()
    )


def _of_pattern(root: Path, pattern: str) -> Wanted:
    parts = pattern.split("/")
    plain = next((at for at, part in enumerate(parts) if _WILD.search(part)), len(parts))
    above = min(plain, len(parts) - 1)
    return Wanted(root.joinpath(*parts[:above]), deep=above < len(parts) - 1)
