"""Who pays for a call: as its credential lets expect before it is sent, and as its answer shows.

- `subscription`: a login to a plan. Claude's OAuth tokens begin with `sk-ant-oat`; a ChatGPT login sends the header
  `chatgpt-account-id`; Code Assist takes nothing but logins.
- `credits`: what is paid beside a plan, once it is used up or where it does not cover a model; and GitHub Copilot,
  which counts requests against credits that are bought.
- `local`: models on this machine, as their prices say, and an Ollama that asks for no credential.
- Of a call that only its agent's log tells of, the login of the agent tells: see `tokenguard.agents.logins`.
- `metered`: API keys, and everything that is not known. A call is never taken for free by mistake.

What is set as `[providers.NAME] billing` wins over all of it. Credentials are looked at by their prefix, and not kept.
Header names are looked up as they are written here, so mappings of headers must not care for case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokenguard.records import BILLINGS, OfficialWindow

SETTINGS = ("auto", *BILLINGS)
"""What can be set for a provider."""

_LOGIN_TOKEN = "sk-ant-oat"
_CHATGPT_LOGIN = "chatgpt-account-id"
_COPILOT = "copilot-integration-id"
_COPILOTS = frozenset({"copilot", "github-copilot"})

_UNIFIED = "anthropic-ratelimit-unified-"
_CODEX_USED = ("x-codex-primary-used-percent", "x-codex-secondary-used-percent")
_CODEX_CREDITS = ("x-codex-credits-has-credits", "x-codex-credits-unlimited")

_PLAN = frozenset({"five_hour", "seven_day", "thirty_day", "primary", "secondary"})
"""Windows that count every call on a plan: `tokenguard.wire.official_values` names them."""
_OF_MODELS = {"seven_day_opus": "opus", "seven_day_sonnet": "sonnet", "seven_day_overage_included": "fable"}
"""Weeks that count the models with this in their name. (Source: what Claude Code 2.1.329 calls them.)"""


def expected(
    provider: str,
    request_headers: Mapping[str, str],
    *,
    local: bool,
    setting: str | None,
    windows: Iterable[OfficialWindow],
    dialect: str = "",
    model: str = "",
) -> str:
    """Who will pay, one of `BILLINGS`.

    `local`: whether prices say that it runs on this machine. `setting`: what is set for the provider; None for `auto`.
    `windows`: official ones that have not been reset since; one that is used up makes the plan's calls cost credits.
    """
    if setting is not None:
        return setting
    if local:
        return "local"
    billing = _by_credential(provider, request_headers, dialect)
    if billing == "subscription" and any(_used_up(window, provider, model) for window in windows):
        return "credits"
    return billing


def served(billing: str, response_headers: Mapping[str, str], *, setting: str | None) -> str:
    """Who paid, as the headers of the answer show it; `billing`, as it was expected, where they show nothing.

    Only between a plan and its credits can they tell. Claude says when credits are in use, or that the plan is used
    up and extra usage allowed; of Codex, an answer after the plan is used up is paid by credits unless there are none.
    """
    if setting is not None or billing not in ("subscription", "credits"):
        return billing
    return _by_claude(response_headers) or _by_codex(response_headers) or billing


def logged(provider: str, *, local: bool, setting: str | None, login: str | None) -> str:
    """Who paid for a call that only its agent's log tells of, one of `BILLINGS`.

    `login`: as the agent's own login tells; None where it does not.
    """
    if setting is not None:
        return setting
    if local:
        return "local"
    return login or _by_credential(provider, {}, "")


def _by_credential(provider: str, headers: Mapping[str, str], dialect: str) -> str:
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    if provider in _COPILOTS or _COPILOT in headers:
        return "credits"
    if provider == "chatgpt" or _CHATGPT_LOGIN in headers or dialect == "code-assist":
        return "subscription"
    if dialect == "ollama" and not scheme:
        return "local"
    login = scheme.lower() == "bearer" and token.lstrip().startswith(_LOGIN_TOKEN)
    return "subscription" if login and "x-api-key" not in headers else "metered"


def _used_up(window: OfficialWindow, provider: str, model: str) -> bool:
    if window.provider != provider or window.used_percent < 100:
        return False
    models = _OF_MODELS.get(window.name)
    return models in model.lower() if models else window.name in _PLAN


def _by_claude(headers: Mapping[str, str]) -> str | None:
    """The rule by which Claude Code itself tells its user (2.1.329)."""
    status = headers.get(_UNIFIED + "status", "")
    if headers.get(_UNIFIED + "overage-in-use") == "true":
        return "credits"
    if status == "rejected":
        return "credits" if headers.get(_UNIFIED + "overage-status", "").startswith("allowed") else None
    return "subscription" if status else None


def _by_codex(headers: Mapping[str, str]) -> str | None:
    used = [percent for name in _CODEX_USED if (percent := _percent(headers.get(name, ""))) is not None]
    if not used:
        return None
    none_left = all(headers.get(name, "").lower() in ("false", "0") for name in _CODEX_CREDITS)
    return "credits" if max(used) >= 100 and not none_left else "subscription"


def _percent(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
