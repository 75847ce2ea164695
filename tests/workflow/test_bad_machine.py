"""A machine that fails the programs: full disks, folders that may not be written, no memory. One line each."""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.programs import configure, file_size, run
from tests.snake import ROOT, SNAKEMAKE, snakemake
from workflow import evaluate, prepare, train

RUN = "synthetic.bicubic.s0"
PREPARE = (prepare, "--dataset", "synthetic")
PROGRAMS = [PREPARE, (train, "--run", RUN), (evaluate, "--run", RUN)]
COMMAND = [sys.executable, "-m", "workflow.prepare", "--dataset", "synthetic", "--config", "config.yaml"]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    configure()
    return tmp_path


def assert_full(done: subprocess.CompletedProcess) -> None:
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "error: the disk is full" in done.stderr or "cannot be written: No space left" in done.stderr
    assert not [path for path in Path("results").rglob("*") if path.is_file()]


def test_a_file_that_may_not_grow_is_a_full_disk_at_any_size(folder):
    """The prepared file has 1,230,000 bytes; HDF5 itself would meet the limits in the numbers and behind them."""
    for size in (2_000, 300_000, 1_000_000):
        with file_size(size):
            assert run(*PREPARE) == "error: the disk is full (File too large); finished files are whole"
        assert not [path for path in Path("results").rglob("*") if path.is_file()]
    # At its end a process says nothing more.
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_228_900, 1_228_900))}
    assert_full(subprocess.run(COMMAND, capture_output=True, text=True, **limit))


def mounted(folder: Path, options: str) -> list[str]:
    """What runs a command with a file system of its own as results. Only root may do that, and not in every container."""
    (folder / "results").mkdir()
    start = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o {options} none results && exec "$@"', "-"]
    if subprocess.run([*start, "true"], capture_output=True).returncode:
        pytest.skip("cannot mount a file system here")
    return start


@pytest.mark.parametrize("size", ["8k", "700k"])
def test_a_full_disk(folder, size):
    assert_full(subprocess.run([*mounted(folder, f"size={size}"), *COMMAND], capture_output=True, text=True))


def test_results_that_may_not_be_written(monkeypatch):
    # Not in tmp_path, which is the user's alone.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.chdir(folder)
        configure()
        # The first time root imports what nobody may read.
        assert [run(*program) for program in PROGRAMS] == [None] * len(PROGRAMS)
        for path in Path("results").rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        Path("results").chmod(0o555)
        user = os.geteuid()
        if user == 0:  # root may write everything, so that it is nobody for a moment
            os.seteuid(65534)
        try:
            messages = [run(*program) for program in PROGRAMS]
        finally:
            os.seteuid(user)
            monkeypatch.undo()
    written = ["data/synthetic.h5", f"locks/smoke/{RUN}.training", f"locks/smoke/{RUN}.evaluation"]
    assert messages == [f"error: results/{path} cannot be written: Permission denied" for path in written]


def test_results_that_may_not_be_written_are_one_line_of_snakemake(folder):
    command = [*SNAKEMAKE, "--directory", str(folder), "--configfile", "config.yaml", "--cores", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*mounted(folder, "ro"), *command], capture_output=True, text=True, env=environment)
    output = done.stdout + done.stderr
    assert "error: results/locks/snakemake cannot be written: Read-only file system" in output
    assert done.returncode and "Traceback" not in output


def test_a_default_configuration_that_is_no_utf_8_is_one_line_of_snakemake(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_bytes(b"# caf\xe9\n" + (ROOT / "config/smoke.yaml").read_bytes())
    command = [*SNAKEMAKE, "--directory", str(tmp_path), "--cores", "1", "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True)
    output = done.stdout + done.stderr
    assert done.returncode and "config/config.yaml is not UTF-8" in output and "Traceback" not in output


def test_a_job_that_is_killed_says_that_it_was_for_memory(tmp_path):
    """As the kernel does it, by SIGKILL, which no program can note."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'workflow.prepare' in sys.orig_argv:\n    os.kill(os.getpid(), 9)\n"
    )
    output = snakemake(
        tmp_path, "smoke", "results/data/synthetic.h5", fails=True, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}"
    )
    assert "error: killed (status 137), usually because the machine ran out of memory" in output
