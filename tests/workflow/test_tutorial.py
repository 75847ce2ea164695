"""docs/tutorial.md runs as it stands, block after block, in a copy of the project."""

import os
import re
import shlex
import subprocess
import sys

import pandas as pd
import pytest

from tests.snake import ROOT, copy_project

pytestmark = pytest.mark.slow


def test_every_block_of_the_tutorial_runs(tmp_path):
    copy_project(tmp_path)
    python = shlex.quote(sys.executable)
    script = [f'snakemake() {{ {python} -m snakemake "$@"; }}', f'ssif() {{ {python} -m ssif.cli "$@"; }}']
    for code, command in re.findall(
        r"^```python\n(.*?)^```|^ {4}(\S[^\n]*)$", (ROOT / "docs/tutorial.md").read_text(), re.M | re.S
    ):
        script.append(f"{python} - <<'END'\n{code}END" if code else command)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    environment.pop("SSIF_DATA", None)
    done = subprocess.run(
        ["bash", "-ec", "\n".join(script)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(tmp_path / "results/table1.csv")
    assert list(table["model"].unique()) == ["bicubic+linear", "LIIF", "SSIF-RF-UF"]
    assert (tmp_path / "results/figures/fig8.png").stat().st_size > 10_000
    assert "61 bands" in done.stdout + done.stderr and (tmp_path / "fine.hdr.preview.png").stat().st_size > 10_000
