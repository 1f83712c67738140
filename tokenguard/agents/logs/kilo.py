"""What Kilo Code keeps: the tasks of an extension that came of Roo Code. See `logs.tasks`."""

from __future__ import annotations

from tokenguard.agents.logs import tasks
from tokenguard.agents.logs.shape import Places, Source

NAME = "kilo"


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    return tasks.documents(places, NAME, "kilocode.kilo-code")
