"""Reports as a table in Markdown: to paste into a pull request."""

from __future__ import annotations

import re
from typing import Any

from tokenguard.policy.money import tokens, usd
from tokenguard.policy.naming import printable
from tokenguard.records import Confidence, Usage
from tokenguard.reports.naming import names_of
from tokenguard.reports.remarks import remarks
from tokenguard.reports.rows import Rows

_MARKUP = re.compile(r"[\\`*_{}\[\]()+!|~$<>&@#]|:(?=/)")
_HEEDED = "@#:"
"""Signs by which forges find people, issues and pages however they are written, unless something stands behind them."""
_NOTHING = "&#8203;"
_UNCUT = 1 << 20
"""Characters of a line: Markdown breaks none."""

_Row = dict[str, Any]


def markdown(report: _Row) -> str:
    """The report as a table with its total, and what has to be known of its numbers; for CommonMark with tables."""
    by: list[str] = report["by"]
    rows: Rows = report["rows"]
    notional = any(rows.columns["notional_nanos"])
    names = {key: names_of(key, set(rows.columns[key])) for key in by}
    heads = [key.replace("-", " ").capitalize() for key in by] + (["Subject"] if "commit" in by else [])
    numbers = ["Calls", "Tokens", "Cost", *(["Notional"] if notional else [])]
    lines = [_line([*heads, *numbers]), _line([*["---"] * len(heads), *["--:"] * len(numbers)])]
    for row in rows:
        told = [_name(key, row[key], names[key]) for key in by]
        told += [_plain(row["subject"] or "")] if "commit" in by else []
        lines.append(_line([*told, *_numbers(row, notional=notional)]))
    lines.append(
        _line(["**total**", *[""] * (len(heads) - 1), *_numbers(report["total"], notional=notional, bold=True)])
    )
    told = [_plain(text) for text, _ in remarks(report, _UNCUT)]
    return "\n".join([*lines, "", "<br>\n".join(told)] if told else lines) + "\n"


def _name(key: str, label: str | None, names: dict[str | None, str]) -> str:
    if key != "commit":
        return _plain(names[label])
    return f"`{label[:8]}`" if label else "*not committed*"


def _numbers(row: _Row, *, notional: bool, bold: bool = False) -> list[str]:
    about = row["confidence"] != Confidence.EXACT or row["unpriced"] > 0
    found = [f"{row['calls']:,}", tokens(Usage(**row["usage"]).total), usd(row["cost_nanos"], about=about)]
    found += [usd(row["notional_nanos"], about=about)] if notional else []
    return [f"**{number}**" for number in found] if bold else found


def _plain(text: str) -> str:
    """Text that means nothing to Markdown: no markup, mention, link or reference."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};{_NOTHING if found[0] in _HEEDED else ''}", printable(text))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
