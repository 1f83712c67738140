"""Compile the installed genai-prices into the catalogue that ships, and say what changed: `make prices`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
from genai_prices.data import providers

from tokenguard.errors import TokenguardError
from tokenguard.prices import published
from tokenguard.prices.catalogue import Catalogue, decode
from tokenguard.prices.changes import changes
from tokenguard.prices.compiler import compile_catalogue
from tokenguard.prices.data import Source

TARGET = Path(__file__).parent.parent / "tokenguard" / "prices" / "catalogue.json"


def main() -> None:
    """Write the catalogue; the same version of the source keeps its date, so that its bytes stay the same."""
    before = _shipped()
    installed = version("genai-prices")
    if before is not None and before.source.version == installed:
        date = before.source.date
    else:
        date = datetime.now(UTC).date().isoformat()
    data = compile_catalogue(published.from_objects(providers), Source("genai-prices", installed, date))
    TARGET.write_bytes(data)
    after = decode(data)
    models = sum(len(provider.models) for provider in after.providers.values())
    print(f"genai-prices {installed} of {date}: {len(after.providers)} providers, {models} models, {len(data):,} bytes")
    if before is not None:
        _show_changes(before, after)


def _shipped() -> Catalogue | None:
    try:
        return decode(TARGET.read_bytes())
    except (OSError, TokenguardError) as error:
        print(f"no catalogue to compare with: {error}", file=sys.stderr)
        return None


def _show_changes(before: Catalogue, after: Catalogue) -> None:
    differences = msgspec.structs.asdict(changes(before, after))
    if not any(differences.values()):
        print("no changes")
    for kind, names in differences.items():
        for name in names:
            print(f"{kind}: {name}")


if __name__ == "__main__":
    main()
