"""Products of space agencies, with one module for each layout (docs/predict.md). They are only read."""

import re
from pathlib import Path

from ssif.formats import torn
from ssif.formats.header import Kind
from ssif.formats.products import dlr, emit, pace, prisma, sentinel2

PRODUCTS = [dlr.ENMAP, dlr.DESIS, prisma.PRODUCT, emit.PRODUCT, pace.PRODUCT, sentinel2.PRODUCT]
# Files with metadata, quick looks, quality layers and uncertainties.
BESIDE = re.compile(r"(ENMAP|DESIS).*-(METADATA|QL_\w+)\.\w+|EMIT_L2A_(RFLUNCERT|MASK)_.*\.nc", re.IGNORECASE)


def product_of(path: Path) -> Kind | None:
    """The product in a file or a folder, or None. Raises UserError for a torn HDF5 file."""
    with torn.one_line(path):
        return next((product for product in PRODUCTS if product.matches(path)), None)


def is_beside(path: Path) -> bool:
    """Whether the file accompanies the image of a product."""
    return BESIDE.fullmatch(path.name) is not None
