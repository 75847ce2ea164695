"""The DAG killed from outside: the same command goes on, with the same results, and leaves neither files nor processes."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import h5py
import pandas as pd
import psutil
import pytest
import yaml

from tests.linux import needs_proc
from tests.snake import ROOT, checkout, command

pytestmark = needs_proc
RUN = "synthetic.ssif-rf-us.s0"
MEASURED = ["seconds", "peak_mib", "training_seconds"]  # what no two runs have in common


def configure(folder: Path, steps: int, **changes) -> None:
    """Write config.yaml: the smoke preset with neural fields of `steps` steps and keys of its top changed."""
    config = yaml.safe_load((ROOT / "config/smoke.yaml").read_text()) | changes
    config["datasets"]["synthetic"]["training"]["steps"] = steps
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


class Snakemake:
    """The plain command in `folder`, or `by` another one, in a process group of its own as in a terminal; its output is in
    snakemake.log."""

    def __init__(self, folder: Path, *targets: str, by: list[str] | None = None):
        self.log = folder / "snakemake.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                by or command(folder, folder / "config.yaml", *targets),
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
                start_new_session=True,
                # Who runs the tests in the background has Ctrl-C ignored, which processes inherit.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def programs(self) -> list[psutil.Process]:
        """The programs of its jobs: neither the shells that start them nor what writes their logs."""
        found = []
        with suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                found += [child] if child.name().startswith("python") else []
        return found

    def kill(self, number: signal.Signals, target: str, chance: random.Random) -> None:
        """Send a signal to the "group", to "snakemake" alone or to the program of a "job"."""
        # It may just have ended.
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if target == "group":
                os.killpg(self.process.pid, number)
            elif target == "snakemake":
                self.process.send_signal(number)
            elif programs := self.programs():
                chance.choice(programs).send_signal(number)

    def end(self, seconds: float = 300) -> str:
        """Wait until it has ended; what it said."""
        self.process.wait(seconds)
        return self.log.read_text()


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"no {what} after {seconds} s"
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path):
    """Where a test fails, its processes go, too."""
    yield
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(tmp_path):
                process.kill()


def at_work_in(folder: Path) -> list[str]:
    """The command lines of all processes whose working directory is `folder`."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found


def test_the_same_command_goes_on_after_ctrl_c_and_after_a_kill_of_snakemake_alone(tmp_path):
    """A long training; a second Snakemake is refused; after Ctrl-C it goes on; killed, and with fewer steps asked for, the
    orphan ends and replaces nothing."""
    configure(tmp_path, 100_000)
    target = f"results/runs/smoke/synthetic/{RUN}/weights.safetensors"
    log = tmp_path / f"results/logs/train.smoke.synthetic.{RUN}.log"
    state = tmp_path / f"results/state/smoke/{RUN}/state.pt"

    def learning() -> bool:
        return log.exists() and " steps/s" in log.read_text()

    first = Snakemake(tmp_path, target)
    wait_for(log.exists, "training")
    configure(tmp_path, 7)
    second = subprocess.run(
        command(tmp_path, tmp_path / "config.yaml", target),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    refusal = [line for line in second.stderr.splitlines() if "error" in line.lower()]
    assert len(refusal) == 1 and re.fullmatch(
        rf"error: process {first.process.pid} on \S+ is at work on this folder; wait for it or stop it", refusal[0]
    )
    # What the first one's jobs read stays as it is.
    assert "steps: 100000" in (tmp_path / "results/presets/smoke.yaml").read_text()
    configure(tmp_path, 100_000)
    wait_for(learning, "step")
    first.kill(signal.SIGINT, "group", random)
    first.end()
    stopped = int(re.search(r"stopped by SIGINT after step (\d+)", log.read_text())[1])
    assert state.exists() and not at_work_in(tmp_path)

    log.unlink()
    first = Snakemake(tmp_path, target)
    wait_for(learning, "step")
    assert int(re.search(r"(\d+)/100000 steps", log.read_text())[1]) > stopped
    first.kill(signal.SIGKILL, "snakemake", random)
    first.end()
    log.unlink()
    configure(tmp_path, 50)
    again = Snakemake(tmp_path, target)
    assert again.process.wait(300) == 0, again.end()
    said = log.read_text()
    assert "training.steps: 100000 there, 50 here" in said and "50/50 steps" in said
    assert json.loads((tmp_path / target).with_name("config.json").read_text())["training"]["steps"] == 50
    assert not at_work_in(tmp_path)


STORM = {
    "methods": ["bicubic", "ssif-rf-us"],
    "tables": {
        "table1": "synthetic",
        "table3": {"dataset": "synthetic", "scales": [2], "methods": ["ssif-rf-us"]},
    },
    "figures": {"fig3": {"dataset": "synthetic", "scales": [2]}},
    "ablations": {},
}
SIGNALS, PLACES = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ["group", "snakemake", "job"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Path, float]:
    """A smaller smoke preset, finished without a disturbance, and the seconds that it took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    configure(folder, 300, **STORM)
    started = time.monotonic()
    run = Snakemake(folder)
    assert run.process.wait(1200) == 0, run.end()
    return folder, time.monotonic() - started


@pytest.mark.slow
def test_a_storm_of_fifty_kills_ends_in_the_same_results(tmp_path, undisturbed):
    """Each kill is followed by the plain command, which is the next to be killed; where all is finished, it starts anew."""
    chance = random.Random(int(os.environ.get("STORM_SEED", "0")))
    calm, seconds = undisturbed
    configure(tmp_path, 300, **STORM)
    kills = [(number, place) for number in SIGNALS for place in PLACES] * 6
    chance.shuffle(kills)
    finished = 0
    for number, place in kills[:50]:
        while True:
            run = Snakemake(tmp_path)
            moment = time.monotonic() + chance.uniform(0, seconds / 3)
            # One job alone cannot be killed before there is one.
            while run.process.poll() is None and (time.monotonic() < moment or (place == "job" and not run.programs())):
                time.sleep(0.02)
            if run.process.poll() is None:
                break
            assert run.process.returncode == 0, run.end()
            compare(tmp_path, calm)
            shutil.rmtree(tmp_path / "results")
            finished += 1
        run.kill(number, place, chance)
        said = run.end()
        print(f"{number.name} to the {place}: {said.count('Finished jobid')} jobs finished", flush=True)
        assert not re.search(
            r"IncompleteFiles|LockException|at work on|^error: (?!killed \(status 137\))", said, re.MULTILINE
        ), said
    run = Snakemake(tmp_path)
    assert run.process.wait(1200) == 0, run.end()
    compare(tmp_path, calm)
    assert not at_work_in(tmp_path)
    print(f"finished {finished} times on the way; undisturbed in {seconds:.0f} s")


@pytest.mark.slow
def test_make_goes_on_after_ctrl_c_at_ten_moments(tmp_path):
    """Each Ctrl-C is followed by the same command, which does no finished job again; a finished table is begun anew."""
    chance, folder = random.Random(int(os.environ.get("STORM_SEED", "0"))), tmp_path / "checkout"
    methods = ["bicubic", "liif", "ssif-m", "ssif-rf-us", "ssif-rf-uf"]
    checkout(folder)
    configure(folder / "config", 300, methods=methods, tables={"table1": "synthetic"}, figures={}, ablations={})

    def make() -> Snakemake:
        return Snakemake(folder, by=["make", "table1", "CORES=2"])

    def table(run: Snakemake) -> pd.DataFrame:
        assert run.process.wait(1200) == 0, run.end()
        return pd.read_csv(folder / "results/table1.csv").drop(columns=MEASURED, errors="ignore")

    def begin_anew() -> None:
        for path in set((folder / "results").iterdir()) - {folder / "results/reference"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    started, run = time.monotonic(), make()
    calm, seconds, jobs = table(run), time.monotonic() - started, run.end().count("Finished jobid")
    begin_anew()
    stopped, finished = 0, 0
    while stopped < 10:
        run = make()
        time.sleep(chance.uniform(0, seconds / 3))
        if run.process.poll() is None:
            run.kill(signal.SIGINT, "group", chance)
            stopped += 1
            print(f"Ctrl-C {stopped}: {finished} of {jobs} jobs finished before", flush=True)
        said = run.end()
        assert not re.search(r"IncompleteFiles|LockException|at work on|^error: ", said, re.MULTILINE), said
        assert not at_work_in(folder)
        finished += said.count("Finished jobid")
        assert finished <= jobs, said
        if run.process.returncode == 0:
            pd.testing.assert_frame_equal(table(run), calm, check_exact=True)
            begin_anew()
            finished = 0
    pd.testing.assert_frame_equal(table(make()), calm, check_exact=True)


def compare(folder: Path, undisturbed: Path) -> None:
    """Assert that both have the same results, and no temporary file or unfinished work."""
    ours, theirs = (
        {path.relative_to(its) for path in (its / "results").rglob("*") if path.is_file()}
        for its in (folder, undisturbed)
    )
    assert ours == theirs
    for path in sorted(ours):
        ours, theirs = folder / path, undisturbed / path
        if path.suffix in (".safetensors", ".png", ".pdf"):
            assert ours.read_bytes() == theirs.read_bytes(), path
        elif path.suffix == ".h5":
            assert contents(ours) == contents(theirs), path
        elif path.suffix == ".csv":
            one, other = (pd.read_csv(file).drop(columns=MEASURED, errors="ignore") for file in (ours, theirs))
            pd.testing.assert_frame_equal(one, other, check_exact=True)
        elif path.name == "config.json":
            one, other = (json.loads(file.read_text()) | {"seconds": None} for file in (ours, theirs))
            assert one == other, path
        elif path.suffix in (".md", ".tex") or path.parts[1] == "presets":
            assert ours.read_text() == theirs.read_text(), path


def contents(path: Path) -> dict:
    """The arrays and attributes of an HDF5 file, by name."""
    found = {}
    with h5py.File(path) as file:
        found["", "attributes"] = dict(file.attrs)
        file.visititems(
            lambda name, item: found.update(
                {
                    (name, "attributes"): dict(item.attrs),
                    (name, "values"): item[()].tobytes() if isinstance(item, h5py.Dataset) else None,
                }
            )
        )
    return found
