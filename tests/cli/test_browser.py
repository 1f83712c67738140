"""`tokenguard tui --web`, as a browser and as others who try."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator

import aiohttp
import psutil
import pytest
from aiohttp import web

from tests.cli.support import Cli
from tests.support.waiting import until
from tokenguard.cli.browser import Pages

KEY = "a-key-that-nobody-guesses"
PROGRAM = "import sys; sys.stdout.write('__GANGLION__\\n'); sys.stdout.flush(); sys.stdin.buffer.read(1)"
SAYS = [sys.executable, "-c", PROGRAM]
"""Begins as an app does, and ends once it is told anything."""


@pytest.fixture
async def pages() -> AsyncIterator[Pages]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        served = Pages(sock.getsockname()[1], KEY, SAYS)
        runner = web.AppRunner(await served.application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.SockSite(runner, sock).start()
        yield served
        await runner.cleanup()


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        yield client


def children() -> set[int]:
    """Processes of this one that have not ended."""
    return {one.pid for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE}


async def status(client: aiohttp.ClientSession, url: str, **headers: str) -> int:
    async with client.get(url, headers=headers, allow_redirects=False) as answer:
        return answer.status


async def test_the_address_that_was_printed_opens_it_once_and_for_all(
    pages: Pages, browser: aiohttp.ClientSession
) -> None:
    assert pages.address == f"http://127.0.0.1:{pages.port}/?key={KEY}"
    async with browser.get(pages.address) as answer:
        text = await answer.text()
        # The key is not in the address any more, and not in the page.
        assert (answer.status, str(answer.url)) == (200, f"{pages.public_url}/")
        assert "tokenguard" in text and KEY not in text
        # It fetches nothing from elsewhere, and is shown within no other page.
        assert "https://" not in text and f"{pages.public_url}/static/css/xterm.css" in text
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert await status(browser, f"{pages.public_url}/static/css/xterm.css") == 200
    before = children()
    async with browser.ws_connect(f"{pages.public_url}/ws", origin=pages.public_url) as ws:
        await ws.send_json(["ping", "x"])
        async with asyncio.timeout(20):
            assert await ws.receive_json() == ["pong", "x"]
        assert children() > before
    await asyncio.to_thread(until, lambda: children() <= before, "what the page has shown has ended with it")


@pytest.mark.parametrize("path", ["/", "/?key=wrong", "/ws", "/static/css/xterm.css", "/download/x"])
async def test_without_the_key_nothing_is_shown(pages: Pages, browser: aiohttp.ClientSession, path: str) -> None:
    assert await status(browser, pages.public_url + path) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Host": "evil.example"},
        {"Host": "localhost"},
    ],
)
async def test_other_sites_have_no_way_in_even_with_the_cookie(
    pages: Pages, browser: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    assert await status(browser, pages.address) == 303
    assert await status(browser, f"{pages.public_url}/") == 200
    for path in ("/", "/ws", f"/?key={KEY}"):
        assert await status(browser, pages.public_url + path, **headers) == 403


def test_a_port_that_is_taken(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = cli("tui", "--web", "--port", str(taken.getsockname()[1]))
    assert done.code == 2 and "cannot be used" in done.err and done.err.endswith("name another one with --port\n")
