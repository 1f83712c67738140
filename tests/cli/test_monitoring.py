"""What `tokenguard doctor` says of `[metrics]`."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.exporting.telling import free_port
from tokenguard.cli.monitoring import metrics
from tokenguard.config.sections import MetricsSettings
from tokenguard.config.settings import Config


@pytest.fixture
def answering() -> Iterator[tuple[int, list[bytes]]]:
    """A port on which this is answered."""
    said = [b"tokenguard_info 1\n"]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said[0])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, said
    server.shutdown()
    thread.join()
    server.server_close()


def states(**given: Any) -> list[tuple[str, str]]:
    return [(one.state, one.detail) for one in metrics(Config(metrics=MetricsSettings(**given)))]


def test_nothing_is_said_where_nothing_is_wanted() -> None:
    assert states() == []


def test_whether_the_port_answers(answering: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    port, said = answering
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:1")
    assert states(port=port) == [("ok", f"told at http://127.0.0.1:{port}/metrics")]
    said[0] = b"node_info 1\n"
    assert states(port=port) == [("warn", f"another program answers at http://127.0.0.1:{port}/metrics")]
    nobody = free_port()
    assert states(port=nobody) == [("warn", f"nobody answers at http://127.0.0.1:{nobody}/metrics")]


def test_whether_anything_can_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://collector.example/s3cret"
    assert states(otlp=url) == [("ok", "sent to collector.example, by OpenTelemetry's protocol")]

    def none(name: str) -> None:
        """As where it is not installed."""

    monkeypatch.setattr("tokenguard.cli.monitoring.find_spec", none)
    assert states(otlp=url) == [("warn", "OpenTelemetry is not installed: nothing is sent")]
