"""Small files in the layout of each product, written here because no product may be kept, and metadata in XML that are wrong."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import rasterio

CENTRES, WIDTHS = (423.874, 550.0, 650.5, 643.25, 1343.18), (6.6675, 7.0, 8.0, 9.0, 11.3624)
ENMAP = "ENMAP01-____L2A-DT0000002446_20220724T104526Z_001_V010400_20240101T000000Z"
DESIS = "DESIS-HSI-L2A-DT0483531728_001-20200816T202011-V0210"
BANDS = {
    ENMAP: "<bandID number='{}'><wavelengthCenterOfBand>{}</wavelengthCenterOfBand><FWHMOfBand>{}</FWHMOfBand>"
    "<GainOfBand>{}</GainOfBand><OffsetOfBand>{}</OffsetOfBand></bandID>",
    DESIS: "<band><bandNumber>{}</bandNumber><wavelengthCenterOfBand>{}</wavelengthCenterOfBand>"
    "<wavelengthWidthOfBand>{}</wavelengthWidthOfBand><gainOfBand>{}</gainOfBand><offsetOfBand>{}</offsetOfBand></band>",
}
SUFFIXES = {ENMAP: (".TIF", ".XML"), DESIS: (".tif", ".xml")}
PLACE = rasterio.Affine(30, 0, 366975, 0, -30, 5808045)
FIELDS = "HDFEOS/SWATHS/PRS_L2D_HCO/Data Fields"
SAFE = "S2A_MSIL2A_20220724T104631_N0400_R051_T33UUU_20220724T170001.SAFE"
IMAGES = "GRANULE/L2A_T33UUU_A037015_20220724T104632/IMG_DATA"
# bandId, name, resolution, MIN, MAX of the measured bands.
MSI = [
    (1, "B02", 10, 456, 532), (2, "B03", 10, 536, 582), (3, "B04", 10, 646, 685), (4, "B05", 20, 695, 714),
    (7, "B08", 10, 774, 907), (8, "B8A", 20, 837, 881), (0, "B01", 60, 412, 456), (12, "B12", 20, 2065, 2303),
]  # fmt: skip
FOLDERS = {
    "10m": ("B02", "B03", "B04", "B08"),
    "20m": ("B02", "B03", "B04", "B05", "B12", "B8A"),
    "60m": ("B01", "B8A"),
}
# Latitudes and longitudes of a swath of 8 x 6 pixels that passes 180 degrees.
PLACES = (
    50 - 0.01 * np.arange(8)[:, None] + 0.002 * np.arange(6),
    (179.97 + 0.001 * np.arange(8)[:, None] + 0.01 * np.arange(6) + 180) % 360 - 180,
)
SIDE = {"10m": 12, "20m": 6, "60m": 2}
# What becomes of the text, None for a file that is missing, and the message.
WRONG_XML = [
    (lambda text: None, "the metadata file .*XML is missing"),
    (lambda text: text[:300], r"is not a whole .xml file \("),
    (lambda text: "<!DOCTYPE a [<!ENTITY b 'c'>]>" + text.partition("?>")[2], "has a document type"),
]


def rewrite(path: Path, change: Callable[[str], str | None]) -> None:
    """Change the text of a file, or remove the file."""
    text = change(path.read_text())
    path.unlink()
    if text is not None:
        path.write_text(text)


def dlr_metadata(name: str, count: int = len(CENTRES), gain: str = "0.0001") -> str:
    bands = "".join(BANDS[name].format(i + 1, CENTRES[i], WIDTHS[i], gain, "0") for i in range(count))
    return (
        "<?xml version='1.0' encoding='UTF-8'?><hsi_doc><metadata><comment>of the scene</comment></metadata><specific>"
        f"<bandCharacterisation>{bands}</bandCharacterisation></specific></hsi_doc>"
    )


def write_dlr(place: Path, name: str) -> tuple[Path, Path, np.ndarray]:
    """EnMAP or DESIS: image, metadata and stored values [5, 8, 6].

    The values have a pixel without data, a negative and the largest value, and no data at all in the last band.
    """
    stored = np.random.default_rng(0).integers(100, 4000, (len(CENTRES), 8, 6)).astype(np.int16)
    stored[:, 0, 0] = stored[4] = -32768
    stored[0, 1, 1], stored[1, 1, 1] = -25, 32767
    tif, xml = SUFFIXES[name]
    image, text = place / f"{name}-SPECTRAL_IMAGE{tif}", place / f"{name}-METADATA{xml}"
    profile = {"driver": "GTiff", "height": 8, "width": 6, "count": len(CENTRES), "dtype": "int16", "nodata": -32768}
    with rasterio.open(image, "w", **profile, crs="EPSG:32633", transform=PLACE) as target:
        target.write(stored)
    text.write_text(dlr_metadata(name))
    return image, text, stored


def _reflectance(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.05, 0.6, shape).astype(np.float32)


def write_prisma(place: Path) -> Path:
    """L2D: VNIR of 4 bands of which the last is missing, SWIR of 2 bands, wavelengths decreasing, zeros for the missing one."""
    path = place / "PRS_L2D_STD_20200408101454_20200408101458_0001.he5"
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for name, centres in (("Vnir", [650, 550, 450, 0]), ("Swir", [2100, 1000])):
            upper, shape = name.upper(), (8, len(centres), 6)
            stored = random.integers(1000, 30000, shape).astype(np.uint16)
            errors = np.zeros(shape, np.uint8)
            stored[0, :, 0] = 0
            if name == "Vnir":
                stored[2, 1, 3], errors[1, :, 1], errors[1, 0, 2] = 65535, (0, 1, 2, 0), 3
            file[f"{FIELDS}/{upper}_Cube"], file[f"{FIELDS}/{upper}_PIXEL_L2_ERR_MATRIX"] = stored, errors
            flags = np.array(centres) > 0
            file.attrs.update({f"List_Cw_{name}": np.float32(centres), f"List_Fwhm_{name}": np.float32(flags * 10.0)})
            file.attrs.update({f"CNM_{upper}_SELECT": flags.astype(np.uint8), f"L2Scale{name}Min": np.float32(0)})
        file.attrs.update(
            {"L2ScaleVnirMax": np.float32(1.5), "L2ScaleSwirMax": np.float32(1.25), "Epsg_Code": np.uint32(32633)}
        )
        corners = {"ULcorner_easting": 5e5, "ULcorner_northing": 6e6}
        corners |= {"LRcorner_easting": 5e5 + 30 * 5, "LRcorner_northing": 6e6 - 30 * 7}
        file.attrs.update({f"Product_{name}": value for name, value in corners.items()})
        file.attrs["Product_Name"] = "a text of variable length"
    return path


def swath(path: Path, name: str, fill: float) -> None:
    """Write an array of 8 x 6 pixels and 5 bands with no-data, negative, NaN and large values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = _reflectance(8, 6, 5)
    values[0, 0], values[1, 1, 0], values[2, 2, 0], values[3, 3, 1] = fill, -0.002, np.nan, 1.25
    with h5py.File(path, "w") as file:
        file[name] = values
        file[name].attrs["_FillValue"] = np.float32([fill])


def write_emit(place: Path) -> Path:
    """A swath of 8 x 6 pixels and 5 bands, one of which is not good and holds -0.01."""
    path = place / "EMIT_L2A_RFL_001_20220903T163129_2224611_012.nc"
    swath(path, "reflectance", -9999)
    with h5py.File(path, "r+") as file:
        file["reflectance"][1:, :, 4] = file["reflectance"][0, 1:, 4] = -0.01
        file["reflectance"].attrs["long_name"] = "Surface Reflectance"
        parameters = file.create_group("sensor_band_parameters")
        parameters["wavelengths"] = np.float32([450, 550, 650, 850, 1380])
        parameters["fwhm"] = np.float32([8.5, 8.25, 8, 8, 9])
        parameters["good_wavelengths"] = np.uint8([1, 1, 1, 1, 0])
        file["location/elev"] = np.zeros((8, 6))
        file["location/lat"], file["location/lon"] = PLACES
        for name in ("glt_x", "glt_y"):
            file[f"location/{name}"] = np.zeros((10, 9), np.int32)
        file.attrs["geotransform"] = [10.0, 5e-4, 0, 50, 0, -5e-4]
    return path


def write_pace(place: Path) -> Path:
    """A swath of 8 x 6 pixels and 5 bands, without band widths."""
    path = place / "PACE_OCI.20240501T101010.L2.SFREFL.V3_0.nc"
    swath(path, "geophysical_data/rhos", -32767)
    with h5py.File(path, "r+") as file:
        file["sensor_band_parameters/wavelength_3d"] = np.float64([450, 550, 650, 655, 2131])
        file["sensor_band_parameters/wavelength"] = np.float64([450, 452.5, 455])
        file["navigation_data/latitude"], file["navigation_data/longitude"] = map(np.float32, PLACES)
    return path


def safe_metadata(baseline: str = "04.00", response: str = "") -> str:
    listed = "".join(
        f"<IMAGE_FILE>{IMAGES}/R{size}/T33UUU_20220724T104631_{band}_{size}</IMAGE_FILE>"
        for size, bands in FOLDERS.items() for band in (*bands, "AOT", "TCI")
    )  # fmt: skip
    spectral = "".join(
        f"<Spectral_Information bandId='{i}' physicalBand='{band.replace('B0', 'B')}'><RESOLUTION>{size}</RESOLUTION>"
        f"<Wavelength><MIN unit='nm'>{low}</MIN><MAX unit='nm'>{high}</MAX><CENTRAL unit='nm'>{(low + high) / 2}</CENTRAL>"
        f"</Wavelength>{response}</Spectral_Information>"
        for i, band, size, low, high in MSI
    )
    offsets = "".join(f"<BOA_ADD_OFFSET band_id='{i}'>-1000</BOA_ADD_OFFSET>" for i in range(13))
    return (
        "<?xml version='1.0' encoding='UTF-8'?><n1:Level-2A_User_Product xmlns:n1='https://psd-14.sentinel2.eo.esa.int/PSD'>"
        f"<n1:General_Info><Product_Info><PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>{listed}</Product_Info>"
        "<Product_Image_Characteristics><BOA_QUANTIFICATION_VALUE unit='none'>10000</BOA_QUANTIFICATION_VALUE>"
        f"<BOA_ADD_OFFSET_VALUES_LIST>{offsets}</BOA_ADD_OFFSET_VALUES_LIST>{spectral}</Product_Image_Characteristics>"
        "</n1:General_Info></n1:Level-2A_User_Product>"
    )


def safe_values(size: str, band: str) -> np.ndarray:
    """Values without data at 0, 0, negative at 1, 1, saturated in B03 at 0, 1."""
    values = np.random.default_rng(sum(map(ord, band))).integers(1100, 9000, (SIDE[size],) * 2).astype(np.uint16)
    values[0, 0], values[1, 1] = 0, 975
    values[0, 1] = 65535 if band == "B03" else values[0, 1]
    return values


def write_sentinel2(folder: Path) -> Path:
    """A .SAFE folder with its bands of three resolutions."""
    place = folder / SAFE
    for size, bands in FOLDERS.items():
        (place / IMAGES / f"R{size}").mkdir(parents=True)
        pixel = int(size[:-1])
        for band in bands:
            profile = {
                "driver": "JP2OpenJPEG",
                "height": SIDE[size],
                "width": SIDE[size],
                "count": 1,
                "dtype": "uint16",
            }
            profile |= {"crs": "EPSG:32633", "transform": rasterio.Affine(pixel, 0, 3e5, 0, -pixel, 5.8e6)}
            path = place / IMAGES / f"R{size}" / f"T33UUU_20220724T104631_{band}_{size}.jp2"
            with rasterio.open(path, "w", **profile, QUALITY=100, REVERSIBLE="YES") as target:
                target.write(safe_values(size, band), 1)
    (place / "MTD_MSIL2A.xml").write_text(safe_metadata())
    return place
