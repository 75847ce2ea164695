"""docs/published-weights.md: our own weights are published, and another preset takes them instead of training."""

import contextlib
import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

import ssif
from ssif.checkpoint import load_card, save_weights
from tests.programs import configure, make, run
from tests.snake import ROOT, jobs, snakemake
from workflow import publish, train

TABLE = "results/table1.csv"
METHODS = ["bicubic", "us3rn", "liif", "ssif+"]
NETWORKS = ["bicubic", "us3rn.p2.C31", "liif.C31", "ssif+"]
SCORES = ["psnr", "ssim", "sam"]


def write(path: Path, name: str, steps: int = 20, hidden: int = 64, **changes) -> Path:
    """A preset of the four methods at p = 2, with few steps."""
    config = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    data = config["datasets"]["synthetic"]
    del data["land_use"]
    data |= {"scales": {"train": [1, 2], "test": [2]}, "counts": {"train": [8, 31], "test": [31]}}
    data["training"]["steps"] = steps
    data["network"]["hidden"] = hidden
    config |= {"preset": name, "methods": METHODS, "tables": {"table1": "synthetic"}, "figures": {}, "ablations": {}}
    path.write_text(yaml.safe_dump(config | changes))
    return path


def program(folder: Path, its, *arguments: str) -> str | None:
    """Run a program with config.yaml in `folder`; its one line where it refuses."""
    with contextlib.chdir(folder):
        return run(its, *arguments)


def file(network: str, folder: str = "published") -> str:
    return f"{folder}/synthetic.{network}.s0.safetensors"


def run_folder(folder: Path, preset: str, network: str) -> Path:
    return folder / f"results/runs/{preset}/synthetic/synthetic.{network}.s0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the table of a preset that was trained, trained.csv, and its weights in `published`."""
    folder = tmp_path_factory.mktemp("published")
    write(folder / "config.yaml", "small")
    with contextlib.chdir(folder):
        make()
        Path(TABLE).rename("trained.csv")
    assert program(folder, publish, "published") is None
    assert {path.name for path in (folder / "published").iterdir()} == {Path(file(name)).name for name in NETWORKS}
    return folder


@pytest.fixture(scope="module")
def taken(folder) -> Path:
    """The same with the table of a second preset, which takes the published weights."""
    snakemake(folder, write(folder / "again.yaml", "again", weights="published"), TABLE)
    return folder


def test_weights_that_are_taken_score_as_those_that_were_trained(taken):
    trained, again = pd.read_csv(taken / "trained.csv"), pd.read_csv(taken / TABLE)
    assert set(trained["preset"]) == {"small"} and set(again["preset"]) == {"again"} and len(again) == len(METHODS)
    same = ["model", "p", "distribution", "seeds", "parameters", "steps", "minutes", "trained_at"]
    assert trained[same].equals(again[same])
    assert (trained[SCORES] - again[SCORES]).abs().max(axis=None) < 0.01
    assert trained["steps"].tolist() == [0, 20, 20, 20]


def test_nothing_is_trained_and_then_there_is_nothing_to_be_done(taken):
    for name in NETWORKS:
        assert (run_folder(taken, "again", name) / "train.jsonl").read_text() == ""
        record, before = (
            json.loads((run_folder(taken, preset, name) / "config.json").read_text()) for preset in ("again", "small")
        )
        assert record.pop("published")["file"] == Path(file(name)).name
        assert record | {"preset": "small"} == before
    assert "Nothing to be done" in snakemake(taken, taken / "again.yaml", TABLE)


def test_what_is_published_anew_is_taken_anew(taken):
    path = taken / file("liif.C31")
    before, card = path.read_bytes(), load_card(path)
    network = ssif.load(path).network
    network.decoder.last.bias += 0.1
    save_weights(network, path, card)
    planned = jobs(snakemake(taken, taken / "again.yaml", "--dry-run", TABLE))
    assert planned == {"train": 1, "evaluate": 1, "table": 1, "total": 3}
    path.write_bytes(before)


def test_published_weights_are_small_and_say_how_they_were_trained(folder):
    path = folder / file("liif.C31")
    record = load_card(path)["record"]
    assert record["training"]["steps"] == 20 and record["seconds"] > 0 and record["commit"]
    trained = run_folder(folder, "small", "liif.C31") / "weights.safetensors"
    assert path.stat().st_size < 0.8 * trained.stat().st_size
    assert ssif.load(path).card["network"] == "LIIF"


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({"steps": 30}, "training.steps: 20 there, 30 here"),
        ({"hidden": 48}, "network.hidden: 64 there, 48 here"),
        ({"precision": "bfloat16", "antialias": True},
         "antialias: False there, True here, precision: auto there, bfloat16 here"),
    ],
)  # fmt: skip
def test_an_edited_preset_is_refused(folder, change, keys):
    write(folder / "config.yaml", "edited", weights="published", **change)
    said = program(folder, train, "--run", "synthetic.ssif+.s0")
    assert said == f"error: {file('ssif+')} was not trained with the settings of edited: {keys}"
    assert not (run_folder(folder, "edited", "ssif+") / "weights.safetensors").exists()


def test_weights_that_are_missing_are_named(folder):
    path = write(folder / "config.yaml", "lost", weights="elsewhere")
    said = program(folder, train, "--run", "synthetic.liif.C31.s0")
    assert said.startswith(f"error: cannot read weights from {file('liif.C31', 'elsewhere')}: ")
    output = snakemake(folder, path, run_folder(Path(), "lost", "liif.C31") / "metrics.csv", fails=True)
    assert "Missing input files for rule train" in output
    assert re.findall(r"^ +(\S+\.safetensors)$", output, re.MULTILINE) == [file("liif.C31", "elsewhere")]


def test_weights_without_a_record_are_refused(folder):
    """Such as those of a run, which were not published."""
    weights = run_folder(folder, "small", "liif.C31") / "weights.safetensors"
    (folder / "bare").mkdir()
    (folder / file("liif.C31", "bare")).write_bytes(weights.read_bytes())
    write(folder / "config.yaml", "bare", weights="bare")
    said = program(folder, train, "--run", "synthetic.liif.C31.s0")
    assert said.startswith(f"error: {file('liif.C31', 'bare')} was not trained with the settings of bare: ")
    assert "training: absent there, " in said


def test_a_run_that_is_not_finished_is_not_published(folder):
    write(folder / "config.yaml", "unfinished")
    said = program(folder, publish, "none")
    assert re.fullmatch(r"error: \S+weights\.safetensors is missing: python -m workflow\.train --run \S+", said)
    assert not (folder / "none").exists()


def test_what_tables_need_is_published_and_no_more(tmp_path, monkeypatch):
    """With the classifier of Table 3, without networks of figures and ablations."""
    monkeypatch.chdir(tmp_path)
    configure(methods=["bicubic", "liif"])
    published = []
    monkeypatch.setattr(publish, "open_data", lambda *_: None)
    monkeypatch.setattr(publish, "publish", lambda _, its, *__: published.append(its.id) or Path("config.yaml"))
    assert run(publish, "published") is None
    names = [name.removeprefix("synthetic.").removesuffix(".s0") for name in published]
    fields = ["ssif-m", "ssif-rf-gs", "ssif-rf-gf", "ssif-rf-us", "ssif-rf-uf"]
    of_robustness = ["us3rn.p2.C31", "ssif+"]
    assert sorted(names) == sorted(
        ["bicubic", "liif.C31", *fields, "ssif-rf-uf.intervals-irregular", "a2s2k", *of_robustness]
    )
