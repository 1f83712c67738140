"""Calls, of the events that tell of them: what of each can be exported."""

from __future__ import annotations

from typing import Any, cast

from msgspec import Struct

from tokenguard.policy.naming import folder_name, printable
from tokenguard.records import Event, Usage

TYPES = ("call.started", "call.settled", "call.refused")
"""The events that `Calls` wants to hear."""

_MOST = 10_000
"""Calls in flight whose start is known; beyond it the oldest goes, and has no duration."""

_LONGEST = 80


class Source(Struct, frozen=True):
    """Where a call belongs: what its labels say."""

    agent: str
    provider: str
    model: str
    billing: str
    repo: str = ""
    """Its folder's name, where repositories are to be named."""


class Ended(Struct, frozen=True):
    """A call that has ended, or was refused."""

    source: Source
    served: str
    """The model that answered, as it called itself."""
    outcome: str
    """`refused`, or as the ledger has it: `ok`, `provider-error`, `client-gone`..."""
    status: int | None = None
    usage: Usage = Usage()
    nanos: int = 0
    """At list price, whoever pays."""
    seconds: float | None = None
    """From its being let go on to its end; None where that is not known."""


class Calls:
    """Puts together what the events of a call tell."""

    def __init__(self, *, repositories: bool) -> None:
        """`repositories` also names these."""
        self._repositories = repositories
        self._started_us: dict[int, int] = {}

    def hear(self, event: Event) -> Ended | None:
        """The call that an event ends; None if it ends none."""
        data = cast("dict[str, Any]", event.data)
        if event.type == "call.started":
            self._started_us[data["id"]] = event.at_us
            if len(self._started_us) > _MOST:
                del self._started_us[next(iter(self._started_us))]
            return None
        began_us = self._started_us.pop(data["id"], None)
        source = Source(
            agent=printable(data["agent"], _LONGEST),
            provider=printable(data["provider"], _LONGEST),
            model=printable(data["model"], _LONGEST),
            billing=data["billing"],
            repo=printable(folder_name(data["repo"]), _LONGEST) if self._repositories else "",
        )
        if event.type == "call.refused":
            return Ended(source, source.model, "refused")
        return Ended(
            source,
            printable(data["served"] or data["model"], _LONGEST),
            data["outcome"],
            data["status"],
            data["usage"],
            data["cost_nanos"],
            None if began_us is None else max(0, event.at_us - began_us) / 1_000_000,
        )
