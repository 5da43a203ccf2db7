"""How hypothesis searches: anew at a developer's desk, the same examples in CI, where a red run must be repeatable."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")
