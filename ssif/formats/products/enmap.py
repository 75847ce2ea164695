"""EnMAP L2A: reflectance of 224 bands in the order of the file, VNIR before SWIR, which overlap."""

from ssif.formats.products import geotiff_product

TAGS = ("wavelengthCenterOfBand", "FWHMOfBand", "GainOfBand", "OffsetOfBand")
PRODUCT = geotiff_product.product("EnMAP L2A", r"ENMAP\d\d-.{4}L2A-", "bandCharacterisation/{*}bandID", TAGS)
