"""Real data for tests, where the user has it."""

import os
from pathlib import Path

import pytest


def real(name: str) -> Path:
    """`name` below SSIF_DATA; where it is absent the test is skipped, saying so."""
    path = Path(os.environ.get("SSIF_DATA", "not set"), name).expanduser()
    if not path.exists():
        pytest.skip(f"SSIF_DATA has no {name}")
    return path
