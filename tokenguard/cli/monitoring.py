"""Whether metrics come out as `[metrics]` asks for."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from tokenguard.cli.findings import Finding, ok, warn
from tokenguard.config.settings import Config

_PATIENCE = 2.0
"""Seconds."""


def metrics(config: Config) -> Iterator[Finding]:
    """Who is told what is spent, as far as somebody is to be."""
    wanted = config.metrics
    if wanted.port is not None:
        yield _answers(wanted.port)
    if wanted.otlp is None:
        return
    host = urlsplit(wanted.otlp).hostname
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        yield warn("metrics", "OpenTelemetry is not installed: nothing is sent", "pip install 'tokenguard[otel]'")
    else:
        yield ok("metrics", f"sent to {host}, by OpenTelemetry's protocol")


def _answers(port: int) -> Finding:
    url = f"http://127.0.0.1:{port}/metrics"
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=_PATIENCE) as answer:
            ours = b"tokenguard_info" in answer.read()
    except (URLError, OSError):
        return warn("metrics", f"nobody answers at {url}", "start the daemon again: tokenguard daemon restart")
    if not ours:
        return warn("metrics", f"another program answers at {url}", "choose another metrics.port in config.toml")
    return ok("metrics", f"told at {url}")
