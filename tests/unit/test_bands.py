"""Bands and resampling: energy is kept, the full count is the identity, no part falls into a gap."""

import numpy as np
import pytest

from ssif.bands import Bands, coverage, interpolation_matrix, overlap_matrix, parts_matrix, resampling_matrix
from ssif.data.indian_pines import read as read_indian_pines
from ssif.errors import UserError

CAVE = Bands.from_centres(np.arange(400, 701, 10), 10)
AVIRIS = read_indian_pines().bands


def test_cave_spans_395_to_705_nm():
    assert CAVE.edges.min() == 395 and CAVE.edges.max() == 705
    assert np.array_equal(CAVE.widths, np.full(31, 10))


@pytest.mark.parametrize("bands", [CAVE, AVIRIS], ids=["even", "with gaps and overlaps"])
def test_as_many_parts_as_bands_is_the_identity(bands):
    assert bands.parts(len(bands)) == bands
    assert np.array_equal(resampling_matrix(bands, bands.parts(len(bands))), np.eye(len(bands)))


@pytest.mark.parametrize("count", [1, 7, 8, 13, 31, 40, 62])
def test_parts_of_an_even_sensor_are_equal_intervals(count):
    parts = CAVE.parts(count)
    assert np.allclose(parts.widths, 310 / count)
    assert np.allclose(parts.edges[1:, 0], parts.edges[:-1, 1])
    if count <= 31:
        assert np.allclose(parts_matrix(CAVE, count), overlap_matrix(CAVE, parts))


@pytest.mark.parametrize("count", [1, 8, 50, 73, 199, 200, 250, 400, 999])
@pytest.mark.parametrize("bands", [CAVE, AVIRIS], ids=["even", "with gaps and overlaps"])
def test_every_resampling_keeps_energy(bands, count):
    weights = resampling_matrix(bands, bands.parts(count))
    assert weights.shape == (count, len(bands))
    assert np.allclose(weights.sum(axis=1), 1) and weights.min() >= 0


def test_parts_by_hand():
    bands = Bands([[0.5, 100], [100, 200], [400, 500]])  # the third band is after a gap
    parts = bands.parts(2)
    assert np.allclose(parts.edges, [[0.5, 150], [150, 500]])
    assert np.allclose(parts_matrix(bands, 2), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]])


def test_no_part_lies_in_a_gap():
    gaps = [
        (AVIRIS.edges[i, 1], AVIRIS.edges[i + 1, 0])
        for i in range(199)
        if AVIRIS.centres[i + 1] - AVIRIS.centres[i] > 20
    ]
    assert len(gaps) == 3
    for count in (50, 137, 200, 250, 800):
        for start, end in AVIRIS.parts(count).edges:
            assert not any(low <= start and end <= high for low, high in gaps)


def test_overlapping_intervals_by_hand():
    source = Bands([[400, 410], [410, 420], [420, 440]])
    target = Bands([[405, 415], [400, 440]])
    assert np.allclose(overlap_matrix(source, target), [[0.5, 0.5, 0], [0.25, 0.25, 0.5]])


def test_interpolation_is_the_exact_mean_of_the_piecewise_linear_spectrum():
    source = Bands.from_centres([500, 510, 520], 10)
    spectrum = np.array([0.0, 1.0, 0.0])
    target = Bands([[505, 515], [500, 510], [507, 509], [495, 500]])
    # mean over 505-515 of a tent of height 1 at 510: (0.75 + 0.75) / 2; rising half: 0.5; at 508: 0.8; before 500: 0
    assert np.allclose(interpolation_matrix(source, target) @ spectrum, [0.75, 0.5, 0.8, 0.0])
    with pytest.raises(UserError, match="is not inside"):
        interpolation_matrix(source, Bands([[400, 410]]))


def test_a_linear_spectrum_survives_more_bands_than_measured():
    target = CAVE.parts(93)
    inner = slice(3, -3)
    assert np.allclose((resampling_matrix(CAVE, target) @ CAVE.centres)[inner], target.centres[inner])


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (np.zeros((0, 2)), "one or more rows"),
        ([[400, 410, 420]], "got the shape"),
        ([[0.4, 0.41]], "micrometres"),
        ([[410, 400]], "band 0"),
        ([[400, 400]], "band 0"),
        ([[400, 410], [np.nan, 420]], "not finite"),
        ([[-5, 400]], "band 0"),
    ],
)
def test_bad_bands_are_refused(edges, message):
    with pytest.raises(UserError, match=message):
        Bands(edges)


def test_a_count_below_one_is_refused():
    with pytest.raises(UserError, match="at least 1"):
        CAVE.parts(0)


def test_a_target_without_source_is_refused():
    with pytest.raises(UserError, match="no source band covers"):
        overlap_matrix(CAVE, Bands([[800, 810]]))


def test_coverage_counts_an_overlap_once():
    source = Bands([[450, 500], [400, 460], [520, 540]])
    targets = Bands([[400, 500], [440, 470], [500, 520], [490, 530], [380, 420]])
    assert np.allclose(coverage(source, targets), [1, 1, 0, 0.5, 0.5])
