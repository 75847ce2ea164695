"""The recipes of the containers install what requirements.txt pins, in step with each other and with the Makefile.

Nothing here builds an image. The slow test runs the steps of the recipe one after the other in a new environment.
"""

import json
import os
import re
import shlex
import subprocess
import tomllib
import venv

import pytest
import yaml

from tests.snake import ROOT

DOCKERFILE = (ROOT / "containers/Dockerfile").read_text()
DEFINITION = (ROOT / "containers/ssif.def").read_text()
STEPS = re.findall(r"^RUN (.*)$", DOCKERFILE, re.MULTILINE)
PAGE = ROOT / "docs/many-machines.md"


def section(name: str) -> list[str]:
    """The lines of a section of the definition."""
    return re.search(rf"^%{name}\n((?: .*\n)+)", DEFINITION, re.MULTILINE)[1].replace("    ", "").splitlines()


def test_both_recipes_are_the_same():
    assert section("post") == [STEPS[0], "cd /suite", *(step.replace("${TORCH}", "{{ TORCH }}") for step in STEPS[1:])]
    assert re.findall(r"^FROM (.*)$", DOCKERFILE, re.MULTILINE) == re.findall(r"^From: (.*)$", DEFINITION, re.MULTILINE)
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)
    assert section("runscript") == [f'exec {" ".join(json.loads(entry))} "$@"']


def test_torch_and_python_are_those_of_the_makefile_and_of_environment_yml():
    (torch,) = re.findall(r"^TORCH = (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r"^ARG TORCH=(.*)$", DOCKERFILE, re.MULTILINE) == [torch]
    assert section("arguments") == [f"TORCH={torch}"]
    assert set(re.findall(r"torch==[\d.]+", DOCKERFILE + DEFINITION + PAGE.read_text())) == {torch}
    assert f"pip install {torch}\n" in (ROOT / "README.md").read_text()
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (python,) = re.findall(r"^FROM python:([\d.]+)-slim$", DOCKERFILE, re.MULTILINE)
    assert f"python={python}" in environment
    (least,) = [name.split(">=")[1] for name in environment if str(name).startswith("pytorch>=")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"torch>={least}" in project["dependencies"] and project["requires-python"] == f">={python}"
    assert tuple(map(int, torch.split("==")[1].split("."))) >= tuple(map(int, least.split(".")))


def test_the_image_gets_what_git_tracks_and_no_results():
    """Of results/, only what is measured is tracked."""
    left_out = (ROOT / "containers/Dockerfile.dockerignore").read_text().split()
    assert left_out[-3:] == ["results/*", "!results/reference", "**/__pycache__"]
    assert not [
        name for name in left_out[:-3] if (ROOT / name).exists() and name not in (".venv", ".snakemake", "build")
    ]


@pytest.mark.slow
def test_the_recipe_installs_the_suite_in_a_new_environment(tmp_path):
    """Every step but those of the system's packages, in a clone; and a command of the page, in another folder."""
    suite, work = tmp_path / "suite", tmp_path / "work"
    subprocess.run(["git", "clone", "--quiet", "--no-local", "--depth", "1", f"file://{ROOT}", suite], check=True)
    venv.create(tmp_path / "venv", with_pip=True)
    work.mkdir()
    (torch,) = re.findall(r"^ARG TORCH=(.*)$", DOCKERFILE, re.MULTILINE)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PATH": f"{tmp_path}/venv/bin:{os.environ['PATH']}", "TORCH": torch}
    installs = [step for step in STEPS if step.startswith("pip ")]
    assert len(installs) == len(STEPS) - 2
    for step in installs:
        subprocess.run(["sh", "-ec", step], cwd=suite, env=environment, check=True)
    (command,) = re.findall(r"^ +docker run .* ssif-bench (snakemake --snakefile .*)$", PAGE.read_text(), re.MULTILINE)
    words = [word.replace("/suite", str(suite)) for word in shlex.split(command)]
    subprocess.run([*words, "results/data/synthetic.h5"], cwd=work, env=environment, check=True)
    assert (work / "results/data/synthetic.h5").exists()
    helped = subprocess.run(["ssif", "--help"], cwd=work, env=environment, check=True, capture_output=True, text=True)
    assert "predict" in helped.stdout
