"""A check that is silenced says why: in the same comment, or in one directly above."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("tokenguard", "tui", "hooks", "tests", "tools", "editors", ".ci")
GENERATED = {"node_modules", "__pycache__", "dist", "out"}
BEGINS = {
    **dict.fromkeys((".py", ".sh", ".fish", ".zsh", ".toml", ".yml", ".yaml"), "#"),
    **dict.fromkeys((".ts", ".js", ".mjs", ".cjs"), "//"),
    ".lua": "--",
}
"""What begins a comment. Without an ending, files are a shell's or of make."""

_NAMES = r"[\w@/-]+(?:\s*,\s*[\w@/-]+)*"
MARKER = re.compile(
    rf"""
    type:\s*ignore(?:\[[^]]*\])?
    | pyright:\s*ignore(?:\[[^]]*\])?
    | pyright:\s*(?:basic|standard|strict|\w+\s*=\s*\w+)(?:\s*,\s*\w+\s*=\s*\w+)*
    | mypy:\s*[\w-]+(?:\s*=\s*{_NAMES})?
    | (?:(?:ruff|flake8):\s*)?noqa(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?
    | pragma:\s*no\s+\w+
    | pylint:\s*[\w-]+(?:\s*=\s*{_NAMES})?
    | shellcheck\s+disable\s*=\s*{_NAMES}
    | eslint-disable(?:-next-line|-line)?(?:\s+[\w@-]+(?:/[\w-]+)*(?:\s*,\s*[\w@-]+(?:/[\w-]+)*)*)?
    | @ts-(?:ignore|expect-error|nocheck)
    | nosec(?:\s+B\d+)?
    """,
    re.VERBOSE,
)
SAYS_NOTHING = set(
    """
    a an and are as be been but by can for from has have here i in is isn it its now of on only or our so that the then
    there these this to us was we what which will with yet you
    above because before below bug check checker checks disable disabled error errors expected explained false fine fix
    fixme hack ignore ignored ignores intended intentional intentionally known later line lint linter mypy necessary
    need needed needs noise ok okay positive private purpose pyright pylint reason required rule ruff safe see silence
    silenced skip test tests todo type typing unavoidable usage why wrong xxx
    """.split()
)
"""Words of which no reason can be made: who reads them alone knows no more than before."""
LEAST = 2
"""Other words that a reason has."""


def reasoned(comment: str) -> bool:
    """Whether a comment says something besides what it silences."""
    words = re.findall(r"[a-zA-Z][\w'`.-]*", MARKER.sub(" ", comment))
    return len({word.lower().strip("'`.-") for word in words} - SAYS_NOTHING) >= LEAST


def comments(text: str, begins: str) -> dict[int, str]:
    """The comment of each line that has one."""
    if begins == "#py":
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    found: dict[int, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        # Of shells' and scripts' lines, quoted text is taken for a comment, too: markers do not stand in it.
        if comment := re.search(rf"(?:^|\s){re.escape(begins)}.*", line):
            found[number] = comment[0].strip()
    return found


def unreasoned(text: str, begins: str) -> list[int]:
    """The lines that silence a check and do not say why."""
    found = comments(text, begins)
    lines = text.split("\n")

    def above(number: int) -> str:
        """The comments that fill the lines directly above."""
        said: list[str] = []
        while number > 1 and number - 1 in found and lines[number - 2].strip() == found[number - 1]:
            number -= 1
            said.append(found[number])
        return " ".join(said)

    return [
        number
        for number, comment in found.items()
        if MARKER.search(comment) and not reasoned(comment) and not reasoned(above(number))
    ]


def files() -> Iterator[Path]:
    yield from (ROOT / "Makefile", ROOT / "pyproject.toml")
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*")):
            if not GENERATED & set(file.parts) and (file.suffix in BEGINS or not file.suffix) and file.is_file():
                yield file


def begins(file: Path) -> str:
    return "#py" if file.suffix == ".py" else BEGINS.get(file.suffix, "#")


def test_silenced_checks_say_why() -> None:
    without = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in files()
        for number in unreasoned(file.read_text("utf-8", errors="replace"), begins(file))
    ]
    assert without == []


@pytest.mark.parametrize(
    "text",
    [
        "x = f()  # type: ignore[arg-type]\n",
        "x = f()  # type: ignore[arg-type]  # pyright: ignore[reportPrivateUsage]\n",
        "x = f()  # type: ignore  # needed for mypy\n",
        "x = f()  # noqa: ASYNC110, B023 - intentional, see above\n",
        "x = f()  # pyright: ignore[reportUnknownMemberType]  # false positive\n",
        "# What it is about is another matter.\n\nx = f()  # noqa\n",
        "# Said of the line before.\ny = 1\nx = f()  # noqa\n",
        "x = 1  # It has a reason in another line.\nx = f()  # noqa\n",
        "# pyright: basic, reportMissingImports=false\n# Said too late.\n",
        "# noqa: E501\nx = f()  # noqa: E501\n",
        "# mypy: disable-error-code=attr-defined\n",
        "if x:  # pragma: no cover\n    pass\n",
    ],
)
def test_no_reason_is_found_where_none_is(text: str) -> None:
    assert unreasoned(text, "#py")


@pytest.mark.parametrize(
    "text",
    [
        "x = f()  # type: ignore[arg-type]  # it wants a socket, and asks for `makefile` only\n",
        "x = f()  # noqa: B023 - asked before the loop goes on\n",
        "import brotli  # type: ignore[import-untyped]  # it has no types\n",
        "# It wants a socket,\n# and asks for nothing but `makefile`.\nx = f()  # type: ignore[arg-type]\n",
        "    # Books are kept beside the guard.\n    x = f()  # type: ignore[method-assign]\n",
        's = "# type: ignore"\n',
        '"""\n# noqa\n"""\n',
    ],
)
def test_a_reason_is_found_where_it_stands(text: str) -> None:
    assert unreasoned(text, "#py") == []


@pytest.mark.parametrize(
    ("text", "begins", "lines"),
    [
        ("# shellcheck disable=SC2086,SC2154\necho $x\n", "#", [1]),
        ("# shellcheck disable=SC2086  # several names\necho $x\n", "#", []),
        ("// eslint-disable-next-line @typescript-eslint/no-explicit-any, no-console\n", "//", [1]),
        ("// eslint-disable-next-line no-console -- people read it there\n", "//", []),
        ("f(x); // @ts-expect-error\n", "//", [1]),
        ("// Node has it since 24.\nf(x); // @ts-ignore\n", "//", []),
    ],
)
def test_other_languages(text: str, begins: str, lines: list[int]) -> None:
    assert unreasoned(text, begins) == lines
