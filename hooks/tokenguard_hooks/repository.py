"""What git says of a repository: where it looks for hooks, and what it knows of them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from msgspec import Struct

from tokenguard.errors import TokenguardError, UsageError

CONFIGURED_SINCE = (2, 54)
"""The first git that finds hooks in its configuration."""

_SECONDS = 30


class Elsewhere(Struct, frozen=True):
    """The setting that sends git to another folder of hooks: core.hooksPath."""

    scope: str
    """`local`, `global`, `system`, `worktree` or `command`."""
    value: str


class Repository(Struct, frozen=True):
    """A repository, as far as hooks are concerned."""

    git: tuple[int, ...]
    """The version of git."""
    top: Path | None
    """The working tree; None of a bare repository."""
    common_dir: Path
    """Physical, and the same for all its working trees."""
    hooks_dir: Path
    """Where git looks for hooks."""
    elsewhere: Elsewhere | None = None

    @property
    def configurable(self) -> bool:
        """Whether this git finds hooks in its configuration."""
        return self.git >= CONFIGURED_SINCE

    @property
    def config_file(self) -> Path:
        """The configuration that all working trees share."""
        return self.common_dir / "config"

    @property
    def own_hooks_dir(self) -> Path:
        """Where git looks unless it is sent elsewhere."""
        return self.common_dir / "hooks"

    @property
    def outside(self) -> bool:
        """Whether the folder of hooks lies elsewhere: in the working tree, or where others use it, too."""
        return not self.hooks_dir.resolve().is_relative_to(self.common_dir)


def look(folder: Path) -> Repository:
    """The repository of a folder. Raises `UsageError` where there is none."""
    version = git_version()
    common = _told(folder, "rev-parse", "--git-common-dir")
    bare = _told(folder, "rev-parse", "--is-bare-repository") == "true"
    inside = _told(folder, "rev-parse", "--is-inside-git-dir") == "true"
    # From the top, or what git runs hooks in: a relative core.hooksPath means something there only.
    at = Path(_told(folder, "rev-parse", "--absolute-git-dir" if bare or inside else "--show-toplevel"))
    hooks = Path(_told(at, "rev-parse", "--git-path", "hooks"))
    return Repository(
        git=version,
        top=None if bare or inside else at,
        common_dir=(folder / common).resolve(),
        hooks_dir=at / hooks,
        elsewhere=_elsewhere(at),
    )


def git_version() -> tuple[int, ...]:
    """Of the git on the PATH. Raises `TokenguardError` if there is none."""
    told = _run(Path("/"), "--version")
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", told.stdout)
    return tuple(int(part or 0) for part in found.groups()) if found else (0, 0, 0)


def setting(name: str, *, folder: Path | None = None, scope: str | None = None) -> str | None:
    """The value of a setting, of one scope if one is named; None if it is not set."""
    where = () if scope is None else (f"--{scope}",)
    done = _run(folder or Path("/"), "config", *where, "--null", "--get", name)
    return done.stdout.removesuffix("\0") if done.returncode == 0 else None


def path_setting(name: str, *, scope: str) -> Path | None:
    """The same of a path, in which ~ is a home folder."""
    done = _run(Path("/"), "config", f"--{scope}", "--type=path", "--null", "--get", name)
    return Path(done.stdout.removesuffix("\0")) if done.returncode == 0 and done.stdout else None


def listed(file: Path) -> list[str] | None:
    """Every name and value of a configuration file, in order; None where git does not understand it."""
    done = _run(Path("/"), "config", "--file", str(file), "--no-includes", "--null", "--list")
    return done.stdout.split("\0") if done.returncode == 0 else None


def remove_section(file: Path, name: str) -> None:
    """Have git take a section out of a configuration file."""
    _run(Path("/"), "config", "--file", str(file), "--remove-section", name)


def remove_value(file: Path, name: str, value: str) -> None:
    """Have git take one value out of a configuration file."""
    _run(Path("/"), "config", "--file", str(file), "--unset-all", name, f"^{re.escape(value)}$")


def global_config() -> Path:
    """The user's configuration file, or the one that git would make."""
    if given := os.environ.get("GIT_CONFIG_GLOBAL"):
        return Path(given).absolute()
    usual = Path.home() / ".gitconfig"
    other = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git" / "config"
    return other if other.exists() and not usual.exists() else usual


def make_template(folder: Path) -> None:
    """Make a folder that holds what git puts into a new repository. Raises `TokenguardError`."""
    done = _run(Path("/"), "init", "--quiet", "--bare", str(folder))
    if done.returncode != 0:
        raise TokenguardError(_last_line(done.stderr), "see what git says against it")


def _elsewhere(folder: Path) -> Elsewhere | None:
    done = _run(folder, "config", "--show-scope", "--null", "--get", "core.hooksPath")
    scope, _, value = done.stdout.removesuffix("\0").partition("\0")
    return Elsewhere(scope, value) if done.returncode == 0 else None


def _told(folder: Path, *arguments: str) -> str:
    done = _run(folder, *arguments)
    if done.returncode == 0:
        return done.stdout.removesuffix("\n")
    if "not a git repository" in done.stderr:
        raise UsageError(f"{folder} is in no git repository", "change to one, or use --global")
    raise TokenguardError(f"git does not tell of {folder}: {_last_line(done.stderr)}", "see what git says against it")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else "it says nothing"


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise TokenguardError("git is not found", "install it, or put it on the PATH") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise TokenguardError(f"git cannot be asked: {error}", "see whether git --version answers") from error
