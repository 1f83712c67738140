"""What Roo Code keeps: the tasks of an extension that came of Cline. See `logs.tasks`.

- Counters are a request's own, never cumulative. A condensed conversation tells its cost only.
- Deduplication key: the task and the time of the request's message.
- Overlap: `tokensIn` holds the cache where a request names its `apiProtocol`: always for `openai`, since October 2025
  for `anthropic` too.
- The model is what it told the model of its surroundings (`api_conversation_history.json`); folder and parent stand in
  `history_item.json`.
"""

from __future__ import annotations

from tokenguard.agents.logs import tasks
from tokenguard.agents.logs.shape import Places, Source

NAME = "roo"


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    return tasks.documents(places, NAME, "rooveterinaryinc.roo-cline")
