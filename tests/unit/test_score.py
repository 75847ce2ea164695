"""`ssif score`: two images in any formats, matched by wavelength and georeference, scored as in the workflow."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ssif import cli
from ssif.bands import Bands
from ssif.errors import UserError
from ssif.formats.header import Header
from ssif.metrics import evaluate
from ssif.tool.score import score
from tests.predicting import HEADER, write

random = np.random.default_rng(0)
TRUTH = random.uniform(0.1, 0.9, (20, 24, 6)).astype(np.float32)
PREDICTION = (TRUTH + random.normal(0, 0.05, TRUTH.shape)).astype(np.float32)
SIX = Bands.from_centres(np.arange(425, 700, 50), 50)
PLAIN = Header(20, 24, 6, "float32", SIX)
PLACED = replace(PLAIN, crs=HEADER.crs, transform=(10.0, 0.0, 5e5, 0.0, -10.0, 5.1e6))


def tensor(values) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).permute(2, 0, 1)


def scored(one: Path, two: Path, **options) -> tuple[dict, list[str]]:
    lines = []
    return score(one, two, lines.append, **options), lines


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "a.hdr", PLAIN, PREDICTION), write(tmp_path / "b.nc", PLAIN, TRUTH)


def test_scores_are_those_of_the_metrics(files):
    found, lines = scored(*files, p=4)
    assert found == pytest.approx(evaluate(tensor(PREDICTION), tensor(TRUTH), 4), rel=1e-9) and not lines


def test_bands_are_matched_by_wavelength_and_bad_ones_left_out(tmp_path, files):
    order = [3, 0, 5, 1, 4, 2]
    header = replace(PLAIN, bands=Bands(SIX.edges[order]), good=(True, True, False, True, True, True))
    found, _ = scored(files[0], write(tmp_path / "c.tif", replace(header, good=()), TRUTH[..., order]))
    assert found == pytest.approx(evaluate(tensor(PREDICTION), tensor(TRUTH), 1), rel=1e-9)
    kept = [i for i in range(6) if i != 5]
    prediction = write(tmp_path / "d.hdr", replace(header, bands=SIX, good=tuple(i != 5 for i in range(6))), PREDICTION)
    found, _ = scored(prediction, files[1])
    assert found == pytest.approx(evaluate(tensor(PREDICTION[..., kept]), tensor(TRUTH[..., kept]), 1), rel=1e-9)


def test_a_finer_truth_is_averaged(tmp_path, files):
    coarse = TRUTH.reshape(20, 24, 3, 2).mean(axis=-1)
    prediction = write(tmp_path / "c.hdr", replace(PLAIN, count=3, bands=SIX.parts(3)), coarse + 0.01)
    found, (line,) = scored(prediction, files[1])
    assert found["rmse"] == pytest.approx(0.01, rel=1e-4) and "mean of the bands" in line


def test_images_lie_on_each_other_by_georeference(tmp_path):
    truth = write(tmp_path / "b.tif", PLACED, TRUTH)
    inside = replace(PLACED, height=15, width=14, transform=(10.0, 0.0, 5e5 + 30, 0.0, -10.0, 5.1e6 - 20))
    found, (line,) = scored(write(tmp_path / "a.tif", inside, PREDICTION[2:17, 3:17]), truth)
    assert found == pytest.approx(evaluate(tensor(PREDICTION[2:17, 3:17]), tensor(TRUTH[2:17, 3:17]), 1), rel=1e-9)
    assert line == "scored on the 15 x 14 pixels that both images have"


def test_no_data_in_either_is_left_out(tmp_path):
    holed = PREDICTION.copy()
    holed[0, 0] = np.nan
    full = TRUTH.copy()
    full[19, 23, 2] = np.nan
    known = torch.ones(20, 24, dtype=torch.bool)
    known[0, 0] = known[19, 23] = False
    found, (line,) = scored(write(tmp_path / "a.hdr", PLAIN, holed), write(tmp_path / "b.hdr", PLAIN, full))
    assert found == pytest.approx(evaluate(tensor(PREDICTION), tensor(TRUTH), 1, known), rel=1e-9)
    assert line.startswith("2 of 480 pixels are left out")


def test_units_of_the_two_may_differ(tmp_path, files):
    truth = write(tmp_path / "c.tif", replace(PLAIN, dtype="uint16"), np.rint(TRUTH * 10000))
    found, _ = scored(files[0], truth, truth_white=10000)
    assert found["rmse"] == pytest.approx(evaluate(tensor(PREDICTION), tensor(TRUTH), 1)["rmse"], rel=1e-3)
    with pytest.raises(UserError, match=r"c\.tif: most values are above 1; give .* with --white or --truth-white"):
        scored(files[0], truth)
    with pytest.raises(UserError, match=r"c\.tif contains uint16 without a scale factor; give the value of white"):
        scored(truth, files[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 19}, "has 20 x 24 pixels, .* has 19 x 24 pixels, and at least one has no georeference"),
        ({"bands": Bands(SIX.edges + 1000)}, "the bands of .*c.nc, 1400-1450.* do not cover those of .*a.hdr, 400-450"),
        ({"bands": None, "count": 5}, "a.hdr has 6 bands, .*c.nc has 5, and at least one has no wavelengths"),
    ],
)  # fmt: skip
def test_images_that_do_not_fit(tmp_path, files, change, message):
    header = replace(PLAIN, **change)
    with pytest.raises(UserError, match=message):
        scored(files[0], write(tmp_path / "c.nc", header, TRUTH[: header.height, :, : header.count]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"crs": HEADER.crs.replace("32632", "32633").replace("zone 32N", "zone 33N").replace(",9]", ",15]")}, "different coordinate systems"),
        ({"transform": (20.0, 0.0, 5e5, 0.0, -20.0, 5.1e6)}, "differ in size or direction; resample"),
        ({"transform": (10.0, 0.0, 5e5 + 3, 0.0, -10.0, 5.1e6)}, "lie 0.00 rows and 0.30 columns off those of"),
        ({"transform": (10.0, 0.0, 6e5, 0.0, -10.0, 5.1e6)}, "do not overlap"),
    ],
)  # fmt: skip
def test_grids_that_do_not_fit(tmp_path, change, message):
    one = write(tmp_path / "a.tif", PLACED, PREDICTION)
    with pytest.raises(UserError, match=message):
        scored(one, write(tmp_path / "b.tif", replace(PLACED, **change), TRUTH))


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_the_command(files, monkeypatch, capsys, form):
    monkeypatch.setattr(sys, "argv", ["ssif", "score", *map(str, files), "--scale", "4", "--format", form])
    cli.main()
    printed, wanted = capsys.readouterr().out, evaluate(tensor(PREDICTION), tensor(TRUTH), 4)
    if form == "json":
        assert json.loads(printed) == pytest.approx(wanted, rel=1e-9)
    elif form == "csv":
        names, values = printed.split()
        assert names == ",".join(wanted) and np.allclose(
            list(map(float, values.split(","))), list(wanted.values()), rtol=1e-5
        )
    else:
        assert (
            re.search(rf"^mpsnr +{wanted['mpsnr']:.4f} dB$", printed, re.MULTILINE) and len(printed.splitlines()) == 7
        )
