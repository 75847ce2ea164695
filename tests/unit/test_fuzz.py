"""A few seconds of tests/fuzz.py: broken files of every format are read or refused, nothing else."""

from tests import fuzz
from tests.linux import needs_proc


@needs_proc
def test_broken_files_are_read_or_refused():
    counts, findings = fuzz.run(minutes=0.1, least=400)
    assert not findings
    kinds, outcomes = zip(*counts)
    assert set(outcomes) == {"read", "refused"} and set(kinds) >= {
        *fuzz.CUBES,
        *fuzz.PRODUCTS,
        *fuzz.PICTURES,
        *fuzz.TABLES,
    }


def test_a_reader_that_raises_anything_else_is_found(monkeypatch, tmp_path):
    (originals, case) = tmp_path / "originals", tmp_path / "case"
    originals.mkdir()
    case.mkdir()

    def broken(path):
        raise ZeroDivisionError

    monkeypatch.setattr(fuzz, "open_image", broken)
    files = {"a.tif": fuzz.originals(originals)["a.tif"]}
    name, outcome = fuzz.case(files, case, seed=1)
    assert name == "a.tif" and outcome.startswith("seed 1:") and "ZeroDivisionError" in outcome
