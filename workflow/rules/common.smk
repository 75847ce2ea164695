"""The checked plan, the preset that the jobs read, and the Python that runs them."""

import importlib.util
import os
import re
import shlex
import sys
from pathlib import Path

import yaml

# Import from this checkout first. A module that is fetched from a repository has no checkout and runs the installed package.
HERE = Path(str(workflow.current_basedir))
if HERE.is_dir():
    sys.path.insert(0, str(HERE.parents[1]))

from ssif import instruments
from ssif.errors import UserError
from ssif.io import whole_file

if importlib.util.find_spec("torch") is None:
    raise WorkflowError(
        f"{sys.executable} has no torch: run `make table1`, or activate .venv or the environment of environment.yml"
    )

from workflow.plan import fingerprints, imported, resources, runs, targets

if set("{}") & set(str(fingerprints.ROOT)):
    raise WorkflowError(
        f"Snakemake takes braces in a path for wildcards: rename the folder {fingerprints.ROOT}"
    )

from workflow import methods
from workflow.config import presets, schema
from workflow.steps import processes

try:
    CONFIG = presets.parse(config)
    TARGETS = targets.targets(CONFIG)
except UserError as error:
    raise WorkflowError(str(error))

# Jobs are plain commands that read a preset file, so the preset must be written with all changes of --config and --configfile.
PRESET = f"results/presets/{CONFIG.preset}.yaml"
RESOLVED = yaml.safe_dump(presets.whole(dict(config)), sort_keys=False)


def write_preset():
    if not os.path.exists(PRESET) or Path(PRESET).read_bytes() != RESOLVED.encode():
        with whole_file(PRESET) as temporary:
            temporary.write_text(RESOLVED, encoding="utf-8")


# A job on another machine runs a Snakemake of its own there. A module, whose name Snakemake gives it, has no onstart.
if not workflow.is_main_process or __name__:
    write_preset()


# Before the first job, except in a dry run, take a lock that ends with the process. Snakemake's own lock, which
# profiles/default turns off, remains when Snakemake is killed.
onstart:
    global LOCK
    try:
        LOCK = processes.lock("snakemake", "this folder")
        write_preset()
    except UserError as error:
        sys.exit(f"error: {error}")
    processes.pass_on_interrupts()


# When a run fails, print a line for each failed job with its log.
onerror:
    from workflow import status

    for line in status.stopped(CONFIG):
        print(line, file=sys.stderr)


# All rules run the Python of this environment and the code of this checkout, whatever else is on the PATH, is installed, or is
# in the working directory, where `python -m` looks first. A shell function and a line of Python ensure this, because neither
# PATH nor PYTHONPATH can hold a folder with a colon in its name. The commands come from the environment, because Snakemake's
# prefix of shell commands would apply to a whole workflow that uses this one as a module. Without pipefail, `| tee` would hide
# the failure of a program. tee ignores signals and stays until the program ends; otherwise the last output of a program that a
# signal stops would kill it before its work is saved. A killed program prints nothing, so the shell reports it.
KILLED = "error: killed (status 137), usually because the machine ran out of memory; use fewer --cores or smaller sizes"
START = (
    f"import runpy, sys; sys.path.insert(0, {str(fingerprints.ROOT)!r}); del sys.argv[:2]; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)
COMMANDS = (
    f"set -euo pipefail; trap 'test $? -ne 137 || echo \"{KILLED}\" >&2' EXIT; export {processes.STARTER}={os.getpid()}; "
    f'python() {{ exec {shlex.quote(sys.executable)} -P -c {shlex.quote(START)} "$@"; }}; '
    "tee() { trap '' INT TERM HUP; exec tee \"$@\"; }"
)
os.environ.update(SSIF_SHELL=COMMANDS)


# The shell command of every rule: a program of the suite with its arguments.
PROGRAM = (
    'eval "$SSIF_SHELL"; python -m workflow.{params.program} --config {params.preset:q} --root {params.root:q} 2>&1'
    " | tee {log:q}"
)


def root(wildcards, output):
    """The folder of a job's results/, which differs from this one for storage and for modules with a prefix."""
    path = r"((?:.*/)?)results/(?:data/|figures/|runs/(?:[^/]+/){3})?[^/]+"
    return re.fullmatch(path, output[0])[1] or "."


def needs(networks, training=False):
    """The resources that jobs ask of a cluster. networks: from the wildcard `run` to the networks that a job trains or uses."""
    return {
        "mem_mb": lambda wildcards, input, attempt: resources.memory(
            CONFIG, networks(wildcards.run), input.size_mb, attempt, training
        ),
        "runtime": lambda wildcards, input, attempt: resources.minutes(
            CONFIG, networks(wildcards.run), input.size_mb, attempt, training
        ),
        "gpu": lambda wildcards: resources.gpu(CONFIG, networks(wildcards.run)),
        "cpus_per_gpu": lambda wildcards: resources.cpus_per_gpu(
            CONFIG, networks(wildcards.run)
        ),
    }


def run_file(name):
    """The path pattern of a finished file of a run."""
    return f"results/runs/{{preset}}/{{dataset}}/{{run}}/{name}"


def weights(networks):
    """The files of finished networks that a program reads."""
    return records(networks, "weights.safetensors", "config.json")


ROWS = {row.id: row for row in targets.rows(CONFIG)}
NETWORKS = {run.id: run for run in targets.networks(CONFIG)}
# Snakemake trains all networks except those with imported weights, which are inputs like any other file.
TO_TRAIN = [run.id for run in NETWORKS.values() if not imported.origin(run)]
TABLES = [f"results/{table}.csv" for table in CONFIG.tables] + ["results/cells.csv"]
TABLES += ["results/ablation.csv"] if CONFIG.ablations else []
STYLE = "workflow/figures/ssif.mplstyle"
ROBUSTNESS = ["robustness"] if schema.ROBUSTNESS_TABLE in CONFIG.tables else []
FIGURES = [
    f"results/figures/{figure}.{suffix}"
    for figure in [*CONFIG.figures, *CONFIG.ablations, *ROBUSTNESS]
    for suffix in ("pdf", "png")
]


def reader(dataset):
    """The module that reads a data set."""
    return f"ssif.data.{'folder' if CONFIG.datasets[dataset].source else dataset}"


def method(row):
    """The label of a row of scores and its networks in turn."""
    stages = [(run.id, methods.network(run.method).built) for run in runs.stages(row)]
    return runs.short_hash(methods.METHODS[row.method].label, stages)


def code_of_score(program):
    """The fingerprint of a program that scores a row, with the networks of the row."""
    return lambda wildcards: fingerprints.of_job(
        f"workflow.{program}", *runs.modules(runs.stages(ROWS[wildcards.run]))
    )


def raw_files(dataset):
    """A hash of the names, sizes and times of the user's own files: the cubes of a data set with their headers, and the
    responses of a sensor. If one of them changes, the data set is prepared again.

    The files are not inputs of the rule, because Snakemake takes braces in a name for a wildcard.
    """
    source, files = CONFIG.datasets[dataset].source, responses(
        CONFIG.datasets[dataset].msi
    )
    if source:
        from ssif.data import cubes
        from ssif.formats import read_files

        try:
            for images in filter(None, (source, source.msi)):
                for image in cubes.cube_files(
                    images.folder, pictures=images is source.msi
                ):
                    files += read_files(image, images.key)
        except UserError as error:
            raise WorkflowError(str(error))
    return stamps(files)


def camera_file():
    """The same hash of the responses of the second camera in the table of robustness."""
    table = CONFIG.tables.get(schema.ROBUSTNESS_TABLE)
    return stamps(responses(table.camera) if table else [])


def responses(sensor):
    """The file of a sensor's responses, if it is the user's own. The program itself reports a missing file."""
    from ssif import sensors

    file = sensors.csv_of(sensor)
    return [file] if file and file.exists() else []


def stamps(files):
    return runs.short_hash(
        [(file, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    )


CLASSIFIED = {run.id: run for run in targets.classified(CONFIG)}


def classifier_of(run):
    """The classifier that looks at a run's images."""
    run = CLASSIFIED[run]
    return targets.classifier(CONFIG, run.dataset, run.seed)


def scores(names):
    """The evaluations behind these tables and figures, each once."""
    rows = dict.fromkeys(row for name in names for row in TARGETS[name].rows)
    return [row.folder / "metrics.csv" for row in rows]


def records(networks, *files):
    """The records of these trainings: their config.json, or these files."""
    return [run.folder / file for run in networks for file in files or ["config.json"]]


def behind(name):
    """Every network that this target needs."""
    return targets.networks(CONFIG, [TARGETS[name]])


def imports(names):
    """The imported weights behind these targets. As a parameter, they make the targets again when one changes or is deleted."""
    return [line for name in names for line in imported.lines(CONFIG, TARGETS[name])]


def stored_images(target):
    """The predictions that a figure shows."""
    shown = target.name in targets.SHOW_IMAGES and target.name not in schema.LAND_USE
    return [row.folder / "predictions.h5" for row in target.rows] if shown else []


def land_use(name):
    """The classifications behind Table 3 or Figure 9, and the names of the classes."""
    its = TARGETS[name]
    folders = [run.folder for run in (*its.rows, *its.classifiers)]
    return [
        runs.land_cover_file(its.dataset),
        *(folder / file for folder in folders for file in ("land_use.csv", "maps.h5")),
    ]


if workflow.is_main_process:
    print(targets.announced(CONFIG), file=sys.stderr)


wildcard_constraints:
    dataset="|".join(CONFIG.datasets),
    preset=re.escape(CONFIG.preset),
