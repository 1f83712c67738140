"""Claude Code.

Started with a settings file of our own: `--settings` wins over the `env` blocks of the user's files, which win over the
process environment. The file keeps the session token out of the process list. Hooks in it run beside the user's own;
a status line in it takes the place of the user's, and is there only where the user has none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tokenguard.agents import environment, hooks
from tokenguard.agents.claude_clouds import by_hand_at_clouds, clouds, is_on
from tokenguard.agents.options import take
from tokenguard.agents.settings import object_at, parse_json, read_json, read_text, strings_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.side import Side, identifier
from tokenguard.agents.urls import Way, way
from tokenguard.records import Facts
from tokenguard.wire.shape import Refusal

NAME = "claude"
TITLE = "Claude Code"
COMMANDS = ("claude",)
PROGRAMS = ("@anthropic-ai/claude-code/",)
INSTALL = "install it with npm install -g @anthropic-ai/claude-code"
LOGIN = "start claude and type /login, or set ANTHROPIC_API_KEY"
MINIMUM = "1.0.61"
"""It brought `--settings`."""
DIALECTS = ("anthropic-messages", "vertex-anthropic", "bedrock-invoke")
HOLD_SECONDS = 300
"""It aborts after 360 s without an answer."""
GUARDED = "a settings file, given with --settings"
NOT_COVERED = (
    "Bedrock without a Bedrock API key, unless with --intercept",
    "Microsoft Foundry",
    "background sessions",
    "a base URL in managed settings",
)
LEAVES = ""

MARKS = ("x-claude-code-session-id",)
"""See `recognition`."""

_CLASSES = {
    "main": "main",
    "subagent": "sub-agent",
    "workflow": "sub-agent",
    "compaction": "compaction",
    "auxiliary": "side",
    "side_reply": "side",
}
"""What it says of a request, because `recipe` asks for these hints."""
_SESSION = re.compile(r'session(?:_id"\s*:\s*"|_)([0-9a-f-]{36})')

_MANAGED = (
    Path("/etc/claude-code/managed-settings.json"),
    Path("/Library/Application Support/ClaudeCode/managed-settings.json"),
)
"""The administrator's settings (Linux, macOS): they win over `--settings`."""

_URL = "ANTHROPIC_BASE_URL"
_FIRST_PARTY = "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL"
_RESUME = "CLAUDE_CODE_RESUME_HINT_COMMAND"
_FILE = "claude-settings.json"
_LINE = "statusLine"
_AGAIN = {"refreshInterval": 5}
"""Seconds: what a call has cost is written down a while after it, when Claude Code may have nothing more to show."""
_PRINTS = re.compile(r"--print|-[A-Za-z]*p[A-Za-z]*")
"""Options with which it answers and ends: nobody sees what it shows of hooks and status lines."""
_IN_BACKGROUND = frozenset({"--bg", "--background"})
_FOUNDRY = "CLAUDE_CODE_USE_FOUNDRY"


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    passed, rest = _passed_settings(situation)
    own_file = _config_folder(situation) / "settings.json"
    of_project = tuple(situation.cwd / ".claude" / name for name in ("settings.json", "settings.local.json"))
    managed, user, project = _env_of(*_MANAGED), _env_of(own_file), _env_of(*of_project)
    trusted = _is_trusted(situation)
    env = {
        **situation.env,
        **user,
        **(project if trusted else {}),
        **strings_at(passed, "env"),
        **managed,
    }
    route = way(situation.base_url, situation.providers, "anthropic", theirs=env.get(_URL))
    ours = {_URL: route.base_url, "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1", **environment.direct_loopback(env)}
    if _first_party(route) and _FIRST_PARTY not in env:
        # It would drop betas that save money, such as global prompt caching, when it sees another host.
        ours[_FIRST_PARTY] = "1"
    elsewhere = clouds(situation, env)
    ours |= elsewhere.env
    notes = [*elsewhere.notes]
    if is_on(env, _FOUNDRY):
        notes.append(f"Claude Code uses Microsoft Foundry ({_FOUNDRY}): its calls are not guarded")
    if not _IN_BACKGROUND.isdisjoint(rest):
        notes.append("a background session of Claude Code outlives this run and its guard: it will not work")
    notes += [
        f"this machine's managed settings set {name}: Claude Code's calls are not guarded"
        for name in (_URL, *elsewhere.env)
        if name in managed
    ]
    if not trusted and project.get(_URL, env.get(_URL)) != env.get(_URL):
        notes.append(f"{_URL} of this folder's .claude settings is not used: Claude Code does not trust the folder yet")
    settings = {**passed, "env": {**object_at(passed, "env"), **ours}}
    scripts: tuple[str, ...] = ()
    if situation.attended and not any(_PRINTS.fullmatch(arg) for arg in rest):
        has_line = any(_LINE in layer for layer in (passed, *map(read_json, (*_MANAGED, own_file, *of_project))))
        scripts = (hooks.PROMPT,) if has_line else (hooks.PROMPT, hooks.LINE)
        settings = _with_scripts(situation, settings, scripts)
    return Recipe(
        args=("--settings", str(situation.folder / _FILE), *rest),
        # Without the second one its last words, how to resume, would name our settings file, which is gone by then.
        env=environment.direct_loopback(situation.env) | {_RESUME: situation.env.get(_RESUME, "claude")},
        files={_FILE: json.dumps(settings), **{name: hooks.script(name) for name in scripts}},
        upstreams={**route.upstreams, **elsewhere.upstreams},
        network=environment.network(env),
        notes=tuple(notes),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """402 `billing_error`: one request, and `API Error: 402 <text>`. 400 makes it send the request six times."""
    if dialect not in DIALECTS:
        return None
    error = {"type": "error", "error": {"type": "billing_error", "message": text}}
    return Refusal(402, "application/json", json.dumps(error, ensure_ascii=False).encode())


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    env = {_URL: f"{base_url}/anthropic", _FIRST_PARTY: "1"}
    return ByHand(
        env=env,
        settings=(("~/.claude/settings.json", json.dumps({"env": env}, indent=2)),),
        notes=by_hand_at_clouds(base_url),
    )


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`. In a home without these answers it asks questions first."""
    answers = {
        "hasCompletedOnboarding": True,
        "customApiKeyResponses": {"approved": [key[-20:]], "rejected": []},
        "projects": {str(project): {"hasTrustDialogAccepted": True}},
    }
    return Trial(
        before=("-p",),
        env={
            "ANTHROPIC_API_KEY": key,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_TELEMETRY": "1",
            # As a first party it asks api.anthropic.com for its organisation's rules, and waits for that.
            _FIRST_PARTY: "0",
        },
        files={".claude.json": json.dumps(answers)},
    )


def side(headers: Mapping[str, str], facts: Facts) -> Side:
    """See `SideOf`. The classes are those of version 2.1.329; without the hints, which old versions lack, ids tell."""
    subagent = identifier(headers.get("x-claude-code-agent-id"))
    said = headers.get("x-claude-code-request-class")
    request_class = _CLASSES.get(said, "side") if said is not None else "sub-agent" if subagent else "main"
    if request_class == "side" and facts.wanted == ("title",):
        request_class = "title"
    session = headers.get(MARKS[0]) or _session_in(facts.about.get("user_id", ""))
    return Side(request_class, identifier(session), subagent, identifier(headers.get("x-claude-code-agent-type")))


def _session_in(user_id: str) -> str | None:
    """The id of the session, out of the `metadata.user_id` of a request."""
    found = _SESSION.search(user_id)
    return found[1] if found else None


def _passed_settings(situation: Situation) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(what the user passed with `--settings`, as JSON or as a file; the other arguments).

    What cannot be read stays among the arguments, and Claude Code itself says what is wrong with it.
    """
    given, rest = take(situation.args, "--settings")
    if not given:
        return {}, rest
    text = given[-1] if given[-1].lstrip().startswith("{") else read_text(situation.cwd / given[-1])
    settings = parse_json(text)
    return ({}, situation.args) if settings is None else (settings, rest)


def _with_scripts(situation: Situation, settings: Mapping[str, Any], scripts: Sequence[str]) -> dict[str, Any]:
    """Settings that have these scripts run, each where it belongs."""
    commands = {one: {"type": "command", "command": hooks.command(situation.folder, one)} for one in scripts}
    hooked = hooks.with_hook(settings, "UserPromptSubmit", commands[hooks.PROMPT])
    return hooked | ({_LINE: commands[hooks.LINE] | _AGAIN} if hooks.LINE in commands else {})


def _config_folder(situation: Situation) -> Path:
    return Path(situation.env.get("CLAUDE_CONFIG_DIR") or situation.home / ".claude")


def _env_of(*files: Path) -> dict[str, str]:
    """The `env` blocks of settings files, a later file over an earlier one."""
    merged: dict[str, str] = {}
    for file in files:
        merged |= strings_at(read_json(file), "env")
    return merged


def _is_trusted(situation: Situation) -> bool:
    """Whether the user has told Claude Code to trust the folder: else a repository could say where keys are sent."""
    state = read_json(Path(situation.env.get("CLAUDE_CONFIG_DIR") or situation.home) / ".claude.json")
    folders = (situation.cwd, *situation.cwd.parents)
    return any(object_at(state, "projects", str(folder)).get("hasTrustDialogAccepted") is True for folder in folders)


def _first_party(route: Way) -> bool:
    """Whether Claude Code alone would talk to Anthropic; an address in tokenguard's configuration counts as that."""
    host = urlsplit(route.upstreams.get("anthropic", "")).hostname
    return route.provider == "anthropic" and (host is None or host.endswith(".anthropic.com"))
