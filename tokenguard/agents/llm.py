"""llm.

The OpenAI and Anthropic libraries that it is built on read the usual variables, and no file of its own names another
address for its built-in models. Models that the user has added with an `api_base`, and plug-ins of other providers,
have theirs in the model. It has no tools unless it is given some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tokenguard.agents import environment
from tokenguard.agents.options import take
from tokenguard.agents.settings import read_text
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import way
from tokenguard.wire import gemini
from tokenguard.wire.shape import Refusal

NAME = "llm"
TITLE = "llm"
COMMANDS = ("llm",)
PROGRAMS = ("/venvs/llm/bin/", "/uv/tools/llm/bin/", "/Cellar/llm/")
INSTALL = "install it with pipx install llm"
LOGIN = "run llm keys set openai, or set OPENAI_API_KEY"
MINIMUM = ""
DIALECTS = ("openai-responses", "openai-chat", "anthropic-messages")
HOLD_SECONDS = 300
"""It was seen to wait for 320 s."""
GUARDED = "OPENAI_BASE_URL and ANTHROPIC_BASE_URL"
NOT_COVERED = (
    "llm-gemini and other plug-ins with an address of their own, unless with --intercept",
    "models added with an api_base",
)
LEAVES = ""

_VARIABLES = (("OPENAI_BASE_URL", "openai", "/v1"), ("ANTHROPIC_BASE_URL", "anthropic", ""))
_ADDED = re.compile(r"^[\s-]+api_base\s*:", re.MULTILINE)


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env = environment.direct_loopback(situation.env)
    upstreams: dict[str, str] = {}
    for variable, provider, path in _VARIABLES:
        route = way(situation.base_url, situation.providers, provider, path, situation.env.get(variable))
        env[variable] = route.base_url
        upstreams |= route.upstreams
    return Recipe(
        situation.args,
        env=env,
        upstreams=upstreams,
        network=environment.network(situation.env),
        notes=tuple(_notes(situation)),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request, and the text. llm-gemini reads errors in a list only, as its streams are."""
    if dialect != gemini.NAME:
        return None
    plain = gemini.refuse(text)
    return Refusal(plain.status, plain.content_type, b"[" + plain.body + b"]")


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    return ByHand(env={variable: f"{base_url}/{provider}{path}" for variable, provider, path in _VARIABLES})


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    return Trial(after=("--model", "gpt-6-luna"), env={"OPENAI_API_KEY": key})


def _notes(situation: Situation) -> Iterator[str]:
    folder = _folder(situation)
    chosen, _ = take(situation.args, "-m", "--model")
    model = (chosen or [situation.env.get("LLM_MODEL") or read_text(folder / "default_model.txt").strip()])[-1]
    if model.startswith("gemini"):
        yield f"llm's model {model} is llm-gemini's, which knows one address only: its calls are not guarded"
    if _ADDED.search(read_text(folder / "extra-openai-models.yaml")):
        yield "llm's extra-openai-models.yaml adds models with an api_base: their calls are not guarded"


def _folder(situation: Situation) -> Path:
    """Where it keeps its settings (Linux, macOS)."""
    if path := situation.env.get("LLM_USER_PATH"):
        return situation.cwd / path
    on_macos = situation.home / "Library" / "Application Support" / "io.datasette.llm"
    config = Path(situation.env.get("XDG_CONFIG_HOME") or situation.home / ".config")
    return on_macos if on_macos.is_dir() else config / "io.datasette.llm"
