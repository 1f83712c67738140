"""Which branch was checked out when, as git itself remembers it: in the log of HEAD, for some 90 days."""

from __future__ import annotations

import re
from bisect import bisect_right
from pathlib import Path
from typing import NamedTuple

from tokenguard.attribution import logs

_LINE = re.compile(
    rb"^[0-9a-f]{40,64} [0-9a-f]{40,64} [^\t\n]*> (\d+) [+-]\d{4}\t"
    rb"(?:checkout: moving from (\S+) to (\S+)|Branch: renamed refs/heads/(\S+) to refs/heads/(\S+))$",
    re.MULTILINE,
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}|.*[~^].*|HEAD|refs/(?!heads/).*|.*@\{.*")
"""What was checked out that is no branch: git writes down what it was told to check out."""


class Switch(NamedTuple):
    """Another branch was checked out, or the same one got another name."""

    at_us: int
    before: str | None
    """None for a commit that is on no branch."""
    after: str | None


class Switches:
    """All switches of a working tree that git still knows of."""

    def __init__(self, switches: list[Switch]) -> None:
        self._switches = switches

    def at(self, at_us: int, now: str | None) -> str | None:
        """The branch at an instant, given the one of `now`: that of the nearest switch before it, or after it."""
        after = bisect_right(self._switches, at_us, key=lambda switch: switch.at_us)
        if after == len(self._switches):
            return now
        return self._switches[after].before if after == 0 else self._switches[after - 1].after


def of(git_dir: str) -> Switches:
    """The switches of the working tree with this git folder; none if it keeps no log. Never raises."""
    return read(logs.content(Path(git_dir)))


def read(head_log: bytes) -> Switches:
    """The switches in what the log of a HEAD holds. Lines of another kind are no switches."""
    found = [
        Switch(int(at) * 1_000_000, *(branch_named(name.decode(errors="replace")) for name in moved or renamed))
        for at, *names in _LINE.findall(head_log)
        for moved, renamed in [(names[:2] if names[0] else None, names[2:])]
    ]
    return Switches(sorted(found, key=lambda switch: switch.at_us))


def branch_named(name: str) -> str | None:
    """The branch that somebody checked out by this name; None where it can only have been something else."""
    branch = name.removeprefix("refs/heads/")
    return None if _COMMIT.fullmatch(branch) else branch
