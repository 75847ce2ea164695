"""Which bands of an image feed which channel of a network."""

import numpy as np
import pytest

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.matching import channel_matrix, matches
from ssif.sensors import parse_bands

AVIRIS = Bands.from_centres(np.arange(400, 2500, 10), 10)
IKONOS, _ = parse_bands("ikonos")


def test_a_sentinel_tile_fits_weights_of_ikonos():
    found, names = parse_bands("sentinel-2a")
    matrix = channel_matrix(found, IKONOS)
    taken = [[names[band] for band in np.flatnonzero(row)] for row in matrix]
    assert taken[:3] == [["B4"], ["B3"], ["B2"]] and "B8" in taken[3]
    assert np.allclose(matrix.sum(axis=1), 1)


def test_the_sensors_own_bands_are_taken_one_by_one_though_they_overlap():
    quickbird, _ = parse_bands("quickbird")
    assert np.array_equal(channel_matrix(quickbird, quickbird), np.eye(4))


def test_many_narrow_bands_are_averaged():
    matrix = channel_matrix(AVIRIS, Bands([[500, 530]]))
    assert np.allclose(matrix[0][AVIRIS.edges[:, 0] == 505], 1 / 3)
    assert matches(matrix, AVIRIS, Bands([[500, 530]])) == [
        "channel 1 (500-530 nm) takes the mean of bands 11 (495-505 nm), 12 (505-515 nm), 13 (515-525 nm), 14 (525-535 nm)"
    ]


def test_a_band_at_the_edge_of_a_channel_does_not_stand_for_it():
    with pytest.raises(UserError, match=r"no band of the image fits 600-700 nm: .* the image has 500-610 nm$"):
        channel_matrix(Bands([[500, 610]]), Bands([[600, 700]]))
    with pytest.raises(UserError, match=r"400-410, 410-420, 420-430, 430-440, \.\.\. \(10 bands\) nm"):
        channel_matrix(Bands.from_centres(np.arange(405, 505, 10), 10), Bands([[600, 700]]))
