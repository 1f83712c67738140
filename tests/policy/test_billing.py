"""Who pays for a call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tokenguard.policy import billing
from tokenguard.records import BILLINGS, OfficialWindow

LOGIN = {"Authorization": "Bearer sk-ant-oat01-abc", "anthropic-beta": "oauth-2025-04-20"}
CHATGPT = {"Authorization": "Bearer eyJhbGciOi", "ChatGPT-Account-ID": "4c1d"}


def expected(provider: str, headers: dict[str, str], **rest: Any) -> str:
    given: dict[str, Any] = {"local": False, "setting": None, "windows": ()}
    return billing.expected(provider, CIMultiDict(headers), **{**given, **rest})


def window(name: str, used: float = 100.0, provider: str = "anthropic") -> OfficialWindow:
    return OfficialWindow(provider, name, used, resets_us=9, minutes=None, seen_us=1)


@pytest.mark.parametrize(
    ("provider", "headers", "who"),
    [
        ("anthropic", LOGIN, "subscription"),
        ("anthropic", {"authorization": "bearer  sk-ant-oat01-abc"}, "subscription"),
        ("my-anthropic", LOGIN, "subscription"),
        ("anthropic", {"x-api-key": "sk-ant-api03-abc"}, "metered"),
        ("anthropic", {"Authorization": "Bearer sk-ant-api03-abc"}, "metered"),
        ("anthropic", {**LOGIN, "X-Api-Key": "sk-ant-api03-abc"}, "metered"),
        ("anthropic", {"Authorization": "Basic sk-ant-oat01-abc"}, "metered"),
        ("chatgpt", CHATGPT, "subscription"),
        ("chatgpt", {"Authorization": "Bearer eyJhbGciOi"}, "subscription"),
        ("openai", {"Authorization": "Bearer sk-proj-abc"}, "metered"),
        ("gemini", {"x-goog-api-key": "AIza"}, "metered"),
        ("vertex", {"Authorization": "Bearer ya29.abc"}, "metered"),
        ("copilot", {"Authorization": "Bearer tid=1"}, "credits"),
        ("mine", {"Authorization": "Bearer tid=1", "Copilot-Integration-Id": "vscode-chat"}, "credits"),
        ("nobody-knows", {}, "metered"),
    ],
)
def test_credentials_tell(provider: str, headers: dict[str, str], who: str) -> None:
    assert expected(provider, headers) == who


def test_what_prices_say_is_on_this_machine_is_local() -> None:
    assert expected("house", {"Authorization": "Bearer sk-1"}, local=True) == "local"


def test_an_ollama_that_asks_for_no_credential_is_local() -> None:
    assert expected("den", {}, dialect="ollama") == "local"
    assert expected("ollama-cloud", {"Authorization": "Bearer abc"}, dialect="ollama") == "metered"


def test_code_assist_takes_logins_only() -> None:
    assert expected("code-assist", {"Authorization": "Bearer ya29.abc"}, dialect="code-assist") == "subscription"


@pytest.mark.parametrize("setting", BILLINGS)
def test_what_is_set_wins(setting: str) -> None:
    for headers in (LOGIN, {"x-api-key": "sk-ant-api03-abc"}):
        assert expected("anthropic", headers, setting=setting, windows=[window("five_hour")], local=True) == setting
    credits_in_use = {"anthropic-ratelimit-unified-overage-in-use": "true"}
    assert billing.served(setting, credits_in_use, setting=setting) == setting


@pytest.mark.parametrize(
    ("windows", "model", "who"),
    [
        ([window("five_hour", 99.9), window("seven_day", 12)], "claude-opus-5-5", "subscription"),
        ([window("five_hour", 12), window("seven_day", 100)], "claude-opus-5-5", "credits"),
        ([window("five_hour", 102.0)], "claude-opus-5-5", "credits"),
        ([window("five_hour", provider="work")], "claude-opus-5-5", "subscription"),
        ([window("overage")], "claude-opus-5-5", "subscription"),
        ([window("seven_day_opus")], "claude-opus-5-5", "credits"),
        ([window("seven_day_opus")], "claude-haiku-5-5", "subscription"),
        ([window("seven_day_overage_included")], "claude-fable-5-1", "credits"),
        ([window("bengalfox_five_hour")], "claude-opus-5-5", "subscription"),
    ],
)
def test_a_plan_that_is_used_up_goes_on_by_credits(windows: list[OfficialWindow], model: str, who: str) -> None:
    assert expected("anthropic", LOGIN, windows=windows, model=model) == who


def test_windows_of_a_plan_mean_nothing_to_a_key() -> None:
    assert expected("anthropic", {"x-api-key": "sk-ant-api03-abc"}, windows=[window("five_hour")]) == "metered"


CLAUDE = "anthropic-ratelimit-unified-"


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ({"status": "allowed", "overage-status": "allowed"}, "subscription"),
        ({"status": "allowed_warning"}, "subscription"),
        ({"status": "rejected", "overage-status": "allowed"}, "credits"),
        ({"status": "rejected", "overage-status": "allowed_warning"}, "credits"),
        ({"status": "allowed", "overage-in-use": "true"}, "credits"),
        ({"status": "allowed", "overage-in-use": "false"}, "subscription"),
    ],
)
def test_claude_says_who_paid(said: dict[str, str], who: str) -> None:
    headers = CIMultiDict({(CLAUDE + name).title(): value for name, value in said.items()})
    assert billing.served("subscription", headers, setting=None) == who
    assert billing.served("credits", headers, setting=None) == who


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ({"primary-used-percent": "12", "secondary-used-percent": "99"}, "subscription"),
        ({"primary-used-percent": "100", "secondary-used-percent": "40"}, "credits"),
        ({"primary-used-percent": "100", "credits-has-credits": "true", "credits-unlimited": "false"}, "credits"),
        ({"primary-used-percent": "100", "credits-has-credits": "false", "credits-unlimited": "False"}, "subscription"),
        ({"primary-used-percent": "100", "credits-has-credits": "false", "credits-unlimited": "true"}, "credits"),
        ({"primary-used-percent": "12", "credits-has-credits": "true"}, "subscription"),
    ],
)
def test_codex_shows_who_paid(said: dict[str, str], who: str) -> None:
    headers = CIMultiDict({f"x-codex-{name}": value for name, value in said.items()})
    assert billing.served("subscription", headers, setting=None) == who
    assert billing.served("credits", headers, setting=None) == who


@pytest.mark.parametrize(
    "headers",
    [{}, {"content-type": "text/event-stream"}, {CLAUDE + "status": "rejected"}, {"x-codex-primary-used-percent": "x"}],
)
@pytest.mark.parametrize("before", BILLINGS)
def test_an_answer_that_shows_nothing_changes_nothing(before: str, headers: dict[str, str]) -> None:
    assert billing.served(before, CIMultiDict(headers), setting=None) == before


@pytest.mark.parametrize("before", ["metered", "local"])
def test_nothing_makes_a_paid_call_free_afterwards(before: str) -> None:
    headers = CIMultiDict({CLAUDE + "status": "allowed", "x-codex-primary-used-percent": "1"})
    assert billing.served(before, headers, setting=None) == before


NAMES = st.sampled_from(
    [
        "authorization",
        "x-api-key",
        "chatgpt-account-id",
        CLAUDE + "status",
        CLAUDE + "overage-status",
        CLAUDE + "overage-in-use",
        "x-codex-primary-used-percent",
        "x-codex-credits-has-credits",
    ]
)


@given(st.dictionaries(NAMES, st.text(max_size=20)), st.text(max_size=8), st.sampled_from(BILLINGS))
def test_whatever_headers_say_it_is_a_billing(headers: dict[str, str], provider: str, before: str) -> None:
    assert expected(provider, headers, windows=[window("five_hour", provider=provider)]) in BILLINGS
    assert billing.served(before, CIMultiDict(headers), setting=None) in BILLINGS


class TestLogged:
    """What only its agent's log tells of."""

    def test_the_login_tells(self) -> None:
        assert billing.logged("anthropic", local=False, setting=None, login="subscription") == "subscription"

    def test_what_is_set_wins(self) -> None:
        assert billing.logged("anthropic", local=True, setting="credits", login="subscription") == "credits"

    def test_nobody_pays_for_this_machine(self) -> None:
        assert billing.logged("ollama", local=True, setting=None, login="subscription") == "local"

    @pytest.mark.parametrize(
        ("provider", "payer"),
        [("anthropic", "metered"), ("ollama", "metered"), ("chatgpt", "subscription"), ("copilot", "credits")],
    )
    def test_where_no_login_tells_the_provider_may(self, provider: str, payer: str) -> None:
        assert billing.logged(provider, local=False, setting=None, login=None) == payer
