"""Snakemake as a user runs it, for tests."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = [sys.executable, "-m", "snakemake"]
SNAKEMAKE = [*PROGRAM, "--snakefile", str(ROOT / "Snakefile")]
# What a checkout needs to run.
PARTS = ("ssif", "baselines", "workflow", "config", "profiles", "Snakefile", "Makefile")
PARTS += ("environment.yml", "requirements.txt", "pyproject.toml")


def copy_project(folder: Path) -> None:
    """The project without tests, documentation and measured results."""
    left_out = shutil.ignore_patterns("__pycache__")
    for part in PARTS:
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target, ignore=left_out)
        else:
            shutil.copy(ROOT / part, target)


def checkout(folder: Path) -> None:
    """The project in `folder` with a Python of its own in .venv, as `make` wants it, which has the packages of this one."""
    copy_project(folder)
    # venv itself wants no colon; an environment of another kind may have one.
    environment = folder.parent / "venv"
    venv.create(environment, symlinks=True)
    (packages,) = environment.glob("lib/*/site-packages")
    others = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (packages / "others.pth").write_text("\n".join(others))
    environment.rename(folder / ".venv")
    (folder / ".venv/installed").touch()


def command(folder: Path, preset: str | Path, *arguments: str, root: Path = ROOT) -> list[str]:
    """The command line of Snakemake in `folder` with a preset of config/ or a file. root: a copy of the project."""
    return [
        *PROGRAM,
        "--snakefile",
        str(root / "Snakefile"),
        "--directory",
        str(folder),
        "--configfile",
        str(preset if isinstance(preset, Path) else ROOT / f"config/{preset}.yaml"),
        "--cores",
        "2",
        *arguments,
    ]


def snakemake(
    folder: Path, preset: str | Path, *arguments: str, fails: bool = False, root: Path = ROOT, **environment: str
) -> str:
    """Run Snakemake in `folder` with a preset of config/ or a file; return all it printed. root: a copy of the project."""
    environment = os.environ | environment
    done = subprocess.run(
        command(folder, preset, *arguments, root=root), capture_output=True, text=True, env=environment
    )
    output = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, output[-3000:]
    return output


def jobs(output: str) -> dict[str, int]:
    """What a run or a dry run counts: rule -> jobs."""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)}


def named_jobs(output: str) -> dict[str, set[str]]:
    """The runs that a dry run lists: rule -> ids, without rules that are not of a run."""
    found = {}
    for rule, name in re.findall(r"^rule (\w+):$(?:\n .*)*?\n    wildcards: .*\brun=(\S+)$", output, re.MULTILINE):
        found.setdefault(rule, set()).add(name)
    return found
