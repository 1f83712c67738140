from __future__ import annotations

from typing import Any

import pytest

from tokenguard.config.agents import parse_agents
from tokenguard.config.paths import find_paths
from tokenguard.config.sections import AgentSettings
from tokenguard.config.settings import PROVIDERS, load
from tokenguard.errors import ConfigError


def check(name: str = "mine", **given: Any) -> None:
    parse_agents({name: given}, PROVIDERS, "config.toml")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"commands": ["mc", "my-coder"], "title": "My coder", "extends": "claude"},
        {"args": ["--url", "{url}/openai/v1"], "env": {"A_URL": "{url}", "B": "{url}/openai/v1", "C": "{curly}"}},
        {"files": {"a/b.json": "{}"}, "hold_seconds": 3600, "refusal": 402},
    ],
)
def test_what_can_be_meant_is_taken(given: dict[str, Any]) -> None:
    check(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "my coder"}, "agents.my coder: it is no name for an agent; use letters, digits, dot"),
        ({"name": "generic"}, "agents.generic: it is no name for an agent; use letters, digits, dot"),
        ({"hold_seconds": 0}, "agents.mine.hold_seconds 0 is not how long an agent waits; use 1 to 3600"),
        ({"refusal": 500}, "agents.mine.refusal 500 does not make agents stop; use one of 400, 402, 403"),
        ({"commands": ["/opt/mine"]}, 'agents.mine.commands: "/opt/mine" is no command; name the program alone'),
        ({"commands": ["mine -x"]}, 'agents.mine.commands: "mine -x" is no command; name the program alone'),
        ({"env": {"A-B": ""}}, 'agents.mine.env: "A-B" is no variable; use letters, digits and underscores'),
        ({"files": {"../x": ""}}, 'agents.mine.files: "../x" is no name within the folder of a run; such as'),
        ({"files": {"/x": ""}}, 'agents.mine.files: "/x" is no name within the folder of a run; such as'),
        ({"args": ["a\0"]}, "agents.mine.args holds a zero byte; leave it out"),
        (
            {"env": {"A": "{url}/opnai/v1"}},
            'agents.mine.env.A: "{url}/opnai" leads to no provider that is known; use one of anthropic, bedrock',
        ),
        (
            {"files": {"x.json": '{"u": "{url}/corp/v1"}'}},
            'agents.mine.files."x.json": "{url}/corp" leads to no provider that is known; use one of anthropic',
        ),
    ],
)
def test_what_cannot_be_meant_is_told(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check(**given)
    assert str(refused.value).startswith(f"config.toml: {message}")


def test_a_provider_of_the_users_own_can_be_led_to(tmp_path: Any) -> None:
    paths = find_paths({"TOKENGUARD_HOME": str(tmp_path)})
    paths.config_file.write_text(
        '[providers.corp]\nbase_url = "https://gw.corp"\n[agents.mine]\nenv = { A_URL = "{url}/corp/v1" }\n'
    )
    assert load(paths).agents == {"mine": AgentSettings(env={"A_URL": "{url}/corp/v1"})}


def test_unknown_keys_are_told_with_those_that_are_accepted(tmp_path: Any) -> None:
    paths = find_paths({"TOKENGUARD_HOME": str(tmp_path)})
    paths.config_file.write_text('[agents.mine]\ncommand = "mine"\n')
    with pytest.raises(ConfigError) as refused:
        load(paths)
    assert refused.value.message == 'config.toml: agents.mine: unknown key "command"'
    assert refused.value.hint.startswith("accepted are commands, title, extends, args, env, files")
