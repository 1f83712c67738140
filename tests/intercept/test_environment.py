from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tokenguard.config.settings import PROVIDERS
from tokenguard.intercept.environment import BEFORE, Surroundings, surroundings, undo
from tokenguard.intercept.hosts import names

PROXY = "http://09b9:token@127.0.0.1:4747"
FOLDER = Path("/private")
OURS = "127.0.0.1,localhost"


def made(env: Mapping[str, str]) -> Surroundings:
    return surroundings(env, PROXY, "OURS\n", names(PROVIDERS, ()), "SYSTEM\n", FOLDER)


def trusted(env: Mapping[str, str], variable: str) -> str:
    """What a program finds in the file that a variable names."""
    found = made(env)
    file = Path(found.env[variable])
    assert file.parent == FOLDER
    return found.files[file.name]


def test_connections_lead_to_our_proxy() -> None:
    env = made({"HTTPS_PROXY": "http://corp:3128", "no_proxy": "intranet"}).env
    assert {env[name] for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")} == {PROXY}
    assert env["NO_PROXY"] == env["no_proxy"] == f"intranet,{OURS}"
    assert env["NODE_USE_ENV_PROXY"] == "1"


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"])
def test_our_authority_comes_on_top_of_those_that_are_trusted(tmp_path: Path, variable: str) -> None:
    assert trusted({}, variable) == "SYSTEM\nOURS\n"
    own = tmp_path / "own.pem"
    own.write_text("OWN")
    # Who trusts only some does not begin to trust all of the system's.
    assert trusted({variable: str(own)}, variable) == "OWN\nOURS\n"
    assert trusted({variable: str(tmp_path / "gone")}, variable) == "SYSTEM\nOURS\n"


def test_where_others_are_built_in_ours_is_all_that_is_added(tmp_path: Path) -> None:
    assert trusted({}, "NODE_EXTRA_CA_CERTS") == "OURS\n"
    own = tmp_path / "own.pem"
    own.write_text("OWN\n")
    assert trusted({"NODE_EXTRA_CA_CERTS": str(own)}, "NODE_EXTRA_CA_CERTS") == "OWN\nOURS\n"


def test_the_same_authorities_are_written_once() -> None:
    assert sorted(made({}).files.values()) == ["OURS\n", "SYSTEM\nOURS\n"]


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "api.anthropic.com",
        ".anthropic.com",
        "*.anthropic.com",
        "com",
        "API.OpenAI.com",
        "api.openai.com:443",
        "api.business.githubcopilot.com",
        ".amazonaws.com",
    ],
)
def test_providers_are_not_reached_past_our_proxy(entry: str) -> None:
    assert made({"NO_PROXY": f"intranet, {entry} .corp"}).env["NO_PROXY"] == f"intranet,.corp,{OURS}"


@pytest.mark.parametrize("entry", ["intranet", "10.0.0.0/8", "anthropic.com.corp", "[::1]", "host:8080", "1.2.3.4"])
def test_all_others_are_as_the_user_wants_it(entry: str) -> None:
    assert made({"NO_PROXY": entry}).env["no_proxy"] == f"{entry},{OURS}"


def test_a_provider_known_by_its_address_may_be_in_a_range() -> None:
    found = surroundings({"NO_PROXY": "10.0.0.0/8,11.0.0.0/8"}, PROXY, "", ["10.1.2.3", "a.corp"], "", FOLDER)
    assert found.env["NO_PROXY"] == f"11.0.0.0/8,{OURS}"


@pytest.mark.parametrize(
    "before",
    [
        {},
        {"HTTPS_PROXY": "http://user:pw@corp:3128", "no_proxy": "*", "NODE_USE_ENV_PROXY": "0"},
        {"SSL_CERT_FILE": "/etc/own.pem", "HTTP_PROXY": ""},
    ],
)
def test_all_of_it_can_be_taken_back(before: dict[str, str]) -> None:
    env = {"PATH": "/bin", **before}
    inside = {**env, **made(env).env}
    assert inside != env
    assert undo(inside)
    assert inside == env
    assert not undo(inside)


@pytest.mark.parametrize("kept", ["", "nonsense", "[]", "5", json.dumps({"HTTPS_PROXY": 5})])
def test_a_variable_of_somebody_else_is_only_dropped(kept: str) -> None:
    env = {BEFORE: kept, "PATH": "/bin"}
    undo(env)
    assert BEFORE not in env and env["PATH"] == "/bin"


def test_what_the_user_says_of_node_stays() -> None:
    assert made({"NODE_USE_ENV_PROXY": "0"}).env["NODE_USE_ENV_PROXY"] == "0"
