"""Published weights by a name of their own, for whoever has a clone of the repository."""

from pathlib import Path

from ssif.errors import UserError

FOLDER = Path(__file__).resolve().parents[1] / "results/reference/weights"
FILES = {
    "ssif-plus-cave": "cave/cave.ssif+.s0.safetensors",
    "ssif-cave": "cave/cave.ssif-rf-uf.s0.safetensors",
    "liif-cave": "cave/cave.liif.C31.s0.safetensors",
}


def find(name: str | Path) -> Path:
    """The file of weights with this name or path. Raises UserError where it is neither a published name nor a file."""
    path = Path(name)
    if path.exists() or path.suffix:
        return path
    if str(name) not in FILES:
        raise UserError(f"{name} is neither a file nor one of the published weights: {', '.join(FILES)}")
    file = FOLDER / FILES[str(name)]
    if not file.exists():
        raise UserError(f"the weights {name} come with a clone of the repository: {file} is missing")
    return file
