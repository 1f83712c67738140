"""Kilo Code: its command line, and its extension, which starts the same program.

It was made from opencode: `KILO_CONFIG_CONTENT` is merged over the user's and the project's settings; only the
administrator's win over it. A provider that is named there counts as one that the user has set up, so only those that
are get an address. A daemon of its own that runs already would make the calls, with other settings: it is left alone.

Source: Kilo 7.7.7, and its own reference of its settings. The extension that came of Roo Code, before 2026, is another
program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tokenguard.agents import opencode, opencode_kin
from tokenguard.agents.opencode_settings import Kin
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.side import Side
from tokenguard.records import Facts
from tokenguard.wire.shape import Refusal

NAME = "kilo"
TITLE = "Kilo Code"
COMMANDS = ("kilo", "kilocode")
PROGRAMS = ("/@kilocode/cli",)
INSTALL = "install it with npm install -g @kilocode/cli"
LOGIN = "run kilo auth login, or set ANTHROPIC_API_KEY, OPENAI_API_KEY or another provider's key"
MINIMUM = ""
DIALECTS = opencode.DIALECTS
HOLD_SECONDS = 240
"""It sends its request again after 300 s."""
GUARDED = "KILO_CONFIG_CONTENT, merged over your settings"
NOT_COVERED = (
    "a Kilo account and the models that Kilo itself offers",
    "other providers that tokenguard does not know",
    "a base URL in managed settings or in those of an organisation",
)
LEAVES = ""

KIN = Kin(
    title=TITLE,
    prefix="KILO",
    folder="kilo",
    names=("kilo.json", "kilo.jsonc", "opencode.json", "opencode.jsonc"),
    dotted=(".kilocode", ".kilo"),
    managed=(Path("/etc/kilo"), Path("/Library/Application Support/kilo")),
    env={"KILO_NO_DAEMON": "1"},
)


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    return opencode_kin.recipe(KIN, situation)


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    note = "tokenguard env --write kilo does this for the providers that you have set up"
    return opencode_kin.by_hand(base_url, "~/.config/kilo/kilo.jsonc", note)


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    settings = {
        "$schema": "https://app.kilo.ai/config.json",
        "model": "anthropic/claude-opus-4-8",
        "autoupdate": False,
        "share": "disabled",
        "permission": {"bash": "allow"},
        "disabled_providers": ["kilo"],
    }
    return Trial(
        before=("run",),
        env={
            "ANTHROPIC_API_KEY": key,
            "KILO_DISABLE_AUTOUPDATE": "1",
            "KILO_DISABLE_MODELS_FETCH": "1",
            "KILO_TELEMETRY_LEVEL": "off",
        },
        files={".config/kilo/kilo.jsonc": json.dumps(settings)},
    )


def side(headers: Mapping[str, str], facts: Facts) -> Side:
    """See `SideOf`. It says what opencode does."""
    return opencode.side(headers, facts)
