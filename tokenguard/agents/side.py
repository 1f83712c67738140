"""What a request says of its place in an agent's work: on which side of the conversation it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct

from tokenguard.records import Facts

_IDENTIFIER = re.compile(r"[A-Za-z0-9][\w.:/@+-]{0,79}", re.ASCII)


class Side(Struct, frozen=True):
    """The place of a call, as far as its agent tells it."""

    request_class: str = "main"
    """One of `records.REQUEST_CLASSES`."""
    session: str | None = None
    """The agent's own id of its session, as its logs have it."""
    subagent: str | None = None
    """The agent's own id of the sub-agent that asks."""
    subagent_type: str | None = None
    """What kind of sub-agent that is."""


SideOf: TypeAlias = Callable[[Mapping[str, str], Facts], Side]
"""The side of a request of one agent, from its headers, looked up in lower case, and its facts. Pure, and cheap."""


def identifier(text: str | None) -> str | None:
    """An id or a name as agents give them; None for whatever could be something else: it goes into the ledger."""
    return text if text is not None and _IDENTIFIER.fullmatch(text) else None


def by_cache_key(headers: Mapping[str, str], facts: Facts) -> Side:
    """See `SideOf`. For agents that say no more than by what their prompts are cached, which is their session."""
    return Side(session=identifier(facts.about.get("prompt_cache_key")))
