"""`/metrics` on a port of loopback, for a Prometheus that speaks no unix socket."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web

log = logging.getLogger(__name__)

_HERE = ("127.0.0.1", "localhost")


async def listen(port: int, told: Callable[[], tuple[str, str]]) -> web.AppRunner:
    """Answer there with the text and its content type, until the runner is cleaned up.

    Any user of the machine may ask, for Prometheus often runs as another one. A port that cannot be had is logged:
    nobody has to do without the daemon because of it.
    """

    async def metrics(request: web.Request) -> web.Response:
        # A page in a browser that has its own name lead to this machine is nobody to be told.
        if urlsplit(f"//{request.host}").hostname not in _HERE:
            raise web.HTTPForbidden
        text, content_type = told()
        return web.Response(body=text.encode(), headers={"Content-Type": content_type})

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except OSError as error:
        log.error("metrics.port %s cannot be had: %s; nobody is told there", port, error.strerror)
    return runner
