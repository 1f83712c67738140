"""Which files of agents there are, and which of them have changed since they were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from tokenguard.agents.logs import LOGS
from tokenguard.agents.logs.shape import UNREADABLE, Lines, Places, Source
from tokenguard.importing.finding import Candidate, candidates
from tokenguard.ledger.values import LogFile, Oddity


class Plan(Struct, frozen=True):
    """What is to be read."""

    env: Mapping[str, str]
    home: str
    projects: tuple[str, ...] = ()
    agents: tuple[str, ...] | None = None
    """Names; None is all."""
    below: tuple[str, ...] | None = None
    """Only these files, and what is in these folders."""
    full: bool = False
    """Whether everything is read again, whatever is known of it."""
    payers: Mapping[str, str] = {}
    """Provider -> who pays for it, one of `records.BILLINGS`, where that is set; else logins tell."""

    def places(self) -> Places:
        """Where agents may have left files."""
        return Places(self.env, Path(self.home), tuple(Path(project) for project in self.projects))


class Known(Struct, frozen=True):
    """What is known of files that were read before, by path; and of their readers, by agent and label."""

    file: Callable[[str], LogFile | None]
    labelled: Callable[[str, str], bytes]
    trees: Callable[[], Mapping[str, str]]
    """Working tree -> its repository, as charges tell."""


class Visit(Struct, frozen=True):
    """A file that has to be read."""

    agent: str
    source: Source
    found: Candidate
    known: LogFile | None
    """None if it is read from its beginning."""

    @property
    def size(self) -> int:
        """Bytes that are to be read."""
        resumed = self.known is not None and isinstance(self.source, Lines) and self.known.done <= self.found.size
        return self.found.size - self.known.done if resumed and self.known else self.found.size


class Survey(Struct, frozen=True):
    """What a plan comes to."""

    visits: tuple[Visit, ...]
    oddities: tuple[Oddity, ...]
    unchanged: int
    """Files that need not be read."""
    agents: tuple[str, ...]
    """Those for whose files was looked everywhere."""

    @property
    def size(self) -> int:
        """Bytes that are to be read."""
        return sum(visit.size for visit in self.visits)


def survey(plan: Plan, known: Known) -> Survey:
    """Which files there are, and have changed since they were read."""
    visits: list[Visit] = []
    oddities: list[Oddity] = []
    unchanged = 0
    for name, logs in LOGS.items():
        if plan.agents is not None and name not in plan.agents:
            continue
        odd: Counter[tuple[str, str]] = Counter()

        def note(path: str, why: str, odd: Counter[tuple[str, str]] = odd) -> None:
            odd[(path, why)] += 1

        for source in logs.sources(plan.places()):
            for one in candidates(source, note, plan.below):
                before = None if plan.full else known.file(one.path)
                if before is not None and _same(before, one):
                    unchanged += 1
                else:
                    visits.append(Visit(name, source, one, before))
        oddities += [Oddity(path, name, UNREADABLE, why, count) for (path, why), count in odd.items()]
    everywhere = () if plan.below is not None else tuple(LOGS) if plan.agents is None else plan.agents
    return Survey(tuple(visits), tuple(oddities), unchanged, everywhere)


def _same(before: LogFile, now: Candidate) -> bool:
    seen = (before.device, before.inode, before.size, before.modified_ns)
    return seen == (now.device, now.inode, now.size, now.modified_ns)
