"""opencode.

`OPENCODE_CONFIG_CONTENT` is merged over the user's and the project's settings; only the administrator's win over it.
A provider that is named there counts as one that the user has set up, so only those that are get an address. The
title of a conversation is asked for beside its first turn, of a small model. It has no `.env` file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tokenguard.agents import opencode_kin
from tokenguard.agents.opencode_settings import Kin
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.side import Side, identifier
from tokenguard.records import Facts
from tokenguard.wire.shape import Refusal

NAME = "opencode"
TITLE = "opencode"
COMMANDS = ("opencode",)
PROGRAMS = ("/opencode-ai/",)
INSTALL = "install it with npm install -g opencode-ai"
LOGIN = "run opencode auth login, or set ANTHROPIC_API_KEY, OPENAI_API_KEY or another provider's key"
MINIMUM = ""
DIALECTS = ("anthropic-messages", "openai-responses", "openai-chat", "gemini")
HOLD_SECONDS = 240
"""It sends its request again after 300 s."""
GUARDED = "OPENCODE_CONFIG_CONTENT, merged over your settings"
NOT_COVERED = (
    "providers that tokenguard does not know, opencode's own (Zen) and GitHub Copilot among them",
    "a base URL in managed settings or in those of an organisation",
)
LEAVES = ""

KIN = Kin(
    title=TITLE,
    prefix="OPENCODE",
    folder="opencode",
    names=("opencode.json", "opencode.jsonc"),
    dotted=(".opencode",),
    managed=(Path("/etc/opencode"), Path("/Library/Application Support/opencode")),
)
_OF_A_TITLE = 3
"""Messages of a request for a title, at most: what to do, to whom, and the first thing that was said."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    return opencode_kin.recipe(KIN, situation)


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request. Words of a rate limit or an outage, or 5xx in digits, make it go on."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`. The variables lose to settings, and exist for two providers only."""
    return opencode_kin.by_hand(base_url, "~/.config/opencode/opencode.json")


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`. What is already there of its plug-ins' library is not fetched."""
    settings = {"model": "anthropic/claude-opus-5-5", "autoupdate": False, "share": "disabled"}
    plugin = {"dependencies": {"@opencode-ai/plugin": "1"}}
    return Trial(
        before=("run",),
        env={"ANTHROPIC_API_KEY": key, "OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"},
        files={
            ".config/opencode/opencode.json": json.dumps(settings),
            ".config/opencode/package.json": json.dumps(plugin),
            ".config/opencode/package-lock.json": json.dumps({"packages": {"": plugin}}),
            ".config/opencode/node_modules/.none": "",
        },
    )


def side(headers: Mapping[str, str], facts: Facts) -> Side:
    """See `SideOf`. A turn has tools; what has none is the title, asked of the first message, or a compaction."""
    session = identifier(headers.get("x-session-affinity") or headers.get("x-opencode-session"))
    parent = identifier(headers.get("x-parent-session-id"))
    if parent is not None:
        return Side("sub-agent", parent, session)
    if facts.has_tools or not facts.prompt.messages:
        return Side("main", session)
    # Not every dialect has system prompts and a message in two parts in one.
    return Side("title" if facts.prompt.messages <= _OF_A_TITLE else "compaction", session)
