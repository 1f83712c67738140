"""Where a request belongs: a ChatGPT login's calls go to ChatGPT, whatever base URL they came by."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from tests.proxy.rig import Exchange, proxied, serving
from tests.proxy.socket_rig import socketed
from tokenguard.proxy.routing import Address, address

LOGIN = {"ChatGPT-Account-Id": "account", "Authorization": "Bearer planted-login"}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/s/T/openai/v1/responses?a=b", Address("T", "openai", "/v1/responses", "?a=b")),
        ("/openai/v1/responses", Address(None, "openai", "/v1/responses", "")),
        ("/s/T/openai", Address("T", "openai", "", "")),
        ("/s/T", Address("T", "", "", "")),
        ("/anthropic/s/T/v1", Address(None, "anthropic", "/s/T/v1", "")),
    ],
)
def test_an_address_names_session_provider_and_the_rest_as_it_was_written(target: str, expected: Address) -> None:
    assert address(target, {}) == expected


@pytest.mark.parametrize(
    ("target", "provider", "path"),
    [
        ("/s/T/openai/v1/responses", "chatgpt", "/responses"),
        ("/s/T/openai/v1/responses/compact", "chatgpt", "/responses/compact"),
        ("/s/T/openai/v1", "chatgpt", ""),
        ("/s/T/openai/responses", "chatgpt", "/responses"),
        ("/s/T/openai/v1beta/x", "chatgpt", "/v1beta/x"),
        ("/s/T/chatgpt/responses", "chatgpt", "/responses"),
        ("/s/T/anthropic/v1/messages", "anthropic", "/v1/messages"),
    ],
)
def test_a_login_of_chatgpt_is_not_for_openai(target: str, provider: str, path: str) -> None:
    assert address(target, CIMultiDict(LOGIN))[1:3] == (provider, path)


async def test_its_tokens_never_reach_openai() -> None:
    async def ok(exchange: Exchange) -> None:
        await exchange.answer(b"{}")

    async with proxied(ok) as rig, serving(ok) as chatgpt:
        rig.guard.other_urls["chatgpt"] = chatgpt.url
        headers = b"".join(b"%b: %b\r\n" % (name.encode(), value.encode()) for name, value in LOGIN.items())
        for path in (b"responses", b"models", b"responses/compact"):
            client = await rig.post(target=b"/openai/v1/" + path, headers=headers)
            assert (await client.message()).status == 200
        assert not rig.upstream.received
        assert [seen.first.split()[1] for seen in chatgpt.received] == [
            b"/responses",
            b"/models",
            b"/responses/compact",
        ]
        assert [call.provider for call in rig.guard.admitted] == ["chatgpt", "chatgpt"]
        # With a key, the same request is for the API.
        await (await rig.post(target=b"/openai/v1/responses", headers=b"Authorization: Bearer key\r\n")).message()
        assert (len(rig.upstream.received), len(chatgpt.received)) == (1, 3)


async def test_its_sockets_are_opened_at_chatgpt() -> None:
    async with socketed() as rig:
        chatgpt, rig.guard.base_url = rig.guard.base_url, "http://127.0.0.1:1"
        rig.guard.other_urls["chatgpt"] = f"{chatgpt}/backend-api/codex"
        pair = await rig.connect("/openai/v1/responses", headers=LOGIN)
        assert pair.request.path == "/backend-api/codex/responses"
        assert pair.request.headers["Authorization"] == "Bearer planted-login"
