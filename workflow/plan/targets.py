"""What each table and figure shows: its rows, and the cells (p and C) at which they are scored. Plain Python.

A target is a table, a figure or an ablation of the preset. A row that several targets show is evaluated once.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ssif.errors import UserError
from workflow import methods
from workflow.config.names import LONGEST, spelled
from workflow.config.schema import INTERVALS, LAND_USE, SENSOR_TABLE, TABLES, Ablation, Config, Shown
from workflow.methods import CLASSIFIERS, METHODS
from workflow.plan import runs
from workflow.plan.runs import Run, settings

# Targets that show predicted images: the images they need are stored when a row is evaluated.
SHOW_IMAGES = ("fig1", "fig8", *LAND_USE)


@dataclass(frozen=True)
class Target:
    """`rows` of one data set, shown at each p of `scales` and C of `counts` that they support.

    classifiers: of Table 3 and Figure 9, one for each seed; it looks at the true image and at those of the rows of its seed.
    """

    name: str
    dataset: str
    rows: list[Run]
    scales: tuple[float, ...]
    counts: tuple[int, ...]
    classifiers: tuple[Run, ...] = ()

    @property
    def seed_count(self) -> str:
        """How many seeds each method has, "2", or "1 or 2" where methods differ."""
        seeds = {row.method: set() for row in self.rows}
        for row in self.rows:
            seeds[row.method].add(row.seed)
        return " or ".join(map(str, sorted({len(numbers) for numbers in seeds.values()})))

    def cells(self, row: Run) -> list[tuple[float, int]]:
        """Every (p, C) at which this target shows `row`."""
        scales = [p for p in self.scales if row.scale in (None, p)]
        return [(p, count) for p in scales for count in self.counts if row.count in (None, count)]


def targets(config: Config) -> dict[str, Target]:
    """Name -> target: tables first, then figures, then ablations, each in the order of the preset.

    Raises UserError if two different runs would have one name, or if a name is too long for a file.
    """
    found = [_shown(config, name, entry) for name, entry in (config.tables | config.figures).items()]
    found += [_ablation(config, name) for name in config.ablations]
    _check_names(run for target in found for run in target.rows)
    return {target.name: target for target in found}


def rows_of(config: Config, name: str) -> list[Run]:
    """The rows of the target with this name, none if the preset does not have it."""
    shown = targets(config)
    return shown[name].rows if name in shown else []


def _check_names(runs: Iterable[Run]) -> None:
    seen = {}
    for run in runs:
        if len(run.id) > LONGEST:
            raise UserError(f"the name {run.id} has {len(run.id)} letters, more than {LONGEST}; change fewer keys")
        # Some disks do not distinguish upper and lower case.
        other = seen.setdefault(run.id.lower(), run)
        if other != run:
            raise UserError(
                f"two runs would have the name {run.id}: one with {dict(other.changes)} and one with {dict(run.changes)}"
            )


def _shown(config: Config, name: str, entry: Shown) -> Target:
    """A table, or a figure that is not an ablation."""
    data = config.datasets[entry.dataset]
    scales, full = entry.scales or data.scales.test, (data.full_count,)
    if entry.methods:
        rows = [run for method in entry.methods for run in _rows(config, entry.dataset, method, scales)]
        if name == SENSOR_TABLE:
            rows = _on_each_intervals(config, rows)
        seeds = dict.fromkeys(run.seed for run in rows) if name in LAND_USE else ()
        classifiers = [classifier(config, entry.dataset, seed) for seed in seeds]
        counts = entry.counts or full
        return Target(name, entry.dataset, rows, scales, counts, tuple(classifiers))
    rows, counts = [], full if name in TABLES else tuple(map(int, data.counts.test))
    for method in config.methods:
        # Networks on a pixel grid are shown where the tables show them. LIIF is trained for each C that has a truth.
        sweeps = [count for count in counts if count <= data.full_count] if methods.family(method) == "field" else full
        rows += _rows(config, entry.dataset, method, scales, sweeps)
    return Target(name, entry.dataset, rows, scales, counts)


def _on_each_intervals(config: Config, rows: list[Run]) -> list[Run]:
    """These rows; a field that reads the key `intervals` appears once for each kind of intervals."""
    changed = [with_changes(config, run, {"intervals": kind}) if methods.network(run.method).uses("intervals") else run
               for run in rows for kind in INTERVALS]  # fmt: skip
    return list(dict.fromkeys(changed))


def _ablation(config: Config, name: str) -> Target:
    ablation = config.ablations[name]
    data = config.datasets[ablation.dataset]
    rows = [
        with_changes(config, run, case)
        for method in ablation.methods
        for case in ablation.cases()
        for run in _rows(config, ablation.dataset, method, ablation.scales)
    ]
    # A method that does not read the changed key has the same run at each value.
    rows = list(dict.fromkeys(rows))
    return Target(name, ablation.dataset, rows, ablation.scales, tuple(map(int, data.counts.test)))


def with_changes(config: Config, run: Run, changes: dict) -> Run:
    """The run with these changes, except those that its network does not read or that equal the values of the preset."""
    uses = methods.network(run.method).uses
    plain, changed = _keys(config, run), _keys(config, dataclasses.replace(run, changes=tuple(changes.items())))
    own = sorted(key for key in changes if uses(key) and changed[key] != plain[key])
    return dataclasses.replace(run, changes=tuple((key, changed[key]) for key in own))


def _keys(config: Config, run: Run) -> dict:
    sizes, training = settings(config, run)
    return sizes | dataclasses.asdict(training)


def _rows(config: Config, dataset: str, method: str, scales, counts: list[int] | None = None) -> list[Run]:
    """The method at every seed and, if it needs a network for each, at every p of `scales` in its range and C of `counts`."""
    data = config.datasets[dataset]
    parts = [methods.network(name) for name in METHODS[method].stages or [method]]
    counts = (counts or [data.full_count]) if any(part.one_count for part in parts) else [None]
    scales = [p for p in data.grid_scales if p in scales] if any(part.one_scale for part in parts) else [None]
    return [
        Run(config.preset, dataset, method, seed, scale, count)
        for scale in scales
        for count in counts
        for seed in config.seeds_of.get(method, config.seeds)
    ]


def classifier(config: Config, dataset: str, seed: int) -> Run:
    """The land-use classifier of this seed."""
    (name,) = CLASSIFIERS
    return Run(config.preset, dataset, name, seed)


def classified(config: Config) -> list[Run]:
    """The runs whose images Table 3 or Figure 9 shows, and the classifiers, which stand for the true image."""
    shown = [target for name, target in targets(config).items() if name in LAND_USE]
    return list(dict.fromkeys(run for target in shown for run in (*target.rows, *target.classifiers)))


def of_land_use(config: Config, run: Run) -> list[Target]:
    """Table 3 and Figure 9, if they show an image of this run. A classifier stands for the true image."""
    shown = [target for name, target in targets(config).items() if name in LAND_USE]
    return [target for target in shown if run in (*target.rows, *target.classifiers)]


def rows(config: Config) -> list[Run]:
    """Every row that a target shows, each once, in the order of the targets."""
    return list({run.id: run for target in targets(config).values() for run in target.rows}.values())


def networks(config: Config, shown: Iterable[Target] | None = None) -> list[Run]:
    """Every network that these targets need (by default all targets of the preset), each once and after those that it needs."""
    shown = list(targets(config).values()) if shown is None else list(shown)
    every = runs.networks(config, [run for target in shown for run in target.rows])
    return list(dict.fromkeys([*every, *(run for target in shown for run in target.classifiers)]))


def cells(shown: Iterable[Target], row: Run) -> dict[float, list[int]]:
    """For each p, the C at which one of these targets shows `row`."""
    found = {cell for target in shown if row in target.rows for cell in target.cells(row)}
    return {p: sorted(count for scale, count in found if scale == p) for p in sorted({scale for scale, _ in found})}


def stored_cells(shown: dict[str, Target], row: Run) -> dict[float, list[int]]:
    """The cells of `row` whose predicted images are stored."""
    return cells([target for name, target in shown.items() if name in SHOW_IMAGES], row)


def value_of(config: Config, ablation: Ablation, run: Run) -> str:
    """The value of the changed key in a run of this ablation, as a string; "" if its network does not read the key."""
    uses = methods.network(run.method).uses
    return spelled(_keys(config, run)[ablation.change]) if uses(ablation.change) else ""


def announced(config: Config) -> str:
    """What the preset trains: the number of networks, and a line for each target with the networks that it adds to those before."""
    lines, every = [], set()
    for name, target in targets(config).items():
        new = [run for run in networks(config, [target]) if run not in every]
        every |= set(new)
        kinds = Counter(run.method for run in new)
        kinds = ", ".join(f"{count} {method}" if count > 1 else method for method, count in kinds.items())
        lines.append(f"  {name} on {target.dataset}: {f'{len(new)} more: {kinds}' if new else 'none more'}")
    work = "taken from published weights" if config.weights else "to train (finished ones are kept)"
    return "\n".join([f"preset {config.preset}: {len(every)} networks {work}", *lines])
