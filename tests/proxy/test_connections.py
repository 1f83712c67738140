"""Who is at the other end of a connection, and what is said of what it sends."""

from __future__ import annotations

import logging
import os

import pytest

from tests.proxy.rig import Exchange, proxied, request


async def ok(exchange: Exchange) -> None:
    await exchange.answer(b"{}")


@pytest.mark.parametrize(("uid", "status"), [(None, 200), (os.getuid(), 200), (os.getuid() + 1, 403)])
async def test_only_the_own_user_is_served(uid: int | None, status: int) -> None:
    asked: list[tuple[tuple[str, int], tuple[str, int]]] = []

    def peer_uid(own: tuple[str, int], peer: tuple[str, int]) -> int | None:
        asked.append((own, peer))
        return uid

    async with proxied(ok, peer_uid=peer_uid) as rig:
        client = await rig.connect()
        for _ in range(2 if status == 200 else 1):
            await client.send(request())
            assert (await client.message()).status == status
        assert asked == [(("127.0.0.1", rig.port), client.writer.get_extra_info("sockname"))]


async def test_garbage_gets_a_400_and_no_line_of_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with proxied(ok) as rig:
        client = await rig.connect()
        await client.send(b"POST /v1 HTTP/1.1\r\nx-api-key : sk-planted-secret\r\n\r\n")
        assert (await client.message()).status == 400
    assert "BadHttpMessage" in caplog.text
    assert "sk-planted-secret" not in caplog.text
