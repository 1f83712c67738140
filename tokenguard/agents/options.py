"""Options among an agent's arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def take(
    args: Sequence[str], *names: str, wanted: Callable[[str], bool] = lambda value: True
) -> tuple[list[str], tuple[str, ...]]:
    """(values of an option, arguments without it), for `--name VALUE`, `--name=VALUE`, `-n VALUE` and `-nVALUE`.

    Only occurrences whose value is `wanted` are taken. What follows `--` is no option.
    """
    values: list[str] = []
    rest: list[str] = []
    index = 0
    while index < len(args) and args[index] != "--":
        value, width = _value(args, index, names)
        if value is not None and wanted(value):
            values.append(value)
        else:
            rest += args[index : index + width]
        index += width
    return values, (*rest, *args[index:])


def _value(args: Sequence[str], index: int, names: Sequence[str]) -> tuple[str | None, int]:
    """The value of the option at an index, None if it is not one of these; and how many arguments it takes."""
    arg = args[index]
    for name in names:
        if arg == name:
            return (args[index + 1], 2) if index + 1 < len(args) else (None, 1)
        if arg.startswith(f"{name}="):
            return arg.removeprefix(f"{name}="), 1
        if not name.startswith("--") and arg.startswith(name):
            return arg.removeprefix(name), 1
    return None, 1
