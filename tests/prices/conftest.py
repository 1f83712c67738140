from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.prices import Catalogue, decode

SHIPPED = Path(__file__).parent.parent.parent / "tokenguard" / "prices" / "catalogue.json"


@pytest.fixture(scope="session")
def shipped() -> bytes:
    """The catalogue that ships, as it is stored."""
    return SHIPPED.read_bytes()


@pytest.fixture(scope="session")
def catalogue(shipped: bytes) -> Catalogue:
    """The catalogue that ships."""
    return decode(shipped)
