"""Metadata of products in XML."""

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from ssif.errors import UserError
from ssif.formats import torn

LARGEST = 2**26  # bytes; the metadata of a whole scene have one or two million


class _Builder(ElementTree.TreeBuilder):
    """A builder that refuses a document type, in which a small file could define entities of gigabytes."""

    def doctype(self, name, public, system):
        raise UserError("has a document type (DOCTYPE), which the metadata of a product never have")


def read_xml(path: Path) -> Element:
    """The root of a file. Raises UserError if it is missing, torn, larger than LARGEST or has a document type."""
    if not path.is_file():
        raise UserError(f"the metadata file {path.name} is missing; it belongs beside the image")
    with torn.one_line(path):
        if path.stat().st_size > LARGEST:
            raise UserError(f"has {path.stat().st_size} bytes; metadata of a product are smaller than {LARGEST}")
        return ElementTree.parse(path, ElementTree.XMLParser(target=_Builder())).getroot()


def text(element: Element, tag: str) -> str:
    """The text of the first element `tag` below `element`, in any name space. Raises UserError if there is none."""
    found = (element.findtext(f".//{{*}}{tag}") or "").strip()
    if not found:
        raise UserError(f"the metadata have no {tag}")
    return found


def number(element: Element, tag: str) -> float:
    """The text of `tag` as a number. Raises UserError if it is no finite number."""
    found = text(element, tag)
    try:
        value = float(found)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise UserError(f"{tag} in the metadata is not a number: {found[:80]!r}")
    return value
