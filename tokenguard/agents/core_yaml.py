"""YAML as programs in JavaScript read it: version 1.2, in which `yes`, `1:30` and dates are text."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import yaml

_SCALARS = {
    "null": r"(?:~|null|Null|NULL|)$",
    "bool": r"(?:true|True|TRUE|false|False|FALSE)$",
    "int": r"[-+]?(?:0|[1-9][0-9]*)$",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$",
}
"""What is no text; without octal and hexadecimal numbers, which settings do not have."""


class _Loader(yaml.SafeLoader):
    # By the first character, or for all: PyYAML's own are those of version 1.1.
    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {
        None: [(f"tag:yaml.org,2002:{name}", re.compile(pattern)) for name, pattern in _SCALARS.items()]
    }


def parse_yaml(text: str) -> dict[str, Any] | None:
    """A mapping as JSON has it, in which no part is another's too; None if it is none."""
    try:
        value = json.loads(json.dumps(yaml.load(text, _Loader)))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
