"""What agents write down themselves: read when the daemon begins, and followed from then on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tokenguard.agents.logs import LOGS
from tokenguard.agents.logs.shape import Places, Source
from tokenguard.errors import TokenguardError
from tokenguard.importing.importer import ELSEWHERE, Importer, Progress, Tell
from tokenguard.importing.projects import projects
from tokenguard.importing.surveying import Plan
from tokenguard.ledger import queries
from tokenguard.ledger.places import trees
from tokenguard.watcher import Watcher, wanted

log = logging.getLogger(__name__)

_SETTLED_S = 2.0
"""Seconds of reading after which its speed tells how long the rest takes."""


class Following:
    """Follows agents' logs for as long as it runs."""

    def __init__(
        self, importer: Importer, ledger: Path, places: Places, payers: Callable[[], Mapping[str, str]]
    ) -> None:
        """`ledger` is its file. `places`: where agents leave their files. `payers`: as in `Plan`, as it is set now."""
        self._importer = importer
        self._ledger = ledger
        self._places = places
        self._payers = payers
        self._roots: list[tuple[str, str]] = []
        self._runs = False
        self._begun = False
        self._failing: str | None = None
        self._missed: frozenset[Path] = frozenset()

    async def run(self) -> None:
        """Read what is there, and then what comes, until cancelled."""
        self._runs = True
        try:
            await Watcher(lambda: wanted(self._sources()), self._read).run()
        except Exception as error:
            self._failing = f"internal error: {type(error).__name__}"
            log.exception("agents' logs are not followed any more")

    async def read(self, places: Places, agents: tuple[str, ...] | None, full: bool, tell: Tell) -> Progress:
        """Read what is there at these places, followed or not; as `Importer.run`."""
        known = await asyncio.to_thread(self._known, places)
        return await self._importer.run(replace(self._plan(known), agents=agents, full=full), tell)

    def view(self, now_us: int) -> dict[str, Any]:
        """How it stands, as `tokenguard status --json` shows it: `off`, `reading` much, or `following`."""
        progress = self._importer.progress or Progress()
        much = self._importer.busy and progress.bytes >= ELSEWHERE and not progress.done
        begins = self._runs and not self._begun
        return {
            "state": "reading" if much or begins else "following" if self._runs else "off",
            "files": progress.files,
            "files_done": progress.files_read,
            "bytes": progress.bytes,
            "bytes_done": progress.bytes_read,
            "rows": progress.added,
            "left_s": _left_s(progress, now_us) if much else None,
            "failing": self._failing,
        }

    def _sources(self) -> list[Source]:
        """Where agents leave their files: of projects, in those alone that agents list themselves, which are few."""
        self._places = replace(self._places, projects=tuple(map(Path, projects(self._places, ()))))
        found = [(name, source) for name, logs in LOGS.items() for source in logs.sources(self._places)]
        self._roots = [(name, str(source.root)) for name, source in found]
        return [source for _, source in found]

    def _known(self, places: Places) -> Places:
        """With all projects that are known. Blocks for as long as the ledger takes."""
        with closing(queries.connect_readonly(self._ledger)) as conn:
            return replace(places, projects=tuple(map(Path, projects(places, trees(conn)))))

    def _plan(self, places: Places) -> Plan:
        return Plan(places.env, str(places.home), tuple(map(str, places.projects)), payers=self._payers())

    def _plan_of(self, changed: frozenset[Path]) -> Plan:
        """The plan to read what has changed, of the agents alone that leave files there."""
        below = tuple(sorted(map(str, changed)))
        agents = {name for name, root in self._roots for path in below if path == root or path.startswith(f"{root}/")}
        return replace(self._plan(self._places), agents=tuple(agents), below=below)

    async def _read(self, changed: frozenset[Path]) -> None:
        changed |= self._missed
        try:
            if self._begun:
                plan = self._plan_of(changed)
            else:
                plan = self._plan(await asyncio.to_thread(self._known, self._places))
            progress = await self._importer.run(plan)
        except TokenguardError as error:
            self._missed, self._failing = changed, error.message
            log.error("agents' logs were not read: %s", error)
            return
        except Exception as error:
            self._missed, self._failing = changed, f"internal error: {type(error).__name__}"
            raise
        if not self._begun:
            log.info("agents' logs: %d files were read, %d rows added", progress.files_read, progress.added)
        self._missed, self._failing, self._begun = frozenset(), None, True


def _left_s(progress: Progress, now_us: int) -> float | None:
    """Seconds until all is read; None as long as nothing tells."""
    taken_s = (now_us - progress.began_us) / 1_000_000
    if taken_s < _SETTLED_S or not progress.bytes_read:
        return None
    return max(0.0, taken_s * (progress.bytes - progress.bytes_read) / progress.bytes_read)
