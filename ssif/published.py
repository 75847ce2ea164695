"""Published weights by name, for users with a clone of the repository."""

from pathlib import Path

from ssif.errors import UserError

FOLDER = Path(__file__).resolve().parents[1] / "results/reference/weights"
FILES = {
    "ssif-plus-cave": "cave/cave.ssif+.s0.safetensors",
    "ssif-rf-uf-cave": "cave/cave.ssif-rf-uf.s0.safetensors",
}


def weights_file(name: str | Path) -> Path:
    """The file of weights with this path or published name; an existing path has precedence over a published name.

    A path with a suffix is returned without a check. Raises UserError for a name without suffix that is neither a path nor
    published, and if the published file is missing.
    """
    path = Path(name)
    if path.exists() or path.suffix:
        return path
    if str(name) not in FILES:
        raise UserError(f"{name} is neither a file nor one of the published weights: {', '.join(FILES)}")
    file = FOLDER / FILES[str(name)]
    if not file.exists():
        raise UserError(f"the weights {name} come with a clone of the repository, but {file} is missing")
    return file
