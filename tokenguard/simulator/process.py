"""A simulator in a process of its own, for synchronous code."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from types import TracebackType

import msgspec

from tokenguard.simulator.bill import Bill
from tokenguard.simulator.shape import Seen
from tokenguard.simulator.subscriptions import USUAL, Windows

_PATIENCE_S = 10


class Process:
    """Handle of a spawned simulator; a context manager that ends it."""

    def __init__(self, child: subprocess.Popen[bytes], port: int) -> None:
        self._child = child
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def bill(self) -> Bill:
        """What the providers charge; waits a while for calls that still run."""
        return msgspec.json.decode(self._ask("GET", f"/__sim/bill?idle={_PATIENCE_S}"), type=Bill)

    def requests(self) -> tuple[Seen, ...]:
        """Every request that arrived, oldest first."""
        return msgspec.json.decode(self._ask("GET", "/__sim/requests"), type=dict[str, tuple[Seen, ...]])["requests"]

    def reset(self) -> None:
        """Forget all."""
        self._ask("POST", "/__sim/reset")

    def close(self) -> None:
        """End the process."""
        self._child.terminate()
        try:
            self._child.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, method: str, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2 * _PATIENCE_S)
        try:
            connection.request(method, path)
            return connection.getresponse().read()
        finally:
            connection.close()


def spawn(*, seed: int = 1, speed: float = 0.0, billing: str | None = None, windows: Windows = USUAL) -> Process:
    """Start a simulator and wait until it answers. It ends with this process at the latest."""
    command = [sys.executable, "-m", "tokenguard.simulator", "--json", "--with-parent"]
    command += ["--seed", str(seed), "--speed", str(speed)]
    command += ["--used", str(windows.five_hour), str(windows.seven_day)]
    if billing:
        command += ["--billing", billing]
    # A session of its own keeps a Ctrl-C for the caller from ending the simulator first.
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    try:
        address = json.loads(child.stdout.readline() or b"{}")
    except BaseException:
        child.kill()
        child.wait()
        raise
    if "port" not in address:
        raise RuntimeError(f"the simulator did not start (exit code {child.wait()})")
    return Process(child, address["port"])
