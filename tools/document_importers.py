"""Write what the modules of agents' logs say into docs/importers.md, between two marks: `make agents`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tokenguard.agents.logs import LOGS
from tokenguard.agents.logs.shape import Database, Document, Lines, Logs, Places, Source

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "importers.md"

_MARKED = re.compile(r"(?<=<!-- logs: make agents writes this -->\n).*?(?=<!-- end of logs -->)", re.DOTALL)
_TITLE = re.compile(r"What (.+?) keeps")
_ELSEWHERE = re.compile(r"See `logs\.(\w+)`\.")
_EDITOR = re.compile(r"(?:(?<=/.config/)|(?<=/Application Support/))[^/]+(?=/User/)")
_PROJECT = Path("PROJECT")

KINDS: dict[type[Source], str] = {
    Lines: "lines, as they are added",
    Document: "a document, when it has changed",
    Database: "a database, what is new in it",
}


class Asked(dict[str, str]):
    """An environment without variables, which notes the ones that it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, None] = {}

    def get(self, key: str, default: object = None, /) -> str:
        """Nothing; a text in any case, as whoever asks for one expects."""
        self.names[key] = None
        return default if isinstance(default, str) else ""


def main() -> None:
    """Write it."""
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """The file as it should be."""
    text = PAGE.read_text("utf-8")
    filled, times = _MARKED.subn(lambda _: f"\n{table()}\n{sections()}\n", text)
    if times != 1:
        raise SystemExit(f"{PAGE.name} has no marks between which logs are written")
    return filled


def table() -> str:
    """A row for each agent: where its files are."""
    rows = ["| agent | files | read as | moved by |", "|---|---|---|---|"]
    for logs in LOGS.values():
        asked = Asked()
        sources = logs.sources(Places(asked, Path("~"), (_PROJECT,)))
        paths = (str(source.root / pattern) for source in sources for pattern in source.patterns)
        files = dict.fromkeys(f"`{_EDITOR.sub('EDITOR', path)}`" for path in paths)
        kinds = dict.fromkeys(KINDS[type(source)] for source in sources)
        variables = " ".join(f"`{name}`" for name in asked.names)
        rows.append(f"| {title(logs)} | {' '.join(files)} | {'; '.join(kinds)} | {variables} |")
    return "\n".join(rows) + "\n"


def sections() -> str:
    """A section for each agent: what its counters mean."""
    return "\n".join(f"### {title(logs)}\n\n{chr(10).join(rules(logs))}\n" for logs in LOGS.values()).rstrip() + "\n"


def title(logs: Logs) -> str:
    """What people call the agent."""
    found = _TITLE.match(logs.__doc__ or "")
    if found is None:
        raise SystemExit(f"the docstring of {logs.NAME} does not begin with: What ... keeps")
    return found[1]


def rules(logs: Logs) -> Iterator[str]:
    """The rules of a module's docstring, one a line."""
    head, _, rest = (logs.__doc__ or "").partition("\n\n")
    yield " ".join(head.split())
    for name in dict.fromkeys(_ELSEWHERE.findall(logs.__doc__ or "")):
        yield f"The rules are those of `tokenguard/agents/logs/{name}.py`."
    body = rest.partition("\n\n")[0]
    if body:
        yield ""
        found = re.split(r"^- ", body, flags=re.MULTILINE)
        yield from (f"- {' '.join(rule.split())}" for rule in found if rule.strip())


if __name__ == "__main__":
    main()
