"""How a person is signed in to an agent: what its logs do not say, and what tells who pays for what stands in them.

Only that a login is there is looked at, and of what kind; no key and no token is kept, or told to anybody. What cannot
be read is absent, and where nothing tells, nothing is said: then calls count as paid by the token.

It is the login of now. What was asked for before somebody signed in otherwise is taken for paid as it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tokenguard.agents.kimi_settings import objects
from tokenguard.agents.logs.shape import Places
from tokenguard.agents.logs.values import provider_named
from tokenguard.agents.settings import object_at, parse_json, read_json, read_toml, strings_at, text_at

PLAN = "subscription"
CREDITS = "credits"
KEY = "metered"

_CLOUDS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
_CLAUDE_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", *_CLOUDS)
_TOKEN = "CLAUDE_CODE_OAUTH_TOKEN"

TOLD_BY = (*_CLAUDE_KEYS, _TOKEN)
"""Variables of the environment of which only matters whether they are set."""

_GOOGLE = frozenset({"oauth-personal", "cloud-shell"})
"""Ways to sign in to Gemini CLI with an account, which is Code Assist."""


def payer(agent: str, provider: str, places: Places) -> str | None:
    """Who pays for what an agent asks of a provider, one of `records.BILLINGS`; None where no login tells."""
    look = _LOGINS.get(agent)
    return look(provider, places) if look is not None else None


def _claude(provider: str, places: Places) -> str | None:
    """A key wins over an account, as in Claude Code 2.1.329: of the environment, of settings, or made by `/login`.

    One of the environment that was approved is taken to be there still: signing out forgets what was approved.
    """
    if provider != "anthropic":
        return KEY
    folder = Path(places.env.get("CLAUDE_CONFIG_DIR", "").partition(",")[0] or places.home / ".claude")
    settings = read_json(folder / "settings.json")
    own = strings_at(settings, "env")
    if settings.get("apiKeyHelper") or any(own.get(name) or places.env.get(name) for name in _CLAUDE_KEYS):
        return KEY
    beside = folder if places.env.get("CLAUDE_CONFIG_DIR") else places.home
    state = read_json(beside / ".claude.json")
    if state.get("primaryApiKey") or object_at(state, "customApiKeyResponses").get("approved"):
        return KEY
    account = object_at(state, "oauthAccount") or object_at(read_json(folder / ".credentials.json"), "claudeAiOauth")
    return PLAN if account or own.get(_TOKEN) or places.env.get(_TOKEN) else None


def _codex(provider: str, places: Places) -> str | None:
    """`auth_mode` says it; files of before it are told by what stands in them, a key first."""
    if provider not in ("openai", "chatgpt"):
        return KEY
    auth = read_json(Path(places.env.get("CODEX_HOME") or places.home / ".codex") / "auth.json")
    mode = (text_at(auth, "auth_mode") or "").lower()
    if mode:
        return PLAN if mode.startswith("chatgpt") else KEY
    if text_at(auth, "OPENAI_API_KEY"):
        return KEY
    return PLAN if object_at(auth, "tokens") else None


def _gemini(provider: str, places: Places) -> str | None:
    folder = Path(places.env.get("GEMINI_CLI_HOME") or places.home) / ".gemini"
    kind = _selected(read_json(folder / "settings.json"))
    return None if kind is None else PLAN if kind in _GOOGLE else KEY


def _qwen(provider: str, places: Places) -> str | None:
    kind = _selected(read_json(places.home / ".qwen" / "settings.json"))
    return None if kind is None else PLAN if kind == "qwen-oauth" else KEY


def _opencode(folder: str, variable: str) -> Callable[[str, Places], str | None]:
    def look(provider: str, places: Places) -> str | None:
        stored = parse_json(places.env.get(variable, ""))
        return _by_kind(read_json(places.data() / folder / "auth.json") if stored is None else stored, provider)

    return look


def _pi(provider: str, places: Places) -> str | None:
    folder = Path(places.env.get("PI_CODING_AGENT_DIR") or places.home / ".pi" / "agent")
    return _by_kind(read_json(folder / "auth.json"), provider)


def _kimi(folder: Callable[[Places], Path]) -> Callable[[str, Places], str | None]:
    def look(provider: str, places: Places) -> str | None:
        """A provider with a login belongs to a plan."""
        entries = objects(read_toml(folder(places) / "config.toml"), "providers").values()
        if provider != "kimi" or not entries:
            return None
        return PLAN if any(object_at(entry, "oauth") for entry in entries) else KEY

    return look


def _kimi_cli_folder(places: Places) -> Path:
    return places.home / (places.env.get("KIMI_SHARE_DIR") or ".kimi")


def _kimi_code_folder(places: Places) -> Path:
    return Path(places.env.get("KIMI_CODE_HOME") or places.home / ".kimi-code")


def _by_kind(logins: Mapping[str, Any], provider: str) -> str | None:
    """A file of logins by the agent's names of providers, each with its `type`; one named by nobody needs a key."""
    for name in logins:
        kind = text_at(logins, name, "type")
        if kind and provider in (name, provider_named(name)):
            return KEY if kind != "oauth" else CREDITS if provider in _COPILOT else PLAN
    return CREDITS if provider in _COPILOT else None


_COPILOT = ("copilot", "github-copilot")


def _credits(provider: str, places: Places) -> str | None:
    """Calls of these are counted against credits, whatever model answers."""
    return CREDITS


def _selected(settings: Mapping[str, Any]) -> str | None:
    """The way to sign in that settings choose; it once stood elsewhere."""
    return text_at(settings, "security", "auth", "selectedType") or text_at(settings, "selectedAuthType")


_LOGINS: dict[str, Callable[[str, Places], str | None]] = {
    "amp": _credits,
    "claude": _claude,
    "codex": _codex,
    "copilot": _credits,
    "gemini": _gemini,
    "kilo": _opencode("kilo", "KILO_AUTH_CONTENT"),
    "kimi-cli": _kimi(_kimi_cli_folder),
    "kimi-code": _kimi(_kimi_code_folder),
    "opencode": _opencode("opencode", "OPENCODE_AUTH_CONTENT"),
    "pi": _pi,
    "qwen": _qwen,
}
