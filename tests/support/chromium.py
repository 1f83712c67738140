"""A headless Chromium, asked by its own protocol; it contacts nothing but this machine."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import shutil
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell")
CHROMIUM = next((path for name in _NAMES if (path := shutil.which(name))), None)
_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1000,640"),
    *("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--remote-debugging-port=0"),
)
_WITHIN = 30.0


class Page:
    """A page of it, and what came to that page over web sockets."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.received = b""
        self.asked: list[str] = []
        """Addresses that the page has asked for, or would have."""

    async def call(self, method: str, **params: Any) -> Mapping[str, Any]:
        """The answer to a command; what happens until then is taken note of."""
        ident = next(self._ids)
        await self._socket.send_json({"id": ident, "method": method, "params": params})
        async with asyncio.timeout(_WITHIN):
            while (told := await self._socket.receive_json()).get("id") != ident:
                self._note(told)
        if "error" in told:
            raise AssertionError(f"{method}: {told['error']}")
        result: Mapping[str, Any] = told["result"]
        return result

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Take note of what happens until it holds."""
        try:
            async with asyncio.timeout(_WITHIN):
                while not holds():
                    self._note(await self._socket.receive_json())
        except TimeoutError:
            raise AssertionError(f"{what}; the page has received {self.received[-2_000:]!r}") from None

    async def press(self, key: str) -> None:
        """A key that writes itself."""
        for kind in ("keyDown", "keyUp"):
            text = key if kind == "keyDown" else ""
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, text=text, windowsVirtualKeyCode=ord(key))

    async def picture(self) -> bytes:
        """As PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])

    def _note(self, told: Mapping[str, Any]) -> None:
        match told.get("method"):
            case "Network.webSocketFrameReceived":
                frame = told["params"]["response"]
                data = frame["payloadData"]
                self.received += base64.b64decode(data) if frame["opcode"] == 2 else data.encode()
            case "Network.requestWillBeSent":
                self.asked.append(told["params"]["request"]["url"])
            case _:
                pass


@asynccontextmanager
async def page(folder: Path) -> AsyncGenerator[Page]:
    """An empty page; the browser keeps what it has to in this folder."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, *_OPTIONS, f"--user-data-dir={folder}", "about:blank",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    try:
        assert process.stderr is not None
        port = await _port(process.stderr)
        async with aiohttp.ClientSession() as client:
            async with client.get(f"http://127.0.0.1:{port}/json/list") as answer:
                (first, *_) = [one for one in await answer.json() if one["type"] == "page"]
            async with client.ws_connect(first["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                shown = Page(socket)
                for domain in ("Network", "Page", "Runtime"):
                    await shown.call(f"{domain}.enable")
                await shown.call("Emulation.setFocusEmulationEnabled", enabled=True)
                yield shown
    finally:
        process.terminate()
        await process.communicate()


async def _port(said: asyncio.StreamReader) -> str:
    """Of its protocol, once it has said so."""
    async with asyncio.timeout(_WITHIN):
        while line := (await said.readline()).decode(errors="replace"):
            if found := re.search(r"DevTools listening on ws://127\.0\.0\.1:(\d+)", line):
                return found[1]
    raise AssertionError("Chromium has ended")
