"""The dashboard in a browser: on loopback, and for nobody but who has started it.

Whoever reaches the page can approve calls and raise budgets, and every site that a browser shows may try: so each
request must name our own host (no other name that leads here), come from our own page, and bring a key that is known
only from the address that was printed.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable
from hmac import compare_digest

from aiohttp import web
from textual_serve.server import Server

from tokenguard.cli import output

_COOKIE = "tokenguard_key"
_HOST = "127.0.0.1"

_STRANGERS = re.compile(r'<link[^>]*"https://[^>]*>')
"""What the pages of textual-serve would fetch from elsewhere: a font."""
_TYPES = """<script>
  const begun = setInterval(() => {
    const typed = document.querySelector(".xterm-helper-textarea");
    if (typed) { typed.focus(); clearInterval(begun); }
  }, 50);
</script></body>"""
"""Keys go to the dashboard without a click before."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pages(Server):
    """The pages of textual-serve, behind a key."""

    def __init__(self, port: int, key: str, command: list[str]) -> None:
        super().__init__(shlex.join(command), host=_HOST, port=port, title="tokenguard")  # pyright: ignore[reportUnknownMemberType]  # a path is typed in part
        self.public_url = f"http://{_HOST}:{port}"
        self._key = key

    @property
    def address(self) -> str:
        """Where it is to be opened first."""
        return f"{self.public_url}/?key={self._key}"

    async def application(self) -> web.Application:
        """All of it, to be served on its port."""
        app = await self._make_app()
        app.middlewares.append(self._admit)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Nothing is said: who serves it says where."""

    @web.middleware
    async def _admit(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        ours = request.headers.get("Host") == f"{_HOST}:{self.port}"
        origin = request.headers.get("Origin", self.public_url)
        if not ours or origin != self.public_url:
            raise web.HTTPForbidden(text="this page is open to its own address only\n")
        if request.path == "/" and self._fits(request.query.get("key")):
            # The key leaves the address, and with that the browser's history and what is copied from it.
            answer = web.HTTPSeeOther("/")
            answer.set_cookie(_COOKIE, self._key, httponly=True, samesite="Strict")
            raise answer
        if not self._fits(request.cookies.get(_COOKIE)):
            raise web.HTTPForbidden(text="open the address that tokenguard tui --web has printed\n")
        page = await handler(request)
        if isinstance(page, web.Response) and page.content_type == "text/html":
            page.text = _STRANGERS.sub("", page.text or "").replace("</body>", _TYPES)
            page.headers["Content-Security-Policy"] = (
                f"default-src 'self' 'unsafe-inline'; connect-src 'self' ws://{_HOST}:{self.port}; "
                "img-src 'self' data:; frame-ancestors 'none'"
            )
        return page

    def _fits(self, key: str | None) -> bool:
        return key is not None and compare_digest(key.encode(), self._key.encode())


def serve(port: int) -> None:
    """Serve the dashboard on this port of loopback (0: any that is free) until Ctrl-C. Raises `OSError`."""
    with socket.create_server((_HOST, port)) as sock:
        command = [sys.executable, "-m", "tokenguard", "tui"]
        pages = Pages(sock.getsockname()[1], secrets.token_urlsafe(24), command)
        output.say(f"The dashboard is at {pages.address}\nCtrl-C ends it.")
        sys.stdout.flush()
        asyncio.run(_run(pages, sock))


async def _run(pages: Pages, sock: socket.socket) -> None:
    runner = web.AppRunner(await pages.application(), access_log=None, handle_signals=True, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
