from __future__ import annotations

import pytest

from tests.proxy.rig import SESSION
from tokenguard.proxy.origin import Api, Origin

CHATGPT = Origin(
    "t",
    "chatgpt.com",
    "https://chatgpt.com",
    (
        Api("chatgpt", "/backend-api/codex", "https://chatgpt.com/backend-api/codex"),
        Api("other", "/backend-api", "https://gateway.corp/other"),
    ),
)


@pytest.mark.parametrize(
    ("target", "provider", "url", "beside"),
    [
        (
            "/backend-api/codex/responses?a=%2F",
            "chatgpt",
            "https://chatgpt.com/backend-api/codex/responses?a=%2F",
            False,
        ),
        ("/backend-api/codex", "chatgpt", "https://chatgpt.com/backend-api/codex", False),
        ("/backend-api/codexes", "other", "https://gateway.corp/other/codexes", False),
        ("/backend-api/me", "other", "https://gateway.corp/other/me", False),
        ("/backend", "chatgpt", "https://chatgpt.com/backend", True),
        ("/", "chatgpt", "https://chatgpt.com/", True),
        ("//x@y/?z", "chatgpt", "https://chatgpt.com//x@y/?z", True),
        ("/../backend-api/codex", "chatgpt", "https://chatgpt.com/../backend-api/codex", True),
    ],
)
def test_a_request_belongs_to_the_api_below_which_it_is(target: str, provider: str, url: str, beside: bool) -> None:
    route = CHATGPT.route(SESSION, target)
    assert (route.provider, route.base_url + route.target, route.beside) == (provider, url, beside)
    assert (route.session, route.token) == (SESSION, "t")


@pytest.mark.parametrize(
    ("authority", "host", "owned"),
    [
        ("chatgpt.com", None, True),
        ("chatgpt.com", "chatgpt.com", True),
        ("chatgpt.com", "ChatGPT.com:443", True),
        ("chatgpt.com", "chatgpt.com:8443", False),
        ("chatgpt.com", "chatgpt.com.evil.com", False),
        ("chatgpt.com", "", False),
        ("gpu:8000", "gpu:8000", True),
        ("gpu:8000", "gpu", False),
        ("[::1]:8000", "[::1]:8000", True),
        ("[::1]", "[::1]", True),
    ],
)
def test_a_host_header_names_it_or_another(authority: str, host: str | None, owned: bool) -> None:
    assert Origin("t", authority, f"https://{authority}", ()).owns(host) is owned
