"""Where calls go, whatever address stood there before."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agents_modules.support import BASE
from tokenguard.agents.urls import Ways, way
from tokenguard.config.settings import PROVIDERS

SEGMENT = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=8)


@given(
    host=SEGMENT.map(lambda name: f"{name}.example"),
    path=st.lists(SEGMENT, max_size=4).map(lambda parts: "".join(f"/{part}" for part in parts)),
    slash=st.sampled_from(["", "/"]),
    suffix=st.sampled_from(["", "/v1", "/api/v1"]),
)
def test_the_same_address_is_reached_as_without_us(host: str, path: str, slash: str, suffix: str) -> None:
    """The upstream and what remains of the agent's path are together what the user wrote."""
    theirs = f"https://{host}{path}"
    found = way(BASE, PROVIDERS, "openai", suffix, theirs + slash)
    remainder = found.base_url.removeprefix(f"{BASE}/openai")
    assert found.upstreams["openai"] + remainder == theirs


@given(name=st.sampled_from(sorted(PROVIDERS)), path=st.lists(SEGMENT, max_size=3).map("/".join))
def test_a_known_provider_is_recognised(name: str, path: str) -> None:
    theirs = f"{PROVIDERS[name]}/{path}".rstrip("/")
    found = way(BASE, PROVIDERS, "anthropic", "", theirs)
    provider, _, rest = urlsplit(found.base_url).path.removeprefix("/s/token/").partition("/")
    assert (found.upstreams, f"{PROVIDERS[provider]}/{rest}".rstrip("/")) == ({}, theirs)


def test_a_host_that_only_begins_like_a_known_one_is_another() -> None:
    theirs = "https://api.openai.com.evil.example/v1"
    assert way(BASE, PROVIDERS, "openai", "/v1", theirs).upstreams == {"openai": "https://api.openai.com.evil.example"}


@pytest.mark.parametrize("theirs", [None, "", "http://127.0.0.1:1234/s/other-token/openai/v1"])
def test_without_an_address_it_is_the_providers(theirs: str | None) -> None:
    found = way(BASE, PROVIDERS, "openai", "/v1", theirs)
    assert (found.base_url, found.upstreams) == (f"{BASE}/openai/v1", {})


def test_several_addresses_of_one_agent() -> None:
    ways = Ways(BASE, PROVIDERS)
    assert ways.to("anthropic", "/v1") == f"{BASE}/anthropic/v1"
    assert ways.to("openai", "/v1", "https://llm.corp/v1") == f"{BASE}/openai/v1"
    assert ways.to("openai", "/v1", "https://llm.corp/v1/") == f"{BASE}/openai/v1"
    assert ways.to("openai", "/v1", "https://openrouter.ai/api/v1") == f"{BASE}/openrouter/api/v1"
    assert ways.upstreams == {"openai": "https://llm.corp"}


@pytest.mark.parametrize("first", [None, "https://one.corp/v1"])
def test_a_second_host_does_not_get_the_keys_of_the_first(first: str | None) -> None:
    ways = Ways(BASE, PROVIDERS)
    assert ways.to("openai", "/v1", first) is not None
    assert ways.to("openai", "/v1", "https://two.corp/v1") is None
    assert "https://two.corp" not in ways.upstreams.values()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize(
    ("path", "goes_to"),
    [("/openai/v1", "/openai/v1"), ("/openrouter/api/v1/", "/openrouter/api/v1"), ("/chatgpt", "/chatgpt")],
)
def test_our_own_fixed_port_is_no_upstream(host: str, path: str, goes_to: str) -> None:
    """`tokenguard env` puts it where a run then finds it: through there, a call would pass us twice."""
    theirs = f"http://{host}:{urlsplit(BASE).port}{path}"
    found = way(BASE, PROVIDERS, "openai", "/v1", theirs)
    assert (found.base_url, found.upstreams) == (BASE + goes_to, {})
    ways = Ways(BASE, PROVIDERS)
    assert (ways.known(theirs.rstrip("/")), ways.upstreams) == (BASE + goes_to, {})


@pytest.mark.parametrize(
    "theirs", ["http://127.0.0.1:11434/v1", "http://127.0.0.1:99999/v1", "http://127.0.0.1/openai"]
)
def test_another_port_of_this_machine_is_one(theirs: str) -> None:
    assert way(BASE, PROVIDERS, "openai", "", theirs).upstreams == {"openai": theirs}


def test_an_address_of_an_outer_run_leads_to_the_same_provider() -> None:
    ways = Ways(BASE, PROVIDERS)
    outer = "http://127.0.0.1:4711/s/outer"
    assert ways.known(f"{outer}/openrouter/api/v1") == f"{BASE}/openrouter/api/v1"
    assert (ways.known(f"{outer}/gemini"), ways.upstreams) == (f"{BASE}/gemini", {})


@pytest.mark.parametrize("broken", ["http://[", "http://127.0.0.1:x/y", "http://127.0.0.1/s/outer", "no url", "/s/a/b"])
def test_what_leads_nowhere_is_no_known_provider(broken: str) -> None:
    assert Ways(BASE, PROVIDERS).known(broken) is None
    assert way(BASE, PROVIDERS, "openai", "/v1", broken).base_url.startswith(f"{BASE}/openai")
