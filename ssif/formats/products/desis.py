"""DESIS L2A: reflectance of 235 bands, 400 to 1000 nm, or fewer where they were binned."""

from ssif.formats.products import beside

TAGS = ("wavelengthCenterOfBand", "wavelengthWidthOfBand", "gainOfBand", "offsetOfBand")
PRODUCT = beside.product("DESIS L2A", "DESIS-HSI-L2A-", "bandCharacterisation/{*}band", TAGS)
