"""Loopback never goes through a proxy."""

from __future__ import annotations

import pytest

from tokenguard.agents.environment import direct_loopback, network


@pytest.mark.parametrize(
    ("env", "upper", "lower"),
    [
        ({}, "127.0.0.1,localhost", "127.0.0.1,localhost"),
        ({"NO_PROXY": "corp"}, "corp,127.0.0.1,localhost", "corp,127.0.0.1,localhost"),
        ({"no_proxy": "corp,"}, "corp,127.0.0.1,localhost", "corp,127.0.0.1,localhost"),
        ({"no_proxy": "*"}, "*", "*"),
        ({"NO_PROXY": "a", "no_proxy": "b"}, "a,127.0.0.1,localhost", "b,127.0.0.1,localhost"),
    ],
)
def test_loopback_is_appended_in_both_spellings(env: dict[str, str], upper: str, lower: str) -> None:
    assert direct_loopback(env) == {"NO_PROXY": upper, "no_proxy": lower}


def test_the_daemon_gets_what_concerns_the_network_and_nothing_else() -> None:
    env = {"HTTPS_PROXY": "http://p", "no_proxy": "x", "SSL_CERT_FILE": "", "ANTHROPIC_API_KEY": "secret"}
    assert network(env) == {"HTTPS_PROXY": "http://p", "no_proxy": "x"}
