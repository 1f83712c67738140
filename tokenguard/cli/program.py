"""Running a command: the one place that turns what happened into an exit code.

0: fine; 1: a verdict against (blocked, over budget, a check that failed); 2: wrong usage; 3: tokenguard's own
failure; `run` answers with the agent's own code. Commands return their code (None is 0) and raise what is wrong.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

import click

from tokenguard.cli import output
from tokenguard.cli.commands import PROGRAM, WANTS_JSON, root
from tokenguard.cli.failures import failure_of
from tokenguard.platforms import unsupported

INTERRUPTED = 130
PIPE_CLOSED = 141
"""What a shell reports of a program that Ctrl-C, or a reader that went away, ended."""

_COMPLETION = "_TOKENGUARD_COMPLETE"
"""Set by the script that `tokenguard completion` prints."""


def run(arguments: list[str]) -> int:
    """Run one command line; never raises."""
    output.open_closed()
    output.tolerate()
    code = _said(arguments)
    try:
        sys.stderr.flush()
    except OSError:
        _forget(sys.stderr)
    return code


def _said(arguments: list[str]) -> int:
    """Until all of the result is written."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _forget(sys.stdout)
        return PIPE_CLOSED
    except output.Unwritable as error:
        _forget(sys.stdout)
        with suppress(OSError):
            output.note(f"what it says cannot be written: {error.strerror}; make room, or send it elsewhere")
        return 3
    return code


def _run(arguments: list[str]) -> int:
    context: click.Context | None = None
    try:
        problem = unsupported()
        if problem:
            output.note(problem)
            return 3
        if _COMPLETION in os.environ:
            return _complete(os.environ[_COMPLETION])
        context = root.make_context(PROGRAM, arguments)
        with context:
            code: int | None = root.invoke(context)
        return code or 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as incomplete:
        output.help_wanted(incomplete.format_message())
        return incomplete.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except (BrokenPipeError, output.Unwritable):
        raise
    except Exception as error:
        failure = failure_of(error)
        as_json = context is not None and bool(context.meta.get(WANTS_JSON))
        # What keeps stdout from being written is told once, behind all.
        with suppress(OSError):
            output.failed(failure, as_json=as_json, debug=os.environ.get("TOKENGUARD_DEBUG") == "1")
        return failure.exit_code


def _complete(instruction: str) -> int:
    from click.shell_completion import shell_complete

    return shell_complete(root, {}, PROGRAM, _COMPLETION, instruction)


def _forget(stream: TextIO) -> None:
    """Keep the interpreter from flushing into a closed pipe or a full disk, and complaining, at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
