"""A daemon that answers, and finding it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tokenguard.client.exchange import Exchange, NotRunningError, SilentError
from tokenguard.errors import DaemonError, UsageError
from tokenguard.platforms import check_owner, socket_path

if TYPE_CHECKING:
    from tokenguard.config.paths import Paths


ANSWERS_WITHIN = 10.0
"""Seconds for which a daemon may be silent before it is given up."""

WORKS_WITHIN = 30.0
"""Seconds that it may take for an answer."""


class Stream:
    """Server-sent events of the daemon, until it hangs up; to be closed, as a context manager or by `close`."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The data of each event. Ends when the daemon goes, whether it said so or died."""
        while line := self._exchange.line():
            if line.startswith(b"data: "):
                yield json.loads(line[len(b"data: ") :])

    def close(self) -> None:
        """Hang up."""
        self._exchange.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class Daemon:
    """A daemon that answered. Every method raises `DaemonError`, with the daemon's own words where it gave some."""

    def __init__(self, socket: Path, about: Mapping[str, Any]) -> None:
        self.socket = socket
        self.version: str = about["version"]
        self.pid: int = about["pid"]
        self.port: int = about["port"]
        """Of the data path, on 127.0.0.1."""
        self.stopping: bool = about["stopping"]
        """It only lets calls in flight end."""

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, timeout: float = WORKS_WITHIN
    ) -> dict[str, Any]:
        """The JSON answer to a GET, such as of `/v1/status`, within `timeout` seconds."""
        if query:
            from urllib.parse import urlencode

            path = f"{path}?{urlencode(query)}"
        return _asked(self.socket, "GET", path, timeout=timeout)

    def post(self, path: str, body: object = None, *, timeout: float = WORKS_WITHIN) -> dict[str, Any]:
        """The JSON answer to a POST of `body` as JSON, within `timeout` seconds."""
        return _asked(self.socket, "POST", path, _json({} if body is None else body), timeout)

    def stream(self, path: str, body: object = None) -> Stream:
        """The events of an endpoint that stays open, such as `/v1/events`; reading them waits as long as it takes.

        With a `body` it is posted there as JSON.
        """
        sent = b"" if body is None else _json(body)
        exchange = Exchange(self.socket, "GET" if body is None else "POST", path, sent)
        if exchange.status != 200:
            raise _refused(exchange)
        exchange.wait(None)
        return Stream(exchange)

    def stop(self, *, now: bool = False, only_idle: bool = False, timeout: float) -> bool:
        """Ask it to end and wait until it has; False if it still lets calls end after `timeout` seconds.

        `now` cuts those calls off; with `only_idle` it stays, and this is False at once, if there is a call or session.
        """
        asked = {"mode": "now" if now else "graceful", "only_idle": only_idle}
        return self._gone(timeout, lambda: bool(self.post("/v1/shutdown", asked)["stopping"]))

    def wait_until_gone(self, timeout: float) -> bool:
        """Wait until a daemon that is stopping has ended; False if it has not after `timeout` seconds."""
        return self._gone(timeout, lambda: True)

    def _gone(self, timeout: float, ending: Callable[[], bool]) -> bool:
        """Whether the daemon is `ending`, and gone in time: that is when it closes a connection that it keeps open."""
        deadline = time.monotonic() + timeout
        try:
            exchange = Exchange(self.socket, "GET", "/v1/watch")
        except NotRunningError:
            return True
        try:
            if not ending():
                return False
            while (left := deadline - time.monotonic()) > 0:
                exchange.wait(left)
                if not exchange.line():
                    return True
        except TimeoutError:
            pass
        finally:
            exchange.close()
        return False


def find(paths: Paths, *, timeout: float = ANSWERS_WITHIN) -> Daemon | None:
    """The running daemon; None if there is none. Raises `DaemonError` if there is one that does not answer in time."""
    path = socket_path(paths.state_dir)
    try:
        if path.parent != paths.state_dir:
            check_owner(path.parent)
        return Daemon(path, _asked(path, "GET", "/v1/version", timeout=timeout))
    except (FileNotFoundError, NotRunningError):
        return None
    except SilentError as error:
        try:
            pid = int(json.loads(paths.state_file.read_bytes())["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            raise error from None
        hint = f"end it, nothing that was recorded is lost: kill -9 {pid}"
        raise DaemonError(f"the daemon (pid {pid}) does not answer", hint) from error


def _json(body: object) -> bytes:
    """What is said to the daemon; arguments and folders may hold bytes that are no UTF-8, which JSON cannot say."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _asked(path: Path, method: str, target: str, body: bytes = b"", timeout: float = WORKS_WITHIN) -> dict[str, Any]:
    exchange = Exchange(path, method, target, body, timeout)
    if exchange.status != 200:
        raise _refused(exchange)
    try:
        answer: dict[str, Any] = json.loads(exchange.body())
    except ValueError as error:
        raise DaemonError("the daemon's answer is not JSON", "see: tokenguard daemon logs") from error
    finally:
        exchange.close()
    return answer


def _refused(exchange: Exchange) -> DaemonError:
    """The error that an answer tells; hangs up."""
    try:
        told = json.loads(exchange.body())["error"]
        error = DaemonError(told["message"], told["hint"])
        if exchange.status == 400:
            error.exit_code = UsageError.exit_code
        return error
    except (ValueError, KeyError, TypeError):
        return DaemonError(f"the daemon answered with status {exchange.status}", "see: tokenguard daemon logs")
    finally:
        exchange.close()
