"""Which files of the project a stage depends on, and a hash of their code.

Snakemake does not see that a library file changed. Each rule therefore carries this hash as a parameter.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ssif", "baselines", "workflow")
# The values that PLANNING computes for a training or a score reach its rule as parameters (`plan.identity`, `targets.cells`).
# It is left out of the hash, so that a new method or key does not make everything train again. No number depends on NO_NUMBERS.
PLANNING = (
    "workflow.methods",
    *(f"workflow.config.{name}" for name in ("schema", "presets", "strict")),
    *(f"workflow.plan.{name}" for name in ("runs", "targets")),
    *(f"workflow.steps.{name}" for name in ("arguments", "provenance")),
)
NO_NUMBERS = (
    *(f"ssif.{name}" for name in ("errors", "hdf5", "io", "progress", "published", "seals")),
    *(f"workflow.plan.{name}" for name in ("fingerprints", "imported")),
    *(f"workflow.steps.{name}" for name in ("gpus", "prepared", "processes", "stored")),
    "workflow.publish",
)


def of_job(*modules: str) -> str:
    """The fingerprint of a program that trains or scores, without PLANNING and NO_NUMBERS."""
    return fingerprint(*modules, without=(*PLANNING, *NO_NUMBERS))


def fingerprint(*modules: str, without: tuple[str, ...] = ()) -> str:
    """A short hash of the code of `modules` and of every module of this project that they import, except `without`.

    Comments and docstrings do not count.
    """
    found, pending = {}, list(modules)
    while pending:
        name = pending.pop()
        if name not in found and name not in without and (path := _path(name)):
            found[name], imports = _read(path)
            pending += imports
    return hashlib.sha256("".join(found[name] for name in sorted(found)).encode()).hexdigest()[:12]


def of_files(*paths: str | Path) -> str:
    """A short hash of the contents of files that are not code but are read with it, relative to the top of the project."""
    return hashlib.sha256(b"".join((ROOT / path).read_bytes() for path in paths)).hexdigest()[:12]


def _path(module: str) -> Path | None:
    base = ROOT / module.replace(".", "/")
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@cache
def _read(path: Path) -> tuple[str, list[str]]:
    """The code of a file without comments and docstrings, and the project's modules it imports."""
    tree = ast.parse(path.read_text())
    imports = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name`: the name may be a module of its own.
            imports += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[:] = body[1:] or [ast.Pass()]
    return ast.dump(tree), [name for name in imports if name.split(".")[0] in PACKAGES]
