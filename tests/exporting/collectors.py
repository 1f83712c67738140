"""Collectors that others have written, as children on loopback, and what comes out at their other end."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from tests.agents import installing
from tests.exporting.telling import free_port
from tests.support.waiting import until

ROTEL = "pypi:rotel==0.0.1a15"
"""A collector of OpenTelemetry's protocol, in Rust; PyPI has it as a program, for one version of Python each."""

_NEWEST = (3, 13)


class NoWheel(Exception):
    """There is no program of it for this Python."""


def rotel() -> Path:
    """The program, installed now if need be. Raises `Unreachable` or `NoWheel`."""
    if sys.version_info[:2] > _NEWEST:
        raise NoWheel("rotel has no wheel for this version of Python")
    commands = Path(installing.search_path([ROTEL]).partition(os.pathsep)[0])
    (found,) = commands.parent.glob("lib/python3.*/site-packages/rotel/rotel-agent")
    return found


def prometheus() -> Path | None:
    """The program, if it is installed."""
    found = shutil.which("prometheus")
    return Path(found) if found else None


@contextmanager
def _child(command: list[str], folder: Path) -> Generator[None]:
    """It, without anything of ours in its environment; what it says is in `said` of the folder."""
    with open(folder / "said", "ab") as said:
        child = subprocess.Popen(
            command, cwd=folder, env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip
        try:
            yield
            assert child.poll() is None, (folder / "said").read_text()
        finally:
            child.terminate()
            child.wait(timeout=30)


class Receiver:
    """Takes metrics behind a collector, as the service of a vendor does."""

    def __init__(self) -> None:
        self.got: list[ExportMetricsServiceRequest] = []
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/metrics":
                    got.append(ExportMetricsServiceRequest.FromString(body))
                answer = ExportMetricsServiceResponse().SerializeToString()
                self.send_response(200 if self.path == "/v1/metrics" else 404)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def points(self, name: str) -> list[tuple[dict[str, str], Any]]:
        """Of a metric, by its attributes: as the newest request that has it tells."""
        for request in reversed(self.got):
            for metric in _metrics(request):
                if metric.name == name:
                    data = getattr(metric, metric.WhichOneof("data"))
                    return [
                        ({one.key: one.value.string_value for one in point.attributes}, point)
                        for point in data.data_points
                    ]
        return []

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _metrics(request: ExportMetricsServiceRequest) -> Iterator[Any]:
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            yield from scope.metrics


@contextmanager
def rotel_running(program: Path, folder: Path, port: int, onward: str) -> Generator[None]:
    """It takes metrics at a port, by HTTP, and sends them onward to an address."""
    folder.mkdir(exist_ok=True)
    options = {
        "otlp-http-endpoint": f"127.0.0.1:{port}",
        "otlp-grpc-endpoint": f"127.0.0.1:{free_port()}",
        "exporter": "otlp",
        "otlp-exporter-protocol": "http",
        "otlp-exporter-endpoint": onward,
        "pid-file": str(folder / "pid"),
        "log-file": str(folder / "log"),
    }
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    with _child([str(program), "start", *given], folder):
        until(lambda: _answers(f"http://127.0.0.1:{port}/"), "rotel answers")
        yield


class Prometheus:
    """One that runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """What a query of its language gives now: the labels of each series, and its value. Raises for a wrong one."""
        asked = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(asked, timeout=30) as answer:
            found = json.loads(answer.read())["data"]
        assert found["resultType"] == "vector", found
        return [(one["metric"], float(one["value"][1])) for one in found["result"]]

    def number(self, query: str) -> float | None:
        """Of a query with one series; None while there is none."""
        found = self.ask(query)
        assert len(found) < 2, found
        return found[0][1] if found else None


@contextmanager
def prometheus_running(program: Path, folder: Path, settings: str) -> Generator[Prometheus]:
    """It, with settings of ours."""
    folder.mkdir(exist_ok=True)
    (folder / "prometheus.yml").write_text(settings)
    address = f"127.0.0.1:{free_port()}"
    options = (
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    )
    with _child([str(program), *options], folder):
        until(lambda: _answers(f"http://{address}/-/ready", 200), "Prometheus is ready")
        yield Prometheus(f"http://{address}")


def _answers(url: str, status: int | None = None) -> bool:
    """Whether anything does, or that."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return status in (None, answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return status is None
    except (urllib.error.URLError, OSError):
        return False
