"""Parts of any list of bands (real sensors, random ones; overlapping, with gaps, in any order), for every count."""

import hashlib
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssif.bands import Bands, coverage, cuts_matrix, irregular_cuts, parts_matrix, resampling_matrix
from ssif.data import cave, pavia_centre
from ssif.data.indian_pines import read as read_indian_pines
from ssif.formats.wavelengths import read_axis
from tests.band_lists import MADE, REAL, listed_bands, rows

LISTS = {name: partial(listed_bands, name) for name in (*MADE, *REAL)}
LISTS["enmap_l2a, bad bands too"] = partial(listed_bands, "enmap_l2a", bad=True)
LISTS["aviris of 10 nm"] = lambda: Bands.from_centres(rows("aviris_224")[0], 10)
LISTS["indian pines"] = lambda: read_indian_pines().bands
# sha256 of all parts (1 to 2 C) and weights (1 to C) with which results/reference was made.
PUBLISHED = {
    "cave": (cave.BANDS, "e83de9bf47943d91"),
    "pavia_centre": (pavia_centre.BANDS, "ec9ce67068ad319c"),
    "indian_pines": (read_indian_pines().bands, "e5f62adb7200228c"),
}


def overlap(bands: Bands) -> float:
    """The largest overlap of two neighbours on the band axis, in nm."""
    edges = bands.edges[np.argsort(bands.centres, kind="stable")]
    return max(0.0, float((edges[:-1, 1] - edges[1:, 0]).max(initial=0)))


def check_order(parts: Bands, bands: Bands) -> bool:
    assert (np.diff(parts.edges, axis=0) >= -1e-9).all()
    assert bands.edges.min() - 1e-9 <= parts.edges.min() and parts.edges.max() <= bands.edges.max() + 1e-9
    # No part is in a gap.
    assert coverage(bands, parts).min() > 0
    return True


def check_parts(bands: Bands, count: int) -> None:
    """The parts are in order and in range, and the weights agree with their wavelengths."""
    parts, weights = bands.parts(count), parts_matrix(bands, count)
    assert weights.shape == (count, len(bands))
    assert np.allclose(weights.sum(axis=1), 1) and weights.min() >= 0
    if count == len(bands):
        assert parts == bands and np.array_equal(weights, np.eye(count))
        return
    check_order(parts, bands)
    if count < len(bands):
        low = np.maximum(parts.edges[:, None, 0], bands.edges[:, 0])
        high = np.minimum(parts.edges[:, None, 1], bands.edges[:, 1])
        assert (high - low)[weights > 1e-9].min() > 0
        # All bands have the same weight in total, and the mean wavelength is inside the part.
        assert np.allclose(weights.sum(axis=0), count / len(bands))
        mean, slack = weights @ bands.centres, overlap(bands) + 1e-9
        assert (mean > parts.edges[:, 0] - slack).all() and (mean < parts.edges[:, 1] + slack).all()
    else:
        inside = (parts.edges[:, 0] >= bands.centres.min()) & (parts.edges[:, 1] <= bands.centres.max())
        assert np.allclose((weights @ bands.centres)[inside], parts.centres[inside])


@pytest.mark.parametrize("name", LISTS)
def test_parts_of_listed_bands(name):
    bands = LISTS[name]()
    for count in range(1, 2 * len(bands) + 1):
        parts = bands.parts(count)
        assert len(parts) == count and (count == len(bands) or check_order(parts, bands))
        # Interpolation is slow.
        if count <= len(bands) or count % 16 == 0:
            check_parts(bands, count)


@pytest.mark.parametrize("name", ["two_detectors", "gaps", "enmap_l2a", "aviris of 10 nm", "hyspex_gaps"])
def test_the_mean_wavelength_lies_in_the_part(name):
    bands = LISTS[name]()
    for count in range(1, len(bands)):
        mean, parts = parts_matrix(bands, count) @ bands.centres, bands.parts(count)
        assert (mean > parts.edges[:, 0]).all() and (mean < parts.edges[:, 1]).all(), count


# The centres are on a coarse grid, so that some are equal; the widths go from very small to larger than the whole range.
LIST = st.lists(
    st.tuples(st.integers(40, 90).map(lambda ten: 10.0 * ten), st.floats(0.01, 300)), min_size=1, max_size=12
)


@settings(max_examples=60, deadline=None)
@given(LIST)
def test_parts_of_random_lists(its):
    bands = Bands([[centre - width / 2, centre + width / 2] for centre, width in its])
    for count in range(1, 2 * len(bands) + 1):
        check_parts(bands, count)


@settings(max_examples=30, deadline=None)
@given(LIST.filter(lambda bands: len({centre for centre, _ in bands}) == len(bands)), st.randoms(use_true_random=False))
def test_the_order_of_a_list_changes_nothing(its, random):
    edges = np.array([[centre - width / 2, centre + width / 2] for centre, width in its])
    order = random.sample(range(len(its)), len(its))
    bands, other = Bands(edges), Bands(edges[order])
    for count in set(range(1, 2 * len(its) + 1)) - {len(its)}:
        assert bands.parts(count) == other.parts(count)
        assert np.allclose(parts_matrix(bands, count)[:, order], parts_matrix(other, count))
        assert np.array_equal(resampling_matrix(other, other.parts(count)), parts_matrix(other, count))


@pytest.mark.parametrize("name", LISTS)
def test_irregular_parts_of_listed_bands(name):
    bands, rng = LISTS[name](), np.random.default_rng(0)
    for count in range(1, len(bands) + 1):
        cuts = irregular_cuts(len(bands), count, rng.random(count - 1))
        parts, mean = bands.between(cuts), cuts_matrix(bands, cuts) / np.diff(cuts)[:, None] @ bands.centres
        check_order(parts, bands)
        assert (mean > parts.edges[:, 0] - 1e-9).all() and (mean < parts.edges[:, 1] + 1e-9).all()


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_parts_are_what_they_were(name):
    bands, digest = PUBLISHED[name]
    found = hashlib.sha256()
    for count in range(1, 2 * len(bands) + 1):
        found.update(bands.parts(count).edges.tobytes())
        if count <= len(bands):
            found.update(parts_matrix(bands, count).tobytes())
    assert found.hexdigest()[:16] == digest


def test_a_narrow_band_within_a_wide_one_by_hand():
    bands = Bands([[500, 510], [400, 600], [700, 710]])
    # Cells: 400-502.5 and 502.5-510 of the first two, by the midpoint of 500 and 505.
    assert np.allclose(bands.parts(2).edges, [[400, 506.25], [506.25, 710]])
    assert np.allclose(parts_matrix(bands, 2), [[1 / 3, 2 / 3, 0], [1 / 3, 0, 2 / 3]])
    assert np.allclose(bands.parts(6).edges[:2], [[400, 451.25], [451.25, 502.5]])


@pytest.mark.parametrize("name", ["gaps", "hyspex_gaps"])
def test_bands_without_widths_beside_a_gap_keep_their_centre(name):
    centres, widths, _ = rows(name)
    bands, _, notes = read_axis(centres, widths, "nm")
    assert np.allclose(bands.centres, centres, rtol=0, atol=1e-9)
    if name == "hyspex_gaps":
        assert np.allclose(bands.edges[132], [1312.51, 1318.51], atol=1e-4)
    assert bands.widths.max() < 15
    steps = np.diff(centres)
    assert np.allclose(bands.widths, np.minimum(np.append(np.inf, steps), np.append(steps, np.inf)), atol=1e-5)
    assert notes == ("the file has no band widths, so each band is as wide as the smaller step to its neighbours",)


def test_bands_without_widths_of_overlapping_detectors():
    centres, widths, good = rows("aviris_224")
    bands, _, _ = read_axis(centres, widths, "nm")
    assert np.allclose(bands.centres, centres, rtol=0, atol=1e-9)
    # Band 32 is the last of its detector and 2 nm from the next band.
    assert bands.widths[good].min() > 9 and bands.widths[31] == pytest.approx(9.796)
    # In another order there are no detectors.
    shuffled = [500, 600, 400, 450, 560]
    assert read_axis(shuffled, None, "nm")[0].widths.tolist() == [50, 40, 50, 50, 40]
