"""What Roo Code keeps: the tasks of an extension that came of Cline. See `logs.tasks`."""

from __future__ import annotations

from tokenguard.agents.logs import tasks
from tokenguard.agents.logs.shape import Places, Source

NAME = "roo"


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    return tasks.documents(places, NAME, "rooveterinaryinc.roo-cline")
