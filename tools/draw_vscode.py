"""Draw the extension in real editors over made-up work, for docs/editors.md: `python -m tools.draw_vscode`.

Needs npm and Chromium, as `make test-editors` and `make test-theia` do.
"""

from __future__ import annotations

import json
import queue
import socketserver
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.editors.extension import ITEM, Extension, install
from tests.editors.theia import READY, Theia
from tests.editors.vscode import VSCode
from tests.editors.window import Window

FOLDER = Path(__file__).parent.parent / "docs/images"
WIDTH, HEIGHT = 860, 520

_SETTINGS = {
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "workbench.colorTheme": "Default Dark Modern",
    "editor.minimap.enabled": False,
    "breadcrumbs.enabled": False,
    "chat.disableAIFeatures": True,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "git.enabled": False,
    "window.commandCenter": False,
    "workbench.layoutControl.enabled": False,
}
_CODE = '''\
def login(form: Form) -> Response:
    """Sign somebody in, and remember that for a while."""
    user = users.find(form.name)
    if user is None or not user.knows(form.password):
        return page("login", error="No such name, or not its password.")
    session = sessions.begin(user, for_long=form.remember)
    return redirect(form.next or "/", cookie=session.token)
'''
_DOLLAR = 1_000_000_000


class _Daemon(socketserver.ThreadingUnixStreamServer):
    """A daemon that tells what it is asked to tell."""

    daemon_threads = True

    def __init__(self, home: Path, repo: str) -> None:
        super().__init__(str(home / "daemon.sock"), _Answers)
        self.status = _status(repo)
        self.report = _report()
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        self.events.put({"type": kind, "at_us": time.time_ns() // 1_000, "data": data})


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Daemon)
        self.send_response(200)
        self.end_headers()
        if not self.path.startswith("/v1/events"):
            told = self.server.report if self.path.startswith("/v1/report") else self.server.status
            self.wfile.write(json.dumps(told).encode())
            return
        with suppress(OSError):
            while True:
                self.wfile.write(f"data: {json.dumps(self.server.events.get())}\n\n".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


def main() -> None:
    """Draw all of them."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tokenguard-") as made:
        folder = Path(made)
        names = ("home", "other", "web", "user", "extensions")
        home, other, work, settings, extensions = (folder / name for name in names)
        for each in (home, other, work, settings / "User"):
            each.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", "-b", "main", str(work)], check=True)
        (work / "login.py").write_text(_CODE)
        (settings / "User" / "settings.json").write_text(json.dumps(_SETTINGS))
        editor = VSCode()
        vsix = Extension(folder / "source").package()
        install(vsix, extensions)
        env = {"HOME": str(home), "TOKENGUARD_HOME": str(home), "PATH": "/usr/bin:/bin", "TZ": "UTC"}
        with _Daemon(home, str(work)) as daemon, editor.running(settings, extensions, work, env) as url:
            with editor.window(url) as window:
                _draw(window, daemon)
        env["TOKENGUARD_HOME"] = str(other)
        with _Daemon(other, str(work)), Theia(editor.node).running(folder / "theia", vsix, work, env) as url:
            with editor.window(url, READY) as window:
                _draw_theia(window)


def _draw(window: Window, daemon: _Daemon) -> None:
    window("setViewportSize", {"width": WIDTH, "height": HEIGHT})
    window.says(ITEM, "web/day 82% warn")
    window.command("Toggle Primary Side Bar Visibility")
    window("keyboard.press", "Control+p")
    window("waitForSelector", ".quick-input-widget input")
    window("keyboard.insertText", "login.py")
    window.says(".quick-input-list .monaco-list-row.focused", "login.py")
    window("keyboard.press", "Enter")
    window.says(".view-lines", "def")
    window("hover", ITEM)
    window.says(".monaco-hover", "Claude 5 h")
    window("waitForTimeout", 500)
    window.picture(FOLDER / "vscode-hover.png", x=0, y=HEIGHT - 320, width=640, height=320)
    window("mouse.move", 400, 200)
    window("waitForTimeout", 500)
    window.picture(FOLDER / "vscode-status-bar.png", x=0, y=HEIGHT - 32, width=560, height=32)
    window.command("View: Show tokenguard")
    window.says(".pane-body", "Commits|Not committed yet")
    hold = _hold(daemon.status["sessions"][0]["repo"])
    daemon.status["holds"] = [hold]
    daemon.tell("hold.asked", hold)
    window.says(".notification-toast", "waits for you")
    window.says(ITEM, "1 call waiting")
    window("waitForTimeout", 500)
    window.picture(FOLDER / "vscode-waiting.png", x=0, y=HEIGHT - 160, width=WIDTH, height=160)
    window.picture(FOLDER / "vscode-side-bar.png", x=0, y=0, width=327, height=400)


def _draw_theia(window: Window) -> None:
    window("setViewportSize", {"width": WIDTH, "height": 240})
    window.says(READY, "web/day 82% warn")
    window("click", "li.lm-TabBar-tab[id*=explorer-view-container] >> nth=0")
    window.says("#theia-left-content-panel", "login.py")
    window("dblclick", "#theia-left-content-panel :text('login.py')")
    window.says(".view-lines", "def")
    window("waitForTimeout", 2_000)
    window.picture(FOLDER / "theia.png")


def _at(**later: float) -> str:
    return (datetime.now(UTC) + timedelta(**later)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sums(calls: int, dollars: float) -> dict[str, Any]:
    nanos = round(dollars * 1_000) * _DOLLAR // 1_000
    return {"calls": calls, "cost_nanos": nanos, "confidence": "exact", "unpriced": 0, "notional_nanos": 0}


def _session(ident: str, agent: str, repo: str, branch: str, calls: int, dollars: float, **more: Any) -> dict[str, Any]:
    known = {"id": ident, "agent": agent, "repo": repo, "branch": branch, "state": "running", "in_flight": 0}
    return {**known, "parent": None, "task": None, "sub_agents": [], **_sums(calls, dollars), **more}


def _budget(label: str, key: str, spent: float, limit: int, level: str, **more: Any) -> dict[str, Any]:
    nanos = round(spent * 100) * _DOLLAR // 100
    sums = {"limit": limit * _DOLLAR, "spent": nanos, "remaining": limit * _DOLLAR - nanos, "level": level}
    known = {"name": label, "label": label, "scope": "repo", "key": key, "unit": "usd", "resets_at": None}
    return {**known, **sums, "forecast": None, **more}


def _status(repo: str) -> dict[str, Any]:
    sub = {"id": "a1", "type": "explorer", "model": "claude-haiku-5-5", **_sums(12, 0.19)}
    return {
        "totals": {"today": _sums(61, 14.82), "hour": _sums(20, 3.10)},
        "sessions": [
            _session("s1", "claude", repo, "feat/login", 41, 6.21, in_flight=1, sub_agents=[sub]),
            _session("s2", "codex", repo, "fix/typo", 6, 0.412, your_turn=True),
            _session("s3", "codex", "/src/api", "main", 17, 1.07),
            _session("s4", "aider", "/src/docs", "main", 3, 0.03),
        ],
        "budgets": [
            _budget("web/day", repo, 16.40, 20, "warn", forecast={"full_at": _at(hours=1.2)}),
            _budget("month", "", 92.10, 200, "ok", resets_at=_at(days=9)),
        ],
        "windows": [
            {"provider": "anthropic", "name": "five_hour", "used_percent": 70.0, "resets_at": _at(hours=1.4)},
            {"provider": "anthropic", "name": "seven_day", "used_percent": 41.0, "resets_at": _at(days=3)},
        ],
        "holds": [],
    }


def _hold(repo: str) -> dict[str, Any]:
    return {
        "id": "7f2c",
        "session": "s1",
        "agent": "claude",
        "repo": repo,
        "model": "claude-opus-5-5",
        "estimate_nanos": 3_440_000_000,
        "unit": "usd",
        "cheaper": {"model": "claude-sonnet-5", "estimate_nanos": 690_000_000},
        "reason": "this call re-reads 340k uncached tokens, about 3.44 USD",
        "expires_at": _at(minutes=4.5),
    }


def _report() -> dict[str, Any]:
    subjects = ["Remember who is signed in", "Say it plainly", "Check the address", "Add a login form"]
    costs = [1.48, 0.142, 2.31, 4.05]
    rows = [
        {"commit": f"{number}d73c1f", "subject": subject, "committed_at": _at(hours=-number), **_sums(9, cost)}
        for number, (subject, cost) in enumerate(zip(subjects, costs, strict=True))
    ]
    rows.append({"commit": None, "subject": None, "committed_at": None, **_sums(4, 0.61)})
    return {"by": ["commit"], "rows": rows, "total": _sums(40, 8.592)}


if __name__ == "__main__":
    main()
