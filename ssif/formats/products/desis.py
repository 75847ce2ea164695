"""DESIS L2A: reflectance of 235 bands from 400 to 1000 nm, or of fewer if they were binned."""

from ssif.formats.products import geotiff_product

TAGS = ("wavelengthCenterOfBand", "wavelengthWidthOfBand", "gainOfBand", "offsetOfBand")
PRODUCT = geotiff_product.product("DESIS L2A", "DESIS-HSI-L2A-", "bandCharacterisation/{*}band", TAGS)
