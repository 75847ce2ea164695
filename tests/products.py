"""Shared by the tests of products: metadata in XML that are wrong in any product."""

from collections.abc import Callable
from pathlib import Path

# What becomes of the text, None for a file that is missing, and the message.
WRONG_XML = [
    (lambda text: None, "the metadata file .*XML is missing"),
    (lambda text: text[:300], r"is not a whole .xml file \("),
    (lambda text: "<!DOCTYPE a [<!ENTITY b 'c'>]>" + text.partition("?>")[2], "declares a document type"),
]


def rewrite(path: Path, change: Callable[[str], str | None]) -> None:
    """Change the text of a file, or remove the file."""
    text = change(path.read_text())
    path.unlink()
    if text is not None:
        path.write_text(text)
