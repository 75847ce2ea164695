"""Read the files that the workflow's programs write. A file must be complete and unchanged; otherwise the error is one line
with the command that makes the file again."""

import json
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from ssif.errors import UserError, flat
from ssif.seals import check_note
from workflow.config.schema import Config
from workflow.plan import imported
from workflow.plan.runs import Run
from workflow.plan.targets import Target, networks

# Errors that pandas, JSON and Pillow raise for broken files.
FAILURES = (OSError, ValueError, LookupError, TypeError, SyntaxError, struct.error, zlib.error)
# These columns are text, because a commit's hash, or a value, may consist of digits only.
TEXTS = {"value": str, "changes": str, "intervals": str, "commit": str}
# Keys for which earlier versions had a choice: a record with the value that remains is of the same network.
NO_CHOICE = {
    "variant": "sim",
    "signs": "released",
    "sk_attention": "official",
    "head_pool": "official",
    "gs_weights": "literal",
    "init": "stable",
}
# All other scores are nan if no band or pixel of an image can enter them.
FINITE = ("mpsnr", "psnr_cube", "ssim", "rmse")


@contextmanager
def readable(path: Path, remedy: str) -> Iterator[None]:
    """Raise UserError, ending with the `remedy`, if `path` is missing or has changed, and if the block cannot read it."""
    try:
        check_note(path)
        yield
    except FileNotFoundError:
        raise UserError(f"{path} is missing: {remedy}") from None
    except FAILURES as error:
        raise UserError(f"{path} is damaged ({flat(str(error)) or type(error).__name__}): {remedy}") from None


def scores(name: str, program: str, keys: list[str], cells: dict[Run, list[tuple]]) -> dict[Run, pd.DataFrame]:
    """The rows of each run in the csv file `name` that `program` wrote.

    cells: the values of `keys` for which the run must have one row per test scene. Raises UserError as `readable`, and if a row
    is missing or a score is not a number.
    """
    remedies = {run: f"python -m {program} --run {run.id}" for run in cells}
    found = {}
    for run, remedy in remedies.items():
        with readable(run.folder / name, remedy):
            table = pd.read_csv(run.folder / name, dtype=TEXTS)
            check_rows(
                table,
                ["scene", *keys],
                [(scene, *cell) for scene in set(table["scene"]) for cell in cells[run]],
                FINITE,
            )
            found[run] = table
    scenes = {scene for table in found.values() for scene in table["scene"]}
    for run, table in found.items():
        if lacking := scenes - set(table["scene"]):
            raise UserError(f"{run.folder / name} lacks {', '.join(sorted(map(str, lacking)))}: {remedies[run]}")
    return found


def check_rows(found: pd.DataFrame, keys: list[str], wanted: list[tuple], numbers: Iterable[str] = ()) -> None:
    """Raise UserError unless there is exactly one row for each of the `wanted` values of `keys`, and `numbers` are finite."""
    rows = Counter(found[keys].itertuples(index=False, name=None))
    if not rows:
        raise UserError("it has no rows")
    for values in wanted:
        if rows[values] != 1:
            cell = ", ".join(f"{key} {value}" for key, value in zip(keys, values))
            raise UserError(f"it has {rows[values]} rows of {cell} instead of one")
    for name in numbers:
        if not np.isfinite(found[name].astype(float)).all():
            raise UserError(f"{name} has values that are not finite numbers")


def record(run: Run) -> dict:
    """config.json of a network. Raises UserError if it is missing or damaged."""
    path = run.folder / "config.json"
    with readable(path, retrain(run)):
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found["training"], dict) or not np.isfinite([found["parameters"], found["seconds"]]).all():
            raise UserError("it does not say how the network was trained")
        return without_choices(found)


def without_choices(record: dict) -> dict:
    """A record without the sizes that NO_CHOICE lists."""
    sizes = record.get("network", {})
    return record | {"network": {key: value for key, value in sizes.items() if NO_CHOICE.get(key) != value}}


def imports(config: Config, target: Target) -> list[str]:
    """`workflow.plan.imported.lines`. Raises UserError for a damaged config.json, which may hide that weights are imported."""
    for network in networks(config, [target]):
        if network.weights.exists():
            record(network)
    return imported.lines(config, target)


def curve(run: Run, steps: int | None) -> pd.DataFrame:
    """train.jsonl of a network, a row per line, empty without `steps`. Raises UserError if it is missing or damaged."""
    path = run.folder / "train.jsonl"
    with readable(path, retrain(run)):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found = pd.DataFrame(lines)
        if steps and (found["step"].iloc[-1] != steps or not np.isfinite(found["loss"].astype(float)).all()):
            raise UserError(f"it does not reach step {steps}")
        return found


def retrain(run: Run) -> str:
    """The command that trains a network."""
    return f"python -m workflow.train --run {run.id}"
