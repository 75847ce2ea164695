"""Images embedded in the report, so that the page needs no other files."""

import base64
import io
from pathlib import Path

from PIL import Image

from workflow.plan import runs
from workflow.steps import stored

PIXELS = 1600  # width of an embedded image: sharp on a dense screen, with half the bytes of the original file


def drawing(name: str, remedy: str = "") -> str:
    """A figure of results/figures, as `embedded`. remedy: the command that draws it, if not `workflow.figure`."""
    path = runs.results() / "figures" / f"{name}.png"
    with stored.readable(path, remedy or f"python -m workflow.figure --figure {name}"):
        return embedded(path)


def embedded(image: Path | io.BytesIO) -> str:
    """An image as a data URI: a PNG at most PIXELS wide."""
    picture, small = Image.open(image).convert("RGB"), io.BytesIO()
    if picture.width > PIXELS:
        picture = picture.resize((PIXELS, round(picture.height * PIXELS / picture.width)), Image.Resampling.LANCZOS)
    picture.save(small, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}"
