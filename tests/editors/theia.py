"""Eclipse Theia, an editor that takes VS Code's extensions and is not made of it. It asks nothing but this machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.editors.vscode import Unavailable, answers, install_from_npm
from tests.support.waiting import until

READY = "#theia-statusBar"
"""The selector of its status bar."""

_VERSION = "1.74.1"
_PARTS = (
    *("core", "editor", "filesystem", "markers", "messages", "monaco", "navigator", "plugin-ext", "plugin-ext-vscode"),
    *("preferences", "process", "terminal", "workspace"),
)
_NATIVE = {
    "drivelist": "exports.list = async () => [];",
    "keytar": "exports.getPassword = exports.setPassword = exports.deletePassword = async () => null;",
}
"""What has to be compiled, and is not needed here -> what takes its place."""

_SETTINGS = {
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "workbench.colorTheme": "dark",
    "editor.minimap.enabled": False,
}


class Theia:
    """An installation of it, built as its makers' documentation says."""

    def __init__(self, node: Path) -> None:
        """Installs it now if need be. Raises `Unavailable`."""
        cache = Path(os.environ.get("TOKENGUARD_TEST_CACHE") or Path.home() / ".cache" / "tokenguard-tests")
        self._node = node
        self._folder = cache / f"theia@{_VERSION}"
        if not self._folder.exists():
            fresh = cache / "theia.new"
            shutil.rmtree(fresh, ignore_errors=True)
            _write(fresh)
            install_from_npm(fresh)
            done = subprocess.run(
                [str(node), "node_modules/@theia/cli/bin/theia", "build", "--mode", "development"],
                cwd=fresh, env={**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}"},
                capture_output=True, text=True, timeout=900,
            )  # fmt: skip
            if done.returncode != 0:
                raise Unavailable(f"Theia cannot be built: {done.stdout[-500:]}{done.stderr[-500:]}")
            fresh.rename(self._folder)

    @contextmanager
    def running(self, folder: Path, vsix: Path, workspace: Path, env: Mapping[str, str]) -> Generator[str]:
        """The address of an editor with an extension; what it keeps is in the folder."""
        (folder / "settings").mkdir(parents=True)
        (folder / "settings/settings.json").write_text(json.dumps(_SETTINGS))
        with zipfile.ZipFile(vsix) as archive:
            archive.extractall(folder / "plug-ins/one")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        options = ("--hostname=127.0.0.1", f"--port={port}", f"--plugins=local-dir:{folder / 'plug-ins'}")
        with subprocess.Popen(
            [str(self._node), "lib/backend/main.js", str(workspace), *options], cwd=self._folder,
            env={**env, "PATH": f"{self._node.parent}:{env['PATH']}", "THEIA_CONFIG_DIR": str(folder / "settings")},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as server:  # fmt: skip
            try:
                until(lambda: answers(f"http://127.0.0.1:{port}/"), "Theia answers", seconds=90)
                yield f"http://127.0.0.1:{port}/"
            finally:
                server.terminate()


def _write(folder: Path) -> None:
    """What is to be installed."""
    names = {f"@theia/{part}": _VERSION for part in _PARTS}
    for name, text in _NATIVE.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "package.json").write_text(json.dumps({"name": name, "version": "99.0.0"}))
        (folder / name / "index.js").write_text(text)
    package = {
        "private": True,
        "name": "theia",
        "version": "0.0.1",
        "theia": {"target": "browser"},
        "dependencies": {**names, "@theia/cli": _VERSION},
        "overrides": {name: f"file:./{name}" for name in _NATIVE},
    }
    (folder / "package.json").write_text(json.dumps(package))
