"""All dependencies are pinned, and the import rules hold."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PACKAGES = {"ssif": set(), "baselines": {"ssif"}, "workflow": {"ssif", "baselines"}}
REQUIREMENTS = Path("requirements.txt").read_text()
PINS = dict(re.findall(r"^([\w.-]+)==([\w.]+)", REQUIREMENTS, re.MULTILINE))


def test_every_dependency_of_the_project_is_pinned_with_hashes():
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    assert {re.split(r"[<>=\[]", name)[0] for name in wanted} - {"torch"} <= set(PINS)
    assert all("--hash=sha256:" in lines for lines in re.split(r"^(?=\w)", REQUIREMENTS, flags=re.MULTILINE)[1:])


def test_nothing_pulls_a_second_torch():
    assert not {"torch", "torchvision", "torchaudio", "lightning", "timm", "piq", "triton"} & set(PINS)
    assert "TORCH = torch==2.13.0\n" in Path("Makefile").read_text()


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package):
    for path in Path(package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            used = {name.split(".")[0] for name in names if name} & set(PACKAGES)
            assert used <= PACKAGES[package] | {package}, path


# workflow/ from the bottom up. A module imports from its own floor and from those below it.
FLOORS = [
    ["methods"],
    ["config"],
    ["plan"],
    ["steps"],
    ["land_use"],
    ["tables", "figures"],
    ["page"],
    [
        "prepare",
        "train",
        "evaluate",
        "evaluate_sensors",
        "evaluate_robustness",
        "classify",
        "import_weights",
        "publish",
        "cost",
        "figure",
        "report",
        "status",
    ],
]


def test_workflow_is_a_staircase():
    floor_of = {name: floor for floor, names in enumerate(FLOORS) for name in names}
    upwards = []
    for path in Path("workflow").rglob("*.py"):
        own = path.relative_to("workflow").with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or node.module.split(".")[0] != "workflow":
                continue
            parts = node.module.split(".")
            used = parts[1:2] or [alias.name for alias in node.names]
            upwards += [f"{path}: {name}" for name in used if own != "__init__" and floor_of[name] > floor_of[own]]
    assert not upwards


def test_training_needs_neither_snakemake_nor_what_only_preparing_needs():
    """As on a GPU machine without a network: the training and evaluation programs import with these modules absent."""
    absent = [
        "snakemake",
        "pooch",
        "tensorly",
        "jsonschema",
        "matplotlib",
        "torchmetrics",
        "skimage",
        "rasterio",
        "pyrsr",
    ]
    script = f"import sys\nsys.modules.update(dict.fromkeys({absent}))\nimport workflow.train, workflow.evaluate"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_every_package_and_file_of_data_is_installed():
    its = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["setuptools"]
    found = {str(path.parent).replace("/", ".") for package in PACKAGES for path in Path(package).rglob("__init__.py")}
    assert found <= set(its["packages"]) | {"workflow.rules"}
    patterns = {
        path
        for name, globs in its["package-data"].items()
        for g in globs
        for path in Path(name.replace(".", "/")).glob(g)
    }
    files = [path for folder in PACKAGES for path in Path(folder).rglob("*")]
    assert patterns == {path for path in files if path.suffix in (".j2", ".mplstyle", ".csv")}
