"""Published weights by a name of their own, for whoever has a clone of the repository."""

from pathlib import Path

from ssif.errors import UserError

FOLDER = Path(__file__).resolve().parents[1] / "results/reference/weights"
FILES = {"ssif-plus-cave": "cave/cave.ssif+.s0.safetensors"}


def find(name: str | Path) -> Path:
    """The file of weights with this path or published name; what is there under that path comes first.

    Only a published name is looked up without a suffix: a path with one is given back unseen. Raises UserError for a name that
    is neither, and where the published file is missing.
    """
    path = Path(name)
    if path.exists() or path.suffix:
        return path
    if str(name) not in FILES:
        raise UserError(f"{name} is neither a file nor one of the published weights: {', '.join(FILES)}")
    file = FOLDER / FILES[str(name)]
    if not file.exists():
        raise UserError(f"the weights {name} come with a clone of the repository: {file} is missing")
    return file
