"""`python -m tokenguard`: the same as the `tokenguard` command."""

from __future__ import annotations

import sys

from tokenguard.cli import main

if __name__ == "__main__":
    sys.exit(main())
