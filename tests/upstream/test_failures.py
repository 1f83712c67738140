"""What is told of requests that fail."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.upstream.machines import HOST, Authority, ForwardProxy, answering, failure, fetch, listening, pooled
from tokenguard.upstream import Network, UpstreamError, pool


async def test_a_certificate_that_is_not_trusted_is_told_with_its_remedy(authority: Authority) -> None:
    async with listening(answering, authority.context) as port, listening(ForwardProxy(port)) as proxy_port:
        text = await failure(Network(f"http://user:pw@127.0.0.1:{proxy_port}"), f"https://{HOST}")
        assert text.startswith(f"no secure connection to {HOST} through the proxy 127.0.0.1: ")
        assert "certificate" in text and text.endswith("set ca_bundle in [network] of config.toml")


async def test_a_certificate_of_another_host_is_not_taken(authority: Authority) -> None:
    async with listening(answering, authority.context) as port:
        text = await failure(Network(ca_bundles=(str(authority.bundle),)), f"https://127.0.0.1:{port}")
        assert "no secure connection to 127.0.0.1" in text and "IP address mismatch" in text


async def test_failures_name_the_host_and_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1) != b"P":
            writer.write(b"HTTP/1.1 400 This is no TLS\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")

    async with listening(silent) as port, listening(ForwardProxy(port, status=b"407 Who are you")) as proxy_port:
        assert await failure(Network(), f"http://127.0.0.1:{port}") == (
            "127.0.0.1 closed the connection without an answer"
        )
        assert await failure(Network(), f"https://127.0.0.1:{port}") == (
            "no secure connection to 127.0.0.1: the TLS handshake failed; "
            "if your network inspects TLS, set ca_bundle in [network] of config.toml"
        )
        assert await failure(Network(f"http://user:pw@127.0.0.1:{proxy_port}"), f"https://{HOST}") == (
            f"the proxy on the way to {HOST} answered 407"
        )
    assert "cannot be reached: Connect" in await failure(Network(), f"http://127.0.0.1:{port}")
    assert await failure(Network(f"http://user:pw@127.0.0.1:{port}"), f"https://{HOST}") == (
        f"the proxy on the way to {HOST} cannot be reached"
    )

    async def unknown(*_: object, **__: object) -> None:
        raise OSError("no such name")

    monkeypatch.setattr("aiohttp.TCPConnector._resolve_host", unknown)
    assert await failure(Network(), "http://nowhere.test") == "the name nowhere.test cannot be resolved"

    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    assert await failure(Network(ca_bundles=(str(broken),)), "https://127.0.0.1") == (
        f"the CA bundle {broken} cannot be read; name a PEM file"
    )


async def test_connecting_has_a_limit_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        raise TimeoutError

    async with pooled() as upstreams:
        monkeypatch.setattr("aiohttp.TCPConnector._create_connection", never)
        with pytest.raises(UpstreamError, match="127.0.0.1 cannot be reached within 30 s"):
            await fetch(upstreams, Network(), "http://127.0.0.1:1")
    timeout = pool._TIMEOUT  # pyright: ignore[reportPrivateUsage]  # no test waits that long
    assert (timeout.total, timeout.sock_read, timeout.connect) == (None, None, 30)
