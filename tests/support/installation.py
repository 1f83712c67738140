"""A tokenguard installation of its own, used from outside through its command line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

AGENT = Path(__file__).parent / "agent.py"

PROVIDERS = (
    *("anthropic", "openai", "gemini", "openrouter", "mistral", "kimi", "xai", "groq", "deepseek"),
    *("bedrock", "code-assist", "vertex"),
)


class Installation:
    """A home folder whose providers are a simulator, and the commands run in it."""

    def __init__(self, home: Path, upstream: str, *, settings: str = "") -> None:
        self.home = home
        self.work = home.parent / "web"
        self.work.mkdir(exist_ok=True)
        subprocess.run(["git", "init", "-q", "-b", "main", str(self.work)], check=True)
        home.mkdir(mode=0o700, exist_ok=True)
        self.configure(upstream, settings=settings)

    def configure(self, upstream: str, *, settings: str = "", daemon: str = "") -> None:
        """Write `config.toml`; `settings` is added to it, `daemon` to its `[daemon]` table.

        Without an upstream it names no providers.
        """
        named = PROVIDERS if upstream else ()
        providers = "".join(f'[providers.{name}]\nbase_url = "{upstream}"\n' for name in named)
        (self.home / "config.toml").write_text(f"[daemon]\nport = 0\n{daemon}\n{providers}\n{settings}\n")

    def fix_port(self) -> int:
        """Give the data path a port that is known beforehand, as unwrapped agents need it."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        config = self.home / "config.toml"
        config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
        return port

    @property
    def env(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        return {**kept, "TOKENGUARD_HOME": str(self.home), "HOME": str(self.home), "TZ": "UTC"}

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "tokenguard", *args]

    def __call__(
        self, *args: str, check: bool = True, env: dict[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(
            self.command(*args),
            env={**self.env, **(env or {})},
            cwd=cwd or self.work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{args} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *args: str) -> Any:
        """What a command prints with `--json`."""
        return json.loads(self(*args, "--json").stdout)

    def agent(self, dialect: str, *prompts: str, options: tuple[str, ...] = ()) -> list[str]:
        """`run`'s arguments for the scripted agent."""
        return ["run", *options, "--", sys.executable, str(AGENT), dialect, *prompts]

    def daemon_pid(self) -> int | None:
        try:
            return int(json.loads((self.home / "daemon.json").read_text())["pid"])
        except (OSError, ValueError, KeyError):
            return None

    def stop(self) -> None:
        self("daemon", "stop", check=False)
