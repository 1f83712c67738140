from __future__ import annotations

import pytest

from tokenguard.config.settings import PROVIDERS
from tokenguard.intercept.hosts import Site, covered, names, sites_at


def at(host: str, *, scheme: str = "https", port: int = 443, chosen: dict[str, str] | None = None) -> tuple[Site, ...]:
    chosen = chosen or {}
    return sites_at(scheme, host, port, providers=PROVIDERS | chosen, chosen=chosen.keys())


@pytest.mark.parametrize(("provider", "url"), PROVIDERS.items())
def test_the_host_of_every_known_provider_is_its_own(provider: str, url: str) -> None:
    host, _, path = url.removeprefix("https://").partition("/")
    assert (provider, f"/{path}" if path else "", url) in [(one.provider, one.path, one.base_url) for one in at(host)]


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("bedrock-runtime.eu-central-1.amazonaws.com", "bedrock"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "bedrock"),
        ("bedrock-runtime.mars-north-1.amazonaws.com", "bedrock"),
        ("aiplatform.googleapis.com", "vertex"),
        ("us-east5-aiplatform.googleapis.com", "vertex"),
        ("aiplatform.eu.rep.googleapis.com", "vertex"),
        ("cloudcode-pa.googleapis.com", "code-assist"),
        ("api.kimi.com", "kimi"),
        ("api.moonshot.cn", "kimi"),
        ("api.githubcopilot.com", "copilot"),
        ("api.business.githubcopilot.com", "copilot"),
    ],
)
def test_hosts_with_a_region_or_a_plan_in_them_are_known_by_their_pattern(host: str, provider: str) -> None:
    (site,) = at(host)
    assert (site.provider, site.path, site.base_url) == (provider, "", f"https://{host}")


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "anthropic.com",
        "evil-api.anthropic.com",
        "api.anthropic.com.example.com",
        "s3.amazonaws.com",
        "bedrock-runtime.eu-central-1.amazonaws.com.example.com",
        "xbedrock-runtime.eu-central-1.amazonaws.com",
        "bedrock-runtime.eu.central.amazonaws.com",
        "storage.googleapis.com",
        "github.com",
    ],
)
def test_other_hosts_are_nobody_s(host: str) -> None:
    assert at(host) == ()


def test_another_port_and_another_scheme_are_another_host() -> None:
    assert at("api.anthropic.com", port=8443) == ()
    assert at("api.anthropic.com", scheme="http", port=80) == ()


def test_what_is_configured_says_where_calls_go() -> None:
    chosen = {"anthropic": "http://127.0.0.1:9", "bedrock": "https://gateway.corp/bedrock"}
    assert [site.base_url for site in at("api.anthropic.com", chosen=chosen)] == ["http://127.0.0.1:9"]
    (site,) = at("bedrock-runtime.eu-west-1.amazonaws.com", chosen=chosen)
    assert site.base_url == "https://gateway.corp/bedrock"


@pytest.mark.parametrize(
    ("host", "configured"),
    [
        ("bedrock-runtime.eu-west-1.amazonaws.com", "https://bedrock-runtime.us-east-1.amazonaws.com"),
        ("api.kimi.com", "https://api.moonshot.cn"),
        ("api.kimi.com", "https://api.moonshot.ai"),
        ("api.moonshot.ai", "https://api.moonshot.cn"),
    ],
)
def test_but_not_from_one_host_of_a_provider_to_another(host: str, configured: str) -> None:
    provider = "bedrock" if "bedrock" in host else "kimi"
    (site,) = at(host, chosen={provider: configured})
    assert (site.provider, site.base_url) == (provider, f"https://{host}")


def test_a_provider_under_another_name_is_still_itself() -> None:
    (site,) = at("api.openai.com", chosen={"work": "https://api.openai.com"})
    assert site.provider == "openai"


def test_a_provider_of_the_user_s_own_is_known_by_its_address() -> None:
    chosen = {"mine": "https://models.corp:8443/v2", "lan": "http://gpu:8000"}
    (site,) = at("models.corp", port=8443, chosen=chosen)
    assert site == Site("mine", "https", "models.corp", 8443, "/v2", "https://models.corp:8443/v2")
    (site,) = at("gpu", scheme="http", port=8000, chosen=chosen)
    assert site.provider == "lan"


def test_what_the_agent_s_settings_name_is_known_and_stays_where_it_is() -> None:
    def of(chosen: dict[str, str]) -> tuple[Site, ...]:
        upstreams = [("anthropic", "https://gateway.corp/a")]
        return sites_at("https", "gateway.corp", 443, providers=PROVIDERS | chosen, chosen=chosen, upstreams=upstreams)

    assert [(one.provider, one.path, one.base_url) for one in of({})] == [("anthropic", "/a", "https://gateway.corp/a")]
    # A base URL that the user wrote wins, as it does for calls through a base URL.
    assert [one.base_url for one in of({"anthropic": "https://other.corp"})] == ["https://other.corp"]


def test_it_is_not_where_the_calls_to_the_provider_s_own_host_go() -> None:
    upstreams = [("anthropic", "https://gateway.corp/a")]
    (site,) = sites_at("https", "api.anthropic.com", 443, providers=PROVIDERS, chosen=(), upstreams=upstreams)
    assert site.base_url == "https://api.anthropic.com"


def test_of_several_at_a_host_the_longest_path_comes_first() -> None:
    chosen = {"all": "https://gateway.corp", "one": "https://gateway.corp/one"}
    assert [site.provider for site in at("gateway.corp", chosen=chosen)] == ["one", "all"]


def test_the_names_are_those_of_providers_that_are_reached_by_tls_elsewhere() -> None:
    chosen = {"mine": "https://models.corp:8443/v2", "lan": "http://gpu:8000", "here": "https://localhost:1"}
    chosen |= {"too": "https://127.0.0.2", "far": "https://10.1.2.3"}
    found = names(PROVIDERS | chosen, chosen, [("anthropic", "https://gateway.corp/a")])
    assert {"models.corp", "gateway.corp", "api.anthropic.com", "10.1.2.3", "githubcopilot.com"} <= set(found)
    assert not {"gpu", "localhost", "127.0.0.2", "amazonaws.com", "googleapis.com"} & set(found)
    assert list(found) == sorted(set(found))


@pytest.mark.parametrize(
    "host", ["bedrock-runtime.us-west-2.amazonaws.com", "europe-west4-aiplatform.googleapis.com", "api.x.ai"]
)
def test_a_host_with_a_usual_region_can_be_vouched_for(host: str) -> None:
    assert covered(host, names(PROVIDERS, ()))


def test_a_name_covers_what_is_below_it() -> None:
    assert covered("api.githubcopilot.com", ["githubcopilot.com"])
    assert covered("githubcopilot.com", ["githubcopilot.com"])
    assert not covered("notgithubcopilot.com", ["githubcopilot.com"])
