"""The extension as it is handed out: built once from a copy of its sources, and put where an editor looks for it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

from tests.editors.vscode import Unavailable
from tools import build_vsix

ITEM = '[id="tokenguard.tokenguard.spend"]'
"""Its item in the status bar, as a selector."""


class Extension:
    """Its sources in a folder of their own, where it can be built."""

    def __init__(self, folder: Path) -> None:
        """Raises `Unavailable` where npm cannot be reached."""
        cache = Path(os.environ.get("TOKENGUARD_TEST_CACHE") or Path.home() / ".cache" / "tokenguard-tests")
        lock = hashlib.sha256((build_vsix.SOURCE / "package-lock.json").read_bytes()).hexdigest()[:16]
        tools = cache / f"vscode-extension@{lock}"
        if not tools.exists():
            fresh = cache / "vscode-extension.new"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(build_vsix.SOURCE / name, fresh)
            if problem := build_vsix.install(fresh):
                raise Unavailable(f"what builds the extension cannot be installed: {problem.splitlines()[-1]}")
            fresh.rename(tools)
        self.folder = folder
        shutil.copytree(build_vsix.SOURCE, folder, ignore=shutil.ignore_patterns("node_modules", "out"))
        (folder / "node_modules").symlink_to(tools / "node_modules")

    def run(self, script: str) -> str:
        """What a script of its package prints. Raises `AssertionError` with that where it fails."""
        done = build_vsix.npm(self.folder, "run", script)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def package(self) -> Path:
        """The file that people install."""
        self.run("package")
        return self.folder / "tokenguard.vsix"


def install(vsix: Path, extensions: Path) -> None:
    """Put it where an editor looks for extensions."""
    with zipfile.ZipFile(vsix) as archive:
        archive.extractall(extensions / "unpacked")
    unpacked = extensions / "unpacked" / "extension"
    version = json.loads((unpacked / "package.json").read_bytes())["version"]
    unpacked.rename(extensions / f"tokenguard.tokenguard-{version}")
    shutil.rmtree(extensions / "unpacked")
