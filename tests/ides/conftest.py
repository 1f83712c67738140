from __future__ import annotations

from hypothesis import settings

# A deadline would make these tests fail on a busy machine, not on wrong code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
