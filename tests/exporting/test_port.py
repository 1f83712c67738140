"""The port of loopback where Prometheus asks."""

from __future__ import annotations

import socket

import aiohttp
import pytest

from tests.exporting.telling import free_port
from tokenguard.exporting.port import listen


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1", 200), ("localhost", 200), ("evil.example", 403), ("127.0.0.1.evil.example", 403)]
)
async def test_only_who_means_this_machine_is_told(host: str, status: int) -> None:
    port = free_port()
    runner = await listen(port, lambda: ("up 1\n", "text/plain; version=0.0.4"))
    try:
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{port}/metrics"
            async with session.get(url, headers={"Host": f"{host}:{port}"}) as answer:
                assert answer.status == status
                if status == 200:
                    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
                    assert await answer.text() == "up 1\n"
    finally:
        await runner.cleanup()


async def test_a_port_that_is_taken_is_told_and_keeps_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        runner = await listen(taken.getsockname()[1], lambda: ("", ""))
        await runner.cleanup()
    assert "cannot be had" in caplog.text
