"""A window of a real editor, as a person has it: what it shows, and clicks and keys."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.waiting import until

_STARTS_WITHIN = 120.0


class Window:
    """A page of a browser in which an editor is open, until `close`."""

    def __init__(self, driver: Sequence[str], url: str, ready: str) -> None:
        """`driver` is the command of `drive.js`, `ready` a selector of what is there when the editor has begun."""
        self._process = subprocess.Popen(driver, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self("goto", url)
        until(lambda: self.count(ready), "the editor is there", seconds=_STARTS_WITHIN)

    def __call__(self, call: str, *args: Any) -> Any:
        """What a method of Playwright's page answers, where that is plain. Raises `AssertionError` with its words."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": f"page.{call}", "args": args}) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline())
        assert "error" not in said, f"{call} {args}: {said.get('error')}"
        return said["answer"]

    def count(self, selector: str) -> int:
        """How many of them there are."""
        return int(self("evaluate", f"document.querySelectorAll({json.dumps(selector)}).length"))

    def text(self, selector: str) -> str:
        """What all of them say, in one line; icons say nothing."""
        query = f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.innerText).join(' ')"
        return " ".join(str(self("evaluate", query)).split())

    def says(self, selector: str, pattern: str, seconds: float = 30.0) -> str:
        """What they say once a pattern is found in it."""
        last = ""

        def found() -> str | None:
            nonlocal last
            last = self.text(selector)
            return last if re.search(pattern, last) else None

        try:
            return until(found, seconds=seconds)
        except AssertionError:
            raise AssertionError(f"{selector} says {last!r}, and not {pattern!r}") from None

    def style(self, selector: str, name: str) -> str:
        """A computed style of the first one."""
        return str(self("evaluate", f"getComputedStyle(document.querySelector({json.dumps(selector)})).{name}"))

    def click(self, selector: str, text: str | None = None) -> None:
        """On the first one, or the first one that says this."""
        self("click", selector if text is None else f"{selector}:has-text({json.dumps(text)}) >> nth=0")

    def command(self, title: str) -> None:
        """Run a command of the palette, as a person does."""
        self("keyboard.press", "F1")
        self.choose("name of a command", title)

    def choose(self, question: str, title: str) -> None:
        """In the list that is offered with a question in its field."""
        self("waitForSelector", f'.quick-input-widget input[placeholder*="{question}"]:focus')
        self("keyboard.insertText", title)
        self.says(".quick-input-list .monaco-list-row.focused", re.escape(title))
        self("keyboard.press", "Enter")

    def answer(self, question: str, text: str) -> None:
        """To a question that is put."""
        self.says(".quick-input-widget .quick-input-message", re.escape(question))
        self("keyboard.press", "Control+a")
        self("keyboard.insertText", text)
        self("keyboard.press", "Enter")

    def picture(self, file: Path, **clip: int) -> None:
        """Of the window, or a part of it: x, y, width, height."""
        self("screenshot", {"path": str(file), **({"clip": clip} if clip else {})})

    def close(self) -> None:
        self._process.communicate()
