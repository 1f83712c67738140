from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tokenguard.agents import logins
from tokenguard.agents.logs.shape import Places
from tokenguard.records import BILLINGS


class Machine:
    """A home folder with what agents put there when somebody signs in."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env: dict[str, str] = {}

    def write(self, name: str, content: object) -> None:
        file = self.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))

    def payer(self, agent: str, provider: str) -> str | None:
        found = logins.payer(agent, provider, Places(self.env, self.home))
        assert found is None or found in BILLINGS
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


ACCOUNT = {"oauthAccount": {"accountUuid": "a", "emailAddress": "me@example.invalid"}}


class TestClaude:
    def test_an_account_is_a_plan(self, machine: Machine) -> None:
        machine.write(".claude.json", ACCOUNT)
        assert machine.payer("claude", "anthropic") == "subscription"

    def test_a_key_that_was_rejected_is_none(self, machine: Machine) -> None:
        machine.write(".claude.json", {**ACCOUNT, "customApiKeyResponses": {"approved": [], "rejected": ["x"]}})
        assert machine.payer("claude", "anthropic") == "subscription"

    def test_tokens_of_an_account_are_enough(self, machine: Machine) -> None:
        machine.write(".claude/.credentials.json", {"claudeAiOauth": {"accessToken": "x", "subscriptionType": "max"}})
        assert machine.payer("claude", "anthropic") == "subscription"

    def test_so_is_a_token_in_the_environment(self, machine: Machine) -> None:
        machine.env["CLAUDE_CODE_OAUTH_TOKEN"] = "sk-ant-oat01-x"
        assert machine.payer("claude", "anthropic") == "subscription"

    @pytest.mark.parametrize(
        ("file", "content"),
        [
            (".claude.json", {**ACCOUNT, "primaryApiKey": "sk-ant-api03-x"}),
            (".claude.json", {**ACCOUNT, "customApiKeyResponses": {"approved": ["x"], "rejected": []}}),
            (".claude/settings.json", {"apiKeyHelper": "cat key"}),
            (".claude/settings.json", {"env": {"ANTHROPIC_API_KEY": "sk-ant-api03-x"}}),
            (".claude/settings.json", {"env": {"CLAUDE_CODE_USE_VERTEX": "1"}}),
        ],
    )
    def test_a_key_wins(self, machine: Machine, file: str, content: object) -> None:
        machine.write(".claude.json", ACCOUNT)
        machine.write(file, content)
        assert machine.payer("claude", "anthropic") == "metered"

    def test_so_does_one_in_the_environment(self, machine: Machine) -> None:
        machine.write(".claude.json", ACCOUNT)
        machine.env["ANTHROPIC_API_KEY"] = "sk-ant-api03-x"
        assert machine.payer("claude", "anthropic") == "metered"

    def test_clouds_have_no_plan(self, machine: Machine) -> None:
        machine.write(".claude.json", ACCOUNT)
        assert machine.payer("claude", "bedrock") == "metered"

    def test_its_settings_can_be_elsewhere(self, machine: Machine) -> None:
        machine.env["CLAUDE_CONFIG_DIR"] = str(machine.home / "other")
        machine.write(".claude.json", {"primaryApiKey": "x"})
        machine.write("other/.claude.json", ACCOUNT)
        assert machine.payer("claude", "anthropic") == "subscription"

    @pytest.mark.parametrize("content", ["{", "[]", '"x"', '{"oauthAccount": null}', '{"oauthAccount": 1}', "{}"])
    def test_nothing_tells(self, machine: Machine, content: str) -> None:
        assert machine.payer("claude", "anthropic") is None
        machine.write(".claude.json", content)
        machine.write(".claude/settings.json", content)
        assert machine.payer("claude", "anthropic") is None


class TestCodex:
    @pytest.mark.parametrize(
        ("auth", "payer"),
        [
            ({"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": {"access_token": "x"}}, "subscription"),
            ({"auth_mode": "chatgptAuthTokens"}, "subscription"),
            ({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-x", "tokens": {"access_token": "x"}}, "metered"),
            ({"OPENAI_API_KEY": "sk-x"}, "metered"),
            ({"OPENAI_API_KEY": None, "tokens": {"access_token": "x"}}, "subscription"),
            ({}, None),
        ],
    )
    def test_what_the_login_says(self, machine: Machine, auth: dict[str, Any], payer: str | None) -> None:
        machine.env["CODEX_HOME"] = str(machine.home / "codex")
        machine.write("codex/auth.json", auth)
        assert machine.payer("codex", "openai") == payer
        assert machine.payer("codex", "chatgpt") == payer
        assert machine.payer("codex", "openrouter") == "metered"

    def test_without_a_login(self, machine: Machine) -> None:
        assert machine.payer("codex", "openai") is None


@pytest.mark.parametrize(
    ("agent", "file", "settings", "payer"),
    [
        ("gemini", ".gemini/settings.json", {"security": {"auth": {"selectedType": "oauth-personal"}}}, "subscription"),
        ("gemini", ".gemini/settings.json", {"selectedAuthType": "oauth-personal"}, "subscription"),
        ("gemini", ".gemini/settings.json", {"security": {"auth": {"selectedType": "gemini-api-key"}}}, "metered"),
        ("gemini", ".gemini/settings.json", {"security": {"auth": {"selectedType": "vertex-ai"}}}, "metered"),
        ("gemini", ".gemini/settings.json", {}, None),
        ("qwen", ".qwen/settings.json", {"security": {"auth": {"selectedType": "qwen-oauth"}}}, "subscription"),
        ("qwen", ".qwen/settings.json", {"security": {"auth": {"selectedType": "openai"}}}, "metered"),
        ("qwen", ".qwen/settings.json", {"security": 1}, None),
    ],
)
def test_agents_whose_settings_choose(
    machine: Machine, agent: str, file: str, settings: object, payer: str | None
) -> None:
    machine.write(file, settings)
    assert machine.payer(agent, "gemini") == payer


@pytest.mark.parametrize(
    ("agent", "file"), [("opencode", ".local/share/opencode"), ("kilo", ".local/share/kilo"), ("pi", ".pi/agent")]
)
def test_agents_with_a_login_for_each_provider(machine: Machine, agent: str, file: str) -> None:
    machine.write(
        f"{file}/auth.json",
        {
            "anthropic": {"type": "oauth", "refresh": "x"},
            "openai": {"type": "api", "key": "x"},
            "google": {"type": "api", "key": "x"},
            "openai-codex": {"type": "oauth"},
            "github-copilot": {"type": "oauth"},
            "odd": "x",
        },
    )
    told = {name: machine.payer(agent, name) for name in ("anthropic", "openai", "gemini", "chatgpt", "copilot", "xai")}
    assert told == {
        "anthropic": "subscription",
        "openai": "metered",
        "gemini": "metered",
        "chatgpt": "subscription",
        "copilot": "credits",
        "xai": None,
    }


@pytest.mark.parametrize(("agent", "folder"), [("kimi-cli", ".kimi"), ("kimi-code", ".kimi-code")])
def test_kimi(machine: Machine, agent: str, folder: str) -> None:
    assert machine.payer(agent, "kimi") is None
    machine.write(f"{folder}/config.toml", '[providers.own]\ntype = "kimi"\napi_key = "x"\n')
    assert machine.payer(agent, "kimi") == "metered"
    machine.write(f"{folder}/config.toml", '[providers.managed]\ntype = "kimi"\n[providers.managed.oauth]\nkey = "x"\n')
    assert machine.payer(agent, "kimi") == "subscription"
    assert machine.payer(agent, "openai") is None


@pytest.mark.parametrize("agent", ["amp", "copilot"])
def test_agents_that_sell_credits(machine: Machine, agent: str) -> None:
    assert machine.payer(agent, "anthropic") == "credits"


def test_of_other_agents_nothing_is_known(machine: Machine) -> None:
    assert machine.payer("goose", "anthropic") is None
