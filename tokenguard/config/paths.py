"""Where everything is kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from tokenguard.errors import ConfigError


class Paths(Struct, frozen=True):
    """The files of one installation; nothing here exists until somebody makes it."""

    config_dir: Path
    state_dir: Path

    @property
    def config_file(self) -> Path:
        """Written by people, never by the program."""
        return self.config_dir / "config.toml"

    @property
    def budgets_file(self) -> Path:
        """Written by `tokenguard budget`."""
        return self.config_dir / "budgets.toml"

    @property
    def ledger(self) -> Path:
        return self.state_dir / "ledger.db"

    @property
    def lock(self) -> Path:
        """Held for as long as a daemon lives."""
        return self.state_dir / "daemon.lock"

    @property
    def state_file(self) -> Path:
        """The running daemon's pid, port and version, as JSON."""
        return self.state_dir / "daemon.json"

    @property
    def log_file(self) -> Path:
        return self.state_dir / "daemon.log"

    @property
    def prices_file(self) -> Path:
        """A price catalogue newer than the one that is installed; usually absent."""
        return self.state_dir / "prices.json"


def find_paths(env: Mapping[str, str]) -> Paths:
    """One folder for everything where `TOKENGUARD_HOME` names it, the platform's folders otherwise."""
    home = env.get("TOKENGUARD_HOME")
    if home:
        folder = Path(home).expanduser().absolute()
        return Paths(folder, folder)
    import platformdirs  # costs 15 ms, needed by nobody who names a home

    dirs = platformdirs.PlatformDirs("tokenguard", appauthor=False)
    return Paths(dirs.user_config_path, dirs.user_state_path)


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter, or make an existing one so. Raises `ConfigError` if it cannot."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise ConfigError(
            f"the folder {folder} cannot be used: {error.strerror}",
            "make it writable, or set TOKENGUARD_HOME to a folder of yours",
        ) from error
