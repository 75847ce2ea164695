"""One program on a run, none beside another's weights or unfinished work, and none that outlives its Snakemake."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from ssif.checkpoint import save_state
from ssif.errors import exit_cleanly
from ssif.io import this_machine
from tests.snake import ROOT
from workflow import classify, evaluate, evaluate_sensors, prepare, train
from workflow.plan.runs import Run
from workflow.steps import building, processes

RUN = Run("smoke", "synthetic", "ssif-rf-uf", 0)
CLASSIFIER = "synthetic.a2s2k.s0"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working directory with prepared data and a preset of small trainings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(processes, "PATIENCE", 0.3)
    configure()
    call(monkeypatch, prepare, "--dataset", "synthetic")
    return tmp_path


def configure(steps: int = 2, **changes) -> None:
    """Write config.yaml: the smoke preset with trainings of `steps` steps and keys of its top changed."""
    config = yaml.safe_load((ROOT / "config/smoke.yaml").read_text()) | changes
    data = config["datasets"]["synthetic"]
    for training in (data, *data["baselines"].values(), data["land_use"]):
        training["training"]["steps"] = steps
    data["land_use"]["training"]["check_every"] = 1
    Path("config.yaml").write_text(yaml.safe_dump(config))


def call(monkeypatch, program, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [program.__name__, "--config", "config.yaml", *arguments])
    program.main()


def refused(monkeypatch, program, run: str) -> str:
    """Run the program's main; return its one line."""
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, program, "--run", run)
    message = end.value.code
    assert isinstance(message, str) and message.startswith("error: ") and "\n" not in message
    return message


@pytest.mark.parametrize("program", [evaluate, evaluate_sensors])
@pytest.mark.parametrize(
    ("changes", "differing"),
    [({"steps": 3}, "training.steps: 2 there, 3 here"), ({"antialias": True}, "antialias: False there, True here")],
)
def test_weights_of_other_settings_are_refused(monkeypatch, folder, program, changes, differing):
    call(monkeypatch, train, "--run", RUN.id)
    configure(**changes)
    message = refused(monkeypatch, program, RUN.id)
    assert f"({differing}): python -m workflow.train --run {RUN.id}" in message
    assert not (RUN.folder / "metrics.csv").exists()
    configure()
    call(monkeypatch, program, "--run", RUN.id)


def test_weights_of_other_data_are_refused(monkeypatch, folder):
    call(monkeypatch, train, "--run", RUN.id)
    config = json.loads((RUN.folder / "config.json").read_text())
    # Without its checksum, the file may be changed by hand.
    (RUN.folder / ".config.json.sha256").unlink()
    (RUN.folder / "config.json").write_text(json.dumps(config | {"data": "0123456789ab"}))
    assert "(data: 0123456789ab there, " in refused(monkeypatch, evaluate, RUN.id)
    # What else stands there, such as where imported weights come from, does not count.
    (RUN.folder / "config.json").write_text(json.dumps(config | {"imported": {"file": "net.pth"}}))
    call(monkeypatch, evaluate, "--run", RUN.id)
    (RUN.folder / "config.json").write_text(json.dumps(config | {"data": "0", "imported": {"file": "net.pth"}}))
    assert refused(monkeypatch, evaluate, RUN.id).endswith(f"python -m workflow.import_weights --run {RUN.id} FILE")
    for text in ("", "[1]", "{"):
        (RUN.folder / "config.json").write_text(text)
        assert "config.json is damaged (" in refused(monkeypatch, evaluate, RUN.id)


def test_starts_stages_and_classifiers_of_other_settings_are_refused(monkeypatch, folder):
    configure(methods=["rcan+awan", "bicubic"])
    call(monkeypatch, train, "--run", "synthetic.rcan-msi.p2.s0")
    call(monkeypatch, prepare, "--dataset", "synthetic", "--land-cover")
    call(monkeypatch, train, "--run", CLASSIFIER)
    configure(3, methods=["rcan+awan", "bicubic"])
    for program, run, other in (
        (train, "synthetic.rcan-msi.p3.s0", "synthetic.rcan-msi.p2.s0"),
        (classify, CLASSIFIER, CLASSIFIER),
    ):
        assert f"(training.steps: 2 there, 3 here): python -m workflow.train --run {other}" in refused(
            monkeypatch, program, run
        )


@pytest.mark.parametrize(
    ("program", "work"), [(train, "training"), (evaluate, "evaluation"), (evaluate_sensors, "sensors")]
)
def test_the_second_program_on_a_run_says_so(monkeypatch, folder, program, work):
    call(monkeypatch, train, "--run", RUN.id)
    with processes.alone(RUN, work):
        message = refused(monkeypatch, program, RUN.id)
        expected = f"error: process {os.getpid()} on {this_machine()} is at work on {RUN.id} ({work})"
        assert message == f"{expected}; wait for it or stop it"
    call(monkeypatch, program, "--run", RUN.id)


@pytest.mark.parametrize("other", ["settings", "code"])
def test_unfinished_work_of_other_settings_or_code_is_set_aside(monkeypatch, folder, capsys, other):
    configure(5000 if other == "settings" else 2)
    with monkeypatch.context() as its:
        its.setattr(train, "learn", lambda model, *its: interrupted(model, its[-1]))
        if other == "code":
            its.setattr(train.fingerprints, "of_job", lambda *modules: "0123456789ab")
        with pytest.raises(SystemExit):
            call(its, train, "--run", RUN.id)
    configure(2)
    call(monkeypatch, train, "--run", RUN.id)
    differing = "training.steps: 5000 there, 2 here" if other == "settings" else "code: 0123456789ab there, "
    assert f"({differing}" in capsys.readouterr().err
    assert json.loads((RUN.folder / "config.json").read_text())["training"]["steps"] == 2
    assert (RUN.state.with_name(f"{RUN.id}.old") / "state.pt").exists() and not RUN.state.exists()


def interrupted(model: torch.nn.Module, identity: dict) -> None:
    """A training that is stopped after its first step."""
    save_state(RUN.state / "state.pt", identity, {"model": model.state_dict(), "step": 1})
    raise train.Interrupted(signal.SIGTERM, 1)


def test_weights_never_stand_beside_the_configuration_of_others(monkeypatch, folder):
    """A kill between the two files of a run that is trained again."""
    call(monkeypatch, train, "--run", RUN.id)
    configure(3)
    monkeypatch.setattr(building, "save_weights", lambda *_: sys.exit("killed"))
    with pytest.raises(SystemExit):
        call(monkeypatch, train, "--run", RUN.id)
    assert "weights.safetensors is missing" in refused(monkeypatch, evaluate, RUN.id)


def test_what_dead_programs_left_is_removed_by_the_next_and_nothing_else(monkeypatch, folder):
    ended = subprocess.Popen(["true"])
    ended.wait()
    results = folder / "results"
    kept = {f".a.h5.another-{this_machine()}.{ended.pid}.part", f".a.h5.{this_machine()}.{os.getpid()}.part", "a.part"}
    for name in (*kept, f".a.h5.{this_machine()}.{ended.pid}.part"):
        (results / "data" / name).touch()
    (results / f".b.hdr.{this_machine()}.{ended.pid}.part").mkdir()
    call(monkeypatch, prepare, "--dataset", "synthetic")
    assert {path.name for path in results.rglob("*")} == {"data", "synthetic.h5", *kept}


LASTING = """
import sys, time
from pathlib import Path
from ssif.io import whole_file
from workflow.steps.processes import program
@program
def main():
    with whole_file("out") as temporary:
        temporary.touch()
        time.sleep(60)
main()
"""


def test_a_program_stops_with_its_snakemake_and_leaves_nothing(tmp_path):
    with subprocess.Popen(["sleep", "60"]) as snakemake:
        environment = os.environ | {"PYTHONPATH": str(ROOT), processes.STARTER: str(snakemake.pid)}
        with subprocess.Popen([sys.executable, "-c", LASTING], cwd=tmp_path, env=environment) as child:
            while not list(tmp_path.iterdir()):
                time.sleep(0.05)
            time.sleep(1)
            assert child.poll() is None
            # Killed, and nobody has asked for its exit status yet.
            snakemake.kill()
            assert child.wait(10) == 128 + signal.SIGTERM
    assert not list(tmp_path.iterdir())


def test_ctrl_c_ends_a_program_without_a_traceback():
    @exit_cleanly
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 128 + signal.SIGINT
