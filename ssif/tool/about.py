"""The description of an image, of weights or of a prepared data set in lines (`ssif info`)."""

import json
from pathlib import Path

import h5py
import numpy as np

from ssif import formats, published
from ssif.errors import flat
from ssif.formats import raster, torn
from ssif.formats.header import Header
from ssif.hdf5 import opened, own


def about(path: Path, key: str | None = None) -> str:
    """Describe `path`, or published weights by name. Raises UserError for a file of another kind."""
    if path.suffix == ".safetensors" or str(path) in published.FILES:
        return _weights(path)
    if key is None and _is_prepared(path):
        return _prepared(path)
    with formats.open_image(path, key) as image, torn.one_line(path):
        return "\n".join(_image(path, image.header))


def _is_prepared(path: Path) -> bool:
    if not path.is_file() or not h5py.is_hdf5(path):
        return False
    try:
        with opened(path) as file:
            return own(file, "scenes") is not None and "choices" in file.attrs
    except torn.FAILURES:
        return False


def _prepared(path: Path) -> str:
    from ssif.data.store import Store

    store = Store(path)
    lines = [f"{path}: {store.bands}, MSI of {store.channels} channels, raw values / {store.scale:g}"]
    lines += [f"{key}: {value}" for key, value in store.choices.items()]
    for split in ("train", "test"):
        for name in store.names(split):
            hsi, _ = store.scene(name)
            lines.append(
                f"{split} {name}: {hsi.shape[0]} x {hsi.shape[1]}, mean {hsi.mean():.4f}, largest {hsi.max():.4f}"
            )
    return "\n".join(lines)


def _weights(path: Path) -> str:
    from ssif.pretrained import load

    model = load(path)
    parameters = sum(parameter.numel() for parameter in model.network.parameters())
    lines = [f"{path}: {model.card['network']}, {parameters} parameters"]
    return "\n".join(lines + [f"{key}: {json.dumps(value)}" for key, value in model.card.items() if key != "network"])


def _image(path: Path, header: Header) -> list[str]:
    good = f", {sum(header.good)} of them good" if header.good else ""
    lines = [f"{path}: {header.height} x {header.width} pixels, {header.count} bands of {header.dtype}{good}"]
    if header.bands is None:
        lines.append("wavelengths: none in the file")
    else:
        lines.append(
            f"wavelengths: {header.bands.edges.min():g}-{header.bands.edges.max():g} nm, written in {header.unit}"
        )
        lines += [_band(header, i) for i in range(header.count)]
    if header.scale is not None:
        lines.append(f"values: stored * {_few(header.scale)} + {_few(header.offset)}")
    if header.nodata is not None:
        lines.append(f"no data: {header.nodata:g}")
    if header.transform:
        lines.append(f"transform: {', '.join(f'{value:.10g}' for value in header.transform)}")
    if header.crs:
        with raster.gdal(f"the coordinate reference system is not WKT: {header.crs[:80]!r}: ") as rasterio:
            code = rasterio.CRS.from_wkt(header.crs).to_epsg()
        name = header.crs.split('"')[1] if '"' in header.crs else header.crs
        lines.append(f"coordinates: {f'EPSG:{code}' if code else flat(name)}")
    if header.provenance:
        lines.append(f"provenance: {flat(header.provenance)}")
    return lines + [f"note: {line}" for line in header.notes]


def _band(header: Header, i: int) -> str:
    start, end = header.bands.edges[i]
    name = f" {flat(header.names[i])}" if header.names else ""
    bad = ", bad" if header.good and not header.good[i] else ""
    return f"band {i + 1}{name}: {start:g}-{end:g} nm, centre {(start + end) / 2:g}, width {end - start:g}{bad}"


def _few(values) -> str:
    listed = np.ravel(values)
    return f"{listed[0]:g}" if len(listed) == 1 else f"({listed[0]:g}, ..., {listed[-1]:g})"
