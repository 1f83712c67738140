"""What Kilo Code keeps: the tasks of an extension that came of Roo Code. See `logs.tasks`.

- Counters are a request's own, never cumulative. A condensed conversation tells its cost only.
- Deduplication key: the task and the time of the request's message.
- Overlap: `tokensIn` holds the cache where a request names its `apiProtocol`: always for `openai`, since October 2025
  for `anthropic` too.
- Its CLI, and newer versions of the extension, came of opencode and keep its database. See `logs.opencode`.
"""

from __future__ import annotations

from tokenguard.agents.logs import opencode, tasks
from tokenguard.agents.logs.shape import Places, Source

NAME = "kilo"


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    return (
        *tasks.documents(places, NAME, "kilocode.kilo-code"),
        *opencode.databases(places.data() / "kilo", NAME, places.env.get("KILO_DB", ":memory:")),
    )
