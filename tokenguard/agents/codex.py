"""Codex.

Started with `-c` in front of everything: there it reaches every subcommand and wins over `config.toml`. Without it the
TUI hands over to a background process that knows nothing of this run.

Its `notify` tells us when a turn has ended. The user's own program is told too: it stands in our script, and not among
arguments, which everybody sees. Hooks it would run only once the user has reviewed them, so it gets none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from msgspec import Struct, structs

from tokenguard.agents import environment, hooks
from tokenguard.agents.codex_settings import (
    COPY,
    OVERRIDE,
    administrators,
    has_chatgpt_login,
    layers_of,
    merged,
    model_provider,
    split,
)
from tokenguard.agents.options import take
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.side import Side, identifier
from tokenguard.agents.urls import way
from tokenguard.records import Facts
from tokenguard.wire.decoding import Reader
from tokenguard.wire.shape import Refusal

NAME = "codex"
TITLE = "Codex"
COMMANDS = ("codex",)
PROGRAMS = ("@openai/codex/",)
INSTALL = "install it with npm install -g @openai/codex"
LOGIN = "run codex login, or set CODEX_API_KEY for codex exec"
MINIMUM = "0.115.0"
"""It brought `openai_base_url`; those before ignore it."""
DIALECTS = ("openai-responses",)
HOLD_SECONDS = 300
"""It was seen to wait for 620 s; a WebSocket that stays silent is given up after 300 s."""
GUARDED = "openai_base_url, given with -c"
NOT_COVERED = ("--oss, which asks this machine", "Amazon Bedrock")
LEAVES = ""

_METADATA = "x-codex-turn-metadata"

MARKS = (_METADATA, "x-codex-window-id")
"""See `recognition`."""


class _Turn(Struct):
    """What it says of a turn, in version 0.169."""

    thread_id: str | None = None
    """Of the conversation, which is a sub-agent's own."""
    session_id: str | None = None
    """The thread in which it all began."""
    thread_source: str | None = None
    subagent_kind: str | None = None
    request_kind: str | None = None
    """`turn`, `prewarm`, `compaction`..."""


_TURN = Reader(_Turn)


_ALONE = """\
check_for_update_on_startup = false
[analytics]
enabled = false
[feedback]
enabled = false
[features]
apps = false
plugins = false
"""
"""Settings with which it asks nobody but its provider."""


_NOTIFY = "notify"


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    return _told_of_turns(situation, _routed(situation)) if situation.attended else _routed(situation)


def _told_of_turns(situation: Situation, recipe: Recipe) -> Recipe:
    """With our script as the program that it notifies, and the user's own behind it."""
    layers = (*layers_of(situation), administrators())
    named = [cast("object", layer[_NOTIFY]) for layer in layers if _NOTIFY in layer]
    theirs = _words(named[0]) if named else []
    if theirs is None:
        return recipe  # it says itself what is wrong with that
    command = ["/bin/sh", str(situation.folder / hooks.TURN)]
    _, rest = take(recipe.args, *OVERRIDE, wanted=lambda given: split(given)[0] == _NOTIFY)
    script = hooks.script(hooks.TURN) + hooks.then(theirs)
    return structs.replace(
        recipe,
        args=("-c", f"{_NOTIFY}={json.dumps(command)}", *rest),
        files={**recipe.files, hooks.TURN: script},
    )


def _words(value: object) -> list[str] | None:
    """A list of strings; None if it is something else."""
    if not isinstance(value, list):
        return None
    words = [word for word in cast("list[object]", value) if isinstance(word, str)]
    return words if words == value else None


def _routed(situation: Situation) -> Recipe:
    """With calls that come to us."""
    provider, key, theirs = model_provider(situation)
    env, network = environment.direct_loopback(situation.env), environment.network(situation.env)
    if key is None:
        note = f"Codex uses the model provider {provider}: its calls are not guarded"
        return Recipe(situation.args, env=env, network=network, notes=(note,))
    # With a ChatGPT login the same requests go to another service, whose paths have no version in them.
    service = ("chatgpt", "") if provider == "openai" and has_chatgpt_login(situation) else ("openai", "/v1")
    route = way(situation.base_url, situation.providers, *service, theirs)
    if key == COPY:
        copy = {**merged(situation, provider), "base_url": route.base_url}
        chosen = ("-c", f"model_providers.{COPY}={_inline(copy)}", "-c", f'model_provider="{COPY}"')
        _, rest = take(situation.args, *OVERRIDE, wanted=lambda given: split(given)[0] == "model_provider")
        return Recipe((*chosen, *rest), env=env, upstreams=route.upstreams, network=network)
    _, rest = take(situation.args, *OVERRIDE, wanted=lambda given: split(given)[0] == key)
    return Recipe(("-c", f'{key}="{route.base_url}"', *rest), env=env, upstreams=route.upstreams, network=network)


def refuse(dialect: str, text: str) -> Refusal | None:
    """400 in plain text: one request, and the text as it is. After a 401 to 404 it sends the request six times."""
    if dialect != "openai-responses":
        return None
    return Refusal(400, "text/plain; charset=utf-8", text.encode())


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`. The variable `OPENAI_BASE_URL` is ignored."""
    return ByHand(
        settings=(("~/.codex/config.toml", f'openai_base_url = "{base_url}/openai/v1"'),),
        notes=(f"with a ChatGPT login: {base_url}/chatgpt in its place",),
    )


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    return Trial(
        before=("exec", "--skip-git-repo-check"),
        env={"CODEX_API_KEY": key},
        files={".codex/config.toml": _ALONE},
    )


def side(headers: Mapping[str, str], facts: Facts) -> Side:
    """See `SideOf`. Over a socket, each turn says in its body what a request over HTTP says in its headers."""
    told = facts.about if _METADATA in facts.about else headers
    turn = _TURN.read(told.get(_METADATA, "").encode(errors="replace"))[0] or _Turn()
    thread = identifier(turn.thread_id or headers.get("thread-id"))
    session = identifier(turn.session_id or headers.get("session-id")) or thread
    kind = told.get("x-openai-subagent") or turn.subagent_kind
    subagent = thread if kind or turn.thread_source == "subagent" else None
    request_class = "sub-agent" if subagent else "main"
    if facts.compacts or turn.request_kind == "compaction" or kind == "compact":
        request_class = "compaction"
    return Side(request_class, session, subagent, identifier(kind))


def _inline(value: object) -> str:
    """A value as TOML has it on one line; its strings and numbers are those of JSON."""
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        return "{" + ", ".join(f"{json.dumps(name)} = {_inline(member)}" for name, member in members) + "}"
    return json.dumps(value, default=str)
