"""EnMAP L2A: reflectance of 224 bands, VNIR then SWIR, whose wavelengths overlap; the file's order is kept."""

from ssif.formats.products import geotiff_product

TAGS = ("wavelengthCenterOfBand", "FWHMOfBand", "GainOfBand", "OffsetOfBand")
PRODUCT = geotiff_product.product("EnMAP L2A", r"ENMAP\d\d-.{4}L2A-", "bandCharacterisation/{*}bandID", TAGS)
