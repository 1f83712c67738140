"""Writing to the terminal: stdout is for results, stderr for notes and errors, and both are written here."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Container, Iterable, Iterator, Sequence
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING, TextIO

import msgspec

from tokenguard.cli.failures import Failure

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STYLES = {"bold": "1", "dim": "2", "ok": "32", "info": "36", "warn": "33", "soft": "35", "hard": "31"}

_AT_ONCE = 1000
"""Lines."""

_STYLING = re.compile(r"\x1b\[\d+m")


class Unwritable(OSError):
    """Stdout takes nothing more, as on a full disk."""


class _Result(FileIO):
    """Stdout, whose errors are told from those of all other files."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Unwritable(error.errno, error.strerror) from error


def open_closed() -> None:
    """Let streams that a caller has closed lead nowhere, or the next file that is opened is taken for one of them."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def tolerate() -> None:
    """Let no character fail that the terminal's encoding does not know, and `Unwritable` say why stdout takes nothing.

    Lines are written at once where a person, or PYTHONUNBUFFERED, waits for them.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    former = sys.stdout
    if isinstance(former, TextIOWrapper) and former is sys.__stdout__:
        former.flush()
        result = BufferedWriter(_Result(former.fileno(), "w", closefd=False))
        at_once = former.line_buffering or former.write_through
        sys.stdout = TextIOWrapper(result, former.encoding, former.errors, line_buffering=at_once)


def counted(number: int, noun: str) -> str:
    """`1 call`, `41 calls`, `no calls`."""
    return f"{f'{number:,}' if number else 'no'} {noun}{'' if number == 1 else 's'}"


def say(text: str = "") -> None:
    """A line of the result."""
    sys.stdout.write(f"{text}\n")


def say_lines(lines: Sequence[str]) -> None:
    """Lines of the result, many at a time: neither a system call for each, nor all in memory once more."""
    for begin in range(0, len(lines), _AT_ONCE):
        say("\n".join(lines[begin : begin + _AT_ONCE]))


def say_json(value: object) -> None:
    """The whole result as one JSON document."""
    say_document([msgspec.json.format(msgspec.json.encode(value), indent=2)])


def say_document(pieces: Iterable[bytes]) -> None:
    """The whole result as one document in UTF-8, whose pieces follow each other."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None or sys.stdout.encoding.lower() != "utf-8":
        sys.stdout.writelines(piece.decode() for piece in (*pieces, b"\n"))
        return
    # As it is: of the many megabytes of a long report, every copy takes its time.
    sys.stdout.flush()
    buffer.writelines(pieces)
    buffer.write(b"\n")


def note(text: str) -> None:
    """A line beside the result: `tokenguard: text`."""
    sys.stderr.write(f"tokenguard: {text}\n")


def help_wanted(text: str) -> None:
    """The help of a group that was named without one of its commands: not a result, so beside it."""
    sys.stderr.write(f"{text}\n")


def failed(failure: Failure, *, as_json: bool, debug: bool) -> None:
    """Tell what went wrong; with `as_json` stdout gets a document too, so that it stays valid JSON."""
    if debug:
        import traceback

        traceback.print_exception(failure.error)
    sys.stdout.flush()
    note(failure.line)
    if as_json:
        error = {"message": failure.message, "hint": failure.hint, "exit_code": failure.exit_code}
        say_json({"error": error})
        sys.stdout.flush()


def colourful(stream: TextIO) -> bool:
    """Whether a stream shows colours: a terminal, and nobody asked for none (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str) -> str:
    """`text` for stdout in a style, or in the colour of a level; plain where colours are not shown."""
    if style not in _STYLES or not colourful(sys.stdout):
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def room() -> int | None:
    """How many characters a line of stdout holds; None where it is no terminal, and lines may be of any length."""
    try:
        return (os.get_terminal_size(sys.stdout.fileno()).columns or None) if sys.stdout.isatty() else None
    except (OSError, ValueError):
        return None


def columns(
    rows: Sequence[Sequence[str]],
    *,
    right: Container[int] = (),
    spare: Sequence[int] = (),
    room: int | None = None,
) -> list[str]:
    """Rows as aligned lines; the columns whose numbers are in `right` are aligned to the right, empty ones left out.

    Where lines are longer than `room`, the columns in `spare` are left out, the first one first.
    """
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    left_out = iter(spare)
    while True:
        lines = ["  ".join(_cells(row, widths, right)).rstrip() for row in rows]
        if room is None or all(_width(line) <= room for line in lines):
            return lines
        number = next(left_out, None)
        if number is None:
            return lines
        widths[number] = 0


def flowing(parts: Sequence[str], *, indent: str = "", room: int | None = None) -> list[str]:
    """Parts in as few lines as they take, ` · ` between them."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]} · {part}" if lines else indent + part
        if not lines or (room is not None and _width(longer) > room):
            lines.append(indent + part)
        else:
            lines[-1] = longer
    return lines


def _cells(row: Sequence[str], widths: Sequence[int], right: Container[int]) -> Iterator[str]:
    for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
        if width:
            room = " " * (width - _width(cell))
            yield room + cell if number in right else cell + room


def _width(text: str) -> int:
    return len(_STYLING.sub("", text))
