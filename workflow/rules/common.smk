"""The checked plan, the preset that the jobs read, and the Python that runs them."""

import importlib.util
import os
import shlex
import sys
from pathlib import Path

import yaml

# Snakemake puts this checkout first only where it is not on the path yet.
sys.path.insert(0, workflow.basedir)

from ssif.errors import UserError
from ssif.io import whole_file

if importlib.util.find_spec("torch") is None:
    raise WorkflowError(
        f"{sys.executable} has no torch: run `make table1`, or activate .venv or the environment of environment.yml"
    )
if set("{}") & set(workflow.basedir):
    raise WorkflowError(
        f"Snakemake takes braces in a path for wildcards: rename the folder {workflow.basedir}"
    )

from workflow.plan import fingerprints, imported, runs, summary, targets
from workflow import methods
from workflow.config import presets, schema
from workflow.steps import processes

try:
    CONFIG = presets.parse(config)
    TARGETS = targets.targets(CONFIG)
except UserError as error:
    raise WorkflowError(str(error))

# Jobs are plain commands that read a file, so what --config or --configfile changed has to be in one.
PRESET = f"results/presets/{CONFIG.preset}.yaml"
RESOLVED = yaml.safe_dump(presets.whole(dict(config)), sort_keys=False)


def write_preset():
    if not os.path.exists(PRESET) or Path(PRESET).read_bytes() != RESOLVED.encode():
        with whole_file(PRESET) as temporary:
            temporary.write_text(RESOLVED, encoding="utf-8")


# A job on another machine is a Snakemake of its own there.
if not workflow.is_main_process:
    write_preset()


# What comes before the first job, but not in a dry run. Snakemake's own lock, which profiles/default turns off, stays when it
# is killed; this one ends with the process.
onstart:
    global LOCK
    try:
        LOCK = processes.lock("snakemake", "this folder")
        write_preset()
    except UserError as error:
        sys.exit(f"error: {error}")
    processes.pass_on_interrupts()


# All rules run the Python of this environment and the code of this checkout, whatever else is on the PATH, installed or in the
# working directory, where `python -m` looks first. That is a function and a line of Python, since neither PATH nor PYTHONPATH
# has room for a folder with a colon. A prefix replaces Snakemake's own, which is bash's strict mode: without pipefail `| tee`
# would hide that a program failed. tee stays to the end of a program that a signal stops: without it the program's last words
# would end it before its work is saved. A program that is killed says nothing, and so the shell does.
KILLED = "error: killed (status 137), usually because the machine ran out of memory; use fewer --cores or smaller sizes"
START = (
    f"import runpy, sys; sys.path.insert(0, {workflow.basedir!r}); del sys.argv[:2]; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)
PREFIX = (
    f"set -euo pipefail; trap 'test $? -ne 137 || echo \"{KILLED}\" >&2' EXIT; export {processes.STARTER}={os.getpid()}; "
    f'python() {{ exec {shlex.quote(sys.executable)} -P -c {shlex.quote(START)} "$@"; }}; '
    "tee() { trap '' INT TERM HUP; exec tee \"$@\"; }; "
)
shell.prefix(PREFIX.replace("{", "{{").replace("}", "}}"))


def run_file(name):
    """Path pattern of a finished file of a run."""
    return f"results/runs/{{preset}}/{{dataset}}/{{run}}/{name}"


def weights(networks):
    return [network.weights for network in networks]


ROWS = {row.id: row for row in targets.rows(CONFIG)}
NETWORKS = {run.id: run for run in targets.networks(CONFIG)}
# Snakemake trains all but those whose weights were put there by hand, which are inputs like any other file.
TO_TRAIN = [run.id for run in NETWORKS.values() if not imported.origin(run)]
TABLES = [f"results/{table}.csv" for table in CONFIG.tables] + ["results/cells.csv"]
TABLES += ["results/ablation.csv"] if CONFIG.ablations else []
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
    """What a row of scores is called and made of, in turn."""
    stages = [(run.id, methods.network(run.method).built) for run in runs.stages(row)]
    return runs.short_hash(methods.METHODS[row.method].label, stages)


def raw_files(dataset):
    """A hash of names, sizes and times of the cubes of a data set of the user's own, headers too, and of the responses of a
    sensor of the user's own: the data set is prepared again when one changes.

    They are no inputs of the rule, because Snakemake takes braces in a name for a wildcard.
    """
    from ssif import sensors

    source, msi = CONFIG.datasets[dataset].source, CONFIG.datasets[dataset].msi
    # A file that is missing is for the program to say.
    responses = sensors.csv_of(msi)
    files = [responses] if responses and responses.exists() else []
    if source:
        from ssif.data import cubes
        from ssif.formats import read_files

        try:
            for image in cubes.files(source.folder):
                files += read_files(image, source.key)
            if source.msi:
                for image in cubes.files(source.msi.folder, pictures=True):
                    files += read_files(image, source.msi.key)
        except UserError as error:
            raise WorkflowError(str(error))
    return stamps(files)


def camera_file():
    """The same of the responses of the other camera of the table of robustness."""
    from ssif import sensors

    table = CONFIG.tables.get(schema.ROBUSTNESS_TABLE)
    responses = table and sensors.csv_of(table.camera)
    return stamps([responses] if responses and responses.exists() else [])


def stamps(files):
    return runs.short_hash(
        [(file, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    )


CLASSIFIED = {run.id: run for run in targets.classified(CONFIG)}


def scores(names):
    """The evaluations behind these tables and figures, each once."""
    rows = dict.fromkeys(row for name in names for row in TARGETS[name].rows)
    return [row.folder / "metrics.csv" for row in rows]


def records(networks, *files):
    """What was noted of these trainings: their config.json, or these files."""
    return [run.folder / file for run in networks for file in files or ["config.json"]]


def behind(name):
    """Every network that this target needs."""
    return targets.networks(CONFIG, [TARGETS[name]])


def imports(names):
    """Which weights behind these targets are imported: unlike a deleted file, a change of that makes them anew."""
    return [line for name in names for line in imported.lines(CONFIG, TARGETS[name])]


def stored_images(target):
    """The predictions that a figure shows."""
    shown = target.name in targets.SHOW_IMAGES and target.name not in schema.LAND_USE
    return [row.folder / "predictions.h5" for row in target.rows] if shown else []


def land_use(name):
    """The classifications behind Table 3 or Figure 9, and what the classes are called."""
    its = TARGETS[name]
    folders = [run.folder for run in (*its.rows, *its.classifiers)]
    return [
        runs.land_cover_file(its.dataset),
        *(folder / file for folder in folders for file in ("land_use.csv", "maps.h5")),
    ]


if workflow.is_main_process:
    print(summary.summary(CONFIG), file=sys.stderr)


wildcard_constraints:
    dataset="|".join(CONFIG.datasets),
    preset=re.escape(CONFIG.preset),
