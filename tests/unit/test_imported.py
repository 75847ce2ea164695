"""Which runs are imported, and what is said of them under a table."""

import json

import pytest

from workflow.config import presets
from workflow.plan import imported, runs
from workflow.plan.runs import Run
from workflow.plan.targets import networks, targets

CONFIG = presets.load("config/smoke.yaml")
SOURCE = {"file": "_epoch_152.pth", "sha256": "0123456789abcdef" * 4}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def there(name: str, record: dict | str) -> Run:
    """A finished run with this config.json."""
    run = runs.find(networks(CONFIG), f"synthetic.{name}.s0")
    run.folder.mkdir(parents=True, exist_ok=True)
    run.weights.write_bytes(b"")
    (run.folder / "config.json").write_text(record if isinstance(record, str) else json.dumps(record))
    return run


def test_the_line_under_a_table_names_every_imported_network_behind_it():
    assert all(imported.lines(CONFIG, target) == [] for target in targets(CONFIG).values())
    for name in ("us3rn.p2.C31", "rcan-msi.p3", "a2s2k"):
        there(name, {"imported": SOURCE})
    there("us3rn.p3.C31", {"parameters": 3})
    from_file = "from _epoch_152.pth (sha256 0123456789ab)"
    said = "Imported weights, not trained here: "
    assert imported.lines(CONFIG, targets(CONFIG)["table1"]) == [
        f"{said}rcan-msi.p3.s0 {from_file}; us3rn.p2.C31.s0 {from_file}."
    ]
    assert imported.lines(CONFIG, targets(CONFIG)["table3"]) == [f"{said}a2s2k.s0 {from_file}."]
    assert imported.lines(CONFIG, targets(CONFIG)["table_sensors"]) == []


def test_no_weights_or_no_word_of_an_import_is_none():
    run = there("us3rn.p2.C31", {"imported": SOURCE})
    assert imported.origin(run) == "_epoch_152.pth (sha256 0123456789ab)"
    # An import that was killed before its weights were there.
    run.weights.unlink()
    assert imported.origin(run) is None
    for record in ({"parameters": 3}, "{torn", "", "[]", {"imported": None}):
        assert imported.origin(there("us3rn.p2.C31", record)) is None
