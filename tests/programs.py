"""The workflow's programs in this process, for tests."""

import sys
from pathlib import Path

import yaml

from tests.snake import ROOT

# A script: the training program with states saved every 0.2 s instead of every minute.
FASTER = "import runpy, ssif.training as t; t.SAVE_EVERY = 0.2; runpy.run_module('workflow.train', run_name='__main__')"


def configure(**changes) -> None:
    """Write config.yaml: the smoke preset with dotted keys changed (`__` for the dot)."""
    config = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = config
        for key in parents:
            place = place.setdefault(key, {})
        place[last] = value
    Path("config.yaml").write_text(yaml.safe_dump(config))


def run(program, *arguments: str) -> str | None:
    """Run the program's main with config.yaml; its one line where it refuses, which leaves nothing half-written."""
    before, sys.argv = sys.argv, [program.__name__, "--config", "config.yaml", *arguments]
    try:
        program.main()
    except SystemExit as end:
        assert isinstance(end.code, str) and end.code.startswith("error: ") and "\n" not in end.code
        assert not list(Path().rglob("*.part"))
        return end.code
    finally:
        sys.argv = before
    return None
