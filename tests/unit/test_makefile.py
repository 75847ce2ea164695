"""make passes paths and names on as they are, whatever letters they hold."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ODD = 'it\'s a "dir" $HOME `x` (ü) #1 50% {x} \\ & a:b'
# A Python that says where it is and what it was given, and makes a copy of itself where a virtual environment is asked for.
STUB = """#!/bin/sh
{ printf '<%s>' "$PWD" "$0" "$@"; echo; } >> "$SAID"
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi
"""


def make(folder: Path, *arguments: str, fails: bool = False, **environment: str) -> list[str]:
    """What Python was given by `make` in a folder of that kind, a line a call."""
    environment = os.environ | {"SAID": str(folder / "said")} | environment
    environment.pop("MAKEFLAGS", None)
    done = subprocess.run(["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode != 0) == fails, done.stderr
    return (folder / "said").read_text().splitlines()


@pytest.fixture
def odd(tmp_path) -> Path:
    folder = tmp_path / ODD
    folder.mkdir()
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (folder / "a python").write_text(STUB)
    (folder / "a python").chmod(0o755)
    return folder


def test_the_environment_is_made_once_and_by_the_named_python(odd):
    said = make(odd, "test", PYTHON=str(odd / "a python"))
    assert said[0] == f"<{odd}><{odd}/a python><-m><venv><.venv>"
    assert [line.split("><")[3] for line in said[1:]] == ["pip", "pip", "pip", "pytest", "pytest"]
    assert (odd / ".venv/installed").exists()
    assert len(make(odd, "test")) == len(said) + 2


def test_every_test_is_run_and_a_failure_of_either_half_is_one(odd):
    said = make(odd, "test", PYTHON=str(odd / "a python"))
    halves = ["<tests/workflow>", "<tests><--ignore><tests/workflow>"]
    assert sorted(line.partition("<not slow>")[2] for line in said if "<pytest>" in line) == halves
    for half in ("slow tests/workflow", "slow tests --ignore"):
        (odd / ".venv/bin/python").write_text(f'{STUB}case "$*" in *"{half}"*) exit 1;; esac\n')
        make(odd, "test", fails=True)


@pytest.mark.parametrize("target", ["table1", "figures", "report", "all"])
@pytest.mark.parametrize("given", ["environment", "argument"])
def test_the_preset_is_one_argument(odd, target, given):
    preset = "my 'own' \"$x\" $(touch PWN) {y}"
    if given == "environment":
        said = make(odd, target, PYTHON=str(odd / "a python"), CORES="1", PRESET=preset)
    else:
        # On its command line make itself takes dollar signs for variables, unless they are doubled.
        said = make(odd, target, f"PRESET={preset.replace('$', '$$')}", PYTHON=str(odd / "a python"), CORES="1")
    assert f"<-m><snakemake><--configfile><config/{preset}.yaml><--cores><1>" in said[-1]
    assert not (odd / "PWN").exists()


def test_no_script_of_pip_is_started(odd):
    """Their first line names the folder, which the kernel and the shell read in their own ways."""
    said = make(odd, "lint", "bench", PYTHON=str(odd / "a python"))
    assert {line.split("><")[1] for line in said[1:]} == {".venv/bin/python"}
    assert all(f"<{name}>" in "".join(said) for name in ("ruff", "snakefmt", "snakemake", "pytest"))
