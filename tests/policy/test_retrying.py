"""Texts that make no agent try again."""

from __future__ import annotations

import pytest

from tokenguard.policy.retrying import harmless, is_safe


@pytest.mark.parametrize("text", ["HTTP 1500", "$500", "Rate limit", 'say "no"', "Request timed out"])
def test_what_makes_agents_try_again_is_not_safe(text: str) -> None:
    assert not is_safe(text)


def test_a_last_look_is_at_the_whole_body() -> None:
    def put(said: str) -> bytes:
        return b'{"code":15%b"}' % said.encode()

    assert harmless("all is well", put) == "all is well"
    assert harmless("00 is well", put) == "tokenguard stopped this request. See tokenguard status"
    assert harmless("bell \a rings", put) == "bell \N{REPLACEMENT CHARACTER} rings"
