"""What is shown on a desktop is shown, whatever it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tokenguard import platforms
from tokenguard.platforms import linux, macos

HOSTILE = r"""--help <b>&amp;</b> <img src="http://x"/> \074a\076 $(id) `id` "; do shell script "id" --'"""


def test_linux() -> None:
    words = linux.notification("tokenguard: a call", "web", urgent=True)
    assert words == ("notify-send", "--app-name=tokenguard", "--urgency=critical", "--", "tokenguard: a call", "web")
    assert "--urgency=normal" in linux.notification("t", "x", urgent=False)


def test_what_a_linux_desktop_would_take_for_markup_is_replaced() -> None:
    words = linux.notification("tokenguard: " + HOSTILE, HOSTILE, urgent=False)
    options, shown = words[: words.index("--")], words[words.index("--") + 1 :]
    assert options == linux.notification("a", "b", urgent=False)[: len(options)]
    assert len(shown) == 2
    assert not set("<>&\\") & set("".join(shown))
    assert shown[1].startswith("--help ‹b›＆amp;‹/b› ")


def test_macos_is_given_it_as_arguments_and_not_as_script() -> None:
    words = macos.notification("tokenguard: a call", HOSTILE, urgent=False)
    *script, title, text = words
    assert script == list(macos.notification("a", "b", urgent=True)[:-2])
    assert script[0] == "osascript" and script[1::2] == ["-e"] * 3
    assert (title, text) == ("tokenguard: a call", HOSTILE)


@pytest.mark.parametrize("system", [linux, macos])
def test_the_program_gets_its_words_as_they_are(system: platforms.System, tmp_path: Path) -> None:
    words = system.notification("tokenguard: t", HOSTILE, urgent=False)
    program = tmp_path / words[0]
    program.write_text('#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done\n')
    program.chmod(0o755)
    done = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == list(words[1:])


def test_this_system_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, program in (("linux", "notify-send"), ("darwin", "osascript")):
        monkeypatch.setattr(sys, "platform", name)
        words = platforms.notification("t", "x", urgent=False)
        assert words is not None and words[0] == program
    monkeypatch.setattr(sys, "platform", "freebsd14")
    assert platforms.notification("t", "x", urgent=False) is None
