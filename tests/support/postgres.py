"""A PostgreSQL server of the tests' own: its files in a folder, on a unix socket and on 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import psycopg
from psycopg.rows import DictRow, dict_row

from tests.support.waiting import until

DEBIAN = Path("/usr/lib/postgresql")
SETTINGS = {
    "fsync": "off",  # Nobody pulls the plug of the machine that tests run on.
    "max_connections": "300",
    "shared_buffers": "64MB",
    "log_min_messages": "fatal",
}


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`; None where they are not installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def missing() -> str | None:
    """Why no server can be started here; None where one can."""
    if programs() is None:
        return "PostgreSQL's server is not installed (Debian, Ubuntu: apt install postgresql)"
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        return "as root, PostgreSQL's server needs setpriv (of util-linux) to run as somebody else"
    return None


def _as_somebody() -> list[str]:
    """What to put before a program that refuses to run as root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


class Server:
    """A server that can be stopped, and started again on the same port."""

    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        self._data = folder / "data"
        self._settings = SETTINGS | (settings or {})
        found = programs()
        assert found is not None
        self._programs = found
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            [*_as_somebody(), str(self._programs / "initdb"), "-D", str(self._data), *options],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )

    def start(self) -> None:
        """Returns when it answers."""
        settings = {**self._settings, "port": str(self.port), "unix_socket_directories": str(self._folder)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [*_as_somebody(), str(self._programs / "postgres"), "-D", str(self._data), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        until(self._answers, "the database server starts")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: in order, but without waiting for clients. SIGQUIT: as if it had crashed."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def database(self, name: str) -> str:
        """Create a database; the connection string of its owner."""
        with psycopg.connect(self.way("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.way(name, "postgres")

    def way(self, database: str, user: str) -> str:
        """A connection string by the unix socket."""
        return f"host={self._folder} port={self.port} dbname={database} user={user}"

    @property
    def pid(self) -> int:
        """Of the process that all others are children of."""
        assert self._process is not None
        return self._process.pid

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, "the database server has ended"
        try:
            psycopg.connect(self.way("postgres", "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def rows(way: str, *, autocommit: bool = False) -> psycopg.Connection[DictRow]:
    """A connection whose rows are dicts."""
    return psycopg.Connection[DictRow].connect(way, row_factory=dict_row, autocommit=autocommit)
