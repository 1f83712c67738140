"""Through which proxy, and whom to trust: what settings and environments mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.errors import ConfigError
from tokenguard.upstream import Network

PROXY = "http://proxy.corp:3128"


def by(no_proxy: str) -> Network:
    return Network.of(PROXY, no_proxy, None)


@pytest.mark.parametrize(
    ("env", "https", "http"),
    [
        ({}, None, None),
        ({"HTTPS_PROXY": "http://a:1", "HTTP_PROXY": "http://b:2"}, "http://a:1", "http://b:2"),
        ({"https_proxy": "a:1", "http_proxy": "http://b:2"}, "http://a:1", "http://b:2"),
        ({"HTTPS_PROXY": "http://a:1", "https_proxy": "http://c:3"}, "http://a:1", None),
        ({"ALL_PROXY": "http://a:1"}, "http://a:1", "http://a:1"),
        ({"all_proxy": "http://a:1", "HTTP_PROXY": "https://b:2"}, "http://a:1", "https://b:2"),
        ({"HTTPS_PROXY": "  ", "ALL_PROXY": ""}, None, None),
        ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "*"}, None, None),
        ({"HTTPS_PROXY": "http://a:1", "no_proxy": "corp, .EXAMPLE.com"}, None, None),
    ],
)
def test_the_environment_names_proxies(env: dict[str, str], https: str | None, http: str | None) -> None:
    network = Network.from_env(env)
    assert network.proxy_for("https", "api.example.com", 443) == https
    assert network.proxy_for("http", "api.example.com", 80) == http


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "direct"),
    [
        ("example.com", "example.com", 443, True),
        ("example.com", "api.example.com", 443, True),
        ("example.com", "notexample.com", 443, False),
        (".example.com", "api.example.com", 443, True),
        (".example.com", "example.com", 443, True),
        ("*.example.com", "api.example.com", 443, True),
        ("EXAMPLE.com.", "Api.Example.COM.", 443, True),
        ("example.com:8443", "api.example.com", 8443, True),
        ("example.com:8443", "api.example.com", 443, False),
        ("a.com b.com,c.com", "b.com", 443, True),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "10.example.com", 443, False),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:80", "10.1.2.3", 443, False),
        ("fd00::/8", "fd12::1", 443, True),
        ("fd12::1", "[fd12::1]", 443, True),
        ("[fd12::1]:443", "fd12::1", 443, True),
        ("10.0.0.0/99", "10.1.2.3", 443, False),
        (",", "example.com", 443, False),
        (".", "example.com", 443, False),
        ("", "127.0.0.1", 443, True),
        ("", "127.8.9.1", 80, True),
        ("", "localhost", 80, True),
        ("", "sim.localhost", 80, True),
        ("", "[::1]", 80, True),
        ("", "localhost.example.com", 80, False),
    ],
)
def test_what_is_reached_directly(no_proxy: str, host: str, port: int, direct: bool) -> None:
    for scheme in ("https", "http"):
        assert by(no_proxy).proxy_for(scheme, host, port) == (None if direct else PROXY)


@pytest.mark.parametrize(
    "url", ["socks5://proxy:1080", "http://", "http://proxy:port", "http://user:pw@", "ftp://user:pw@proxy"]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as settings:
        Network.of(url, None, None)
    with pytest.raises(ConfigError) as environment:
        Network.from_env({"https_proxy": url})
    assert "network.proxy" in str(settings.value) and "https_proxy" in str(environment.value)
    assert "pw" not in str(settings.value) + str(environment.value)


def test_a_proxy_that_is_not_used_may_be_unusable() -> None:
    assert Network.from_env({"HTTPS_PROXY": "http://a:1", "HTTP_PROXY": "b:2", "ALL_PROXY": "socks5://c:3"})


def test_authorities_are_collected_and_missing_files_passed_over(tmp_path: Path) -> None:
    mine, corp = tmp_path / "mine.pem", tmp_path / "corp.pem"
    mine.touch()
    corp.touch()
    env = {
        "SSL_CERT_FILE": str(mine),
        "REQUESTS_CA_BUNDLE": str(mine),
        "NODE_EXTRA_CA_CERTS": str(corp),
    }
    assert Network.from_env(env).ca_bundles == (str(mine), str(corp))
    assert Network.from_env({"SSL_CERT_FILE": str(tmp_path / "none.pem")}).ca_bundles == ()
    assert Network.of(None, None, "~/corp.pem").ca_bundles == (str(Path.home() / "corp.pem"),)


def test_a_network_does_not_show_the_proxys_password() -> None:
    assert "pw" not in repr(Network.of("http://user:pw@proxy.corp:3128", None, None))
