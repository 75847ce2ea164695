"""The benchmark as a module of somebody else's workflow, in a folder of its own (Snakemake's `module`)."""

import shutil
import subprocess

import pytest

from tests.snake import PROGRAM, ROOT, jobs

HOST = """
configfile: "preset.yaml"

rule mine:
    input:
        "results/data/synthetic.h5",
    output:
        "mine.txt",
    shell:
        "type -t python tee > {output}"

module ssif:
    snakefile:
        "ROOT/workflow/Snakefile"
    config:
        config

use rule * from ssif as ssif_*
"""


@pytest.fixture
def host(tmp_path):
    (tmp_path / "Snakefile").write_text(HOST.replace("ROOT", str(ROOT)))
    shutil.copy(ROOT / "config/smoke.yaml", tmp_path / "preset.yaml")
    return tmp_path


def run(folder, *arguments: str) -> str:
    done = subprocess.run([*PROGRAM, "--cores", "2", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout + done.stderr


def test_all_its_rules_are_there_under_another_name(host):
    found = jobs(run(host, "--dry-run", "ssif_all"))
    assert found["ssif_train"] == 34 and found["ssif_report"] == 1


def test_its_files_are_made_here_and_the_rules_of_the_host_are_left_alone(host):
    """The target is the host's own, and its shell commands run its own programs."""
    assert jobs(run(host)) == {"ssif_prepare": 1, "mine": 1, "total": 2}
    assert (host / "mine.txt").read_text().split() == ["file", "file"]
    assert (host / "results/presets/smoke.yaml").exists()
