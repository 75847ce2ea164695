"""What a preset holds, block by block, as dataclasses (config/README.md says what each key means)."""

import dataclasses
from dataclasses import dataclass, field

from ssif.errors import choose
from workflow.config.strict import typed

# The tables, and the figures that are not ablations, with the keys that the block of each must have beside its data set.
SENSOR_TABLE, ROBUSTNESS_TABLE = OWN_TABLES = ("table_sensors", "table_robustness")  # in no paper
TABLES = {
    "table1": (),
    "table2": (),
    "table3": ("scales", "methods"),
    SENSOR_TABLE: ("scales", "methods", "sensors"),
    ROBUSTNESS_TABLE: ("scales", "methods"),
}
# Keys that a block may have in addition.
OPTIONAL = {ROBUSTNESS_TABLE: ("camera",)}
FIGURES = {
    "fig1": ("scales", "methods", "counts"),
    "fig3": ("scales",),
    "fig4": ("scales",),
    "fig8": ("scales", "methods"),
    "fig9": ("scales", "methods"),
    "cost": ("scales", "methods"),
    "uncertainty": ("scales", "methods"),
}
# Figures that are drawn from the networks themselves.
OF_NETWORKS = ("fig10", "cost", "uncertainty")
# Targets that show the land cover in predicted images and need a classifier.
LAND_USE = ("table3", "fig9")
INTERVALS = ("equal", "irregular")
DECAYS = ("halving", "cosine")
VALIDATION_FROM = ("train_region", "test_region")


@dataclass(frozen=True)
class Values:
    """`train`: the smallest and largest value drawn in training; `test`: the values evaluated, in any range."""

    train: tuple[float, float]
    test: tuple[float, ...]


@dataclass(frozen=True)
class FieldSizes:
    """Sizes shared by the neural fields of a data set: keyword arguments of `ssif.nets.ssif.SSIF`."""

    encoder: dict
    pixel_decoder: str
    hidden: int
    dim: int
    spectral_decoder: str
    spectral_hidden: int
    frequencies: int
    lambda_max: float
    k: int
    lambda_min: float | str = "nyquist"


@dataclass(frozen=True)
class Training:
    """Budget of a neural field: Adam steps, batch, LR sides taken in turn, rate and where in the budget it halves.

    decay: how the rate falls, "halving" at `halve_at` or along a "cosine" to zero; average: the mean of the weights over the
    steps (`ssif.training.train`); queries: number of HR pixels per crop, as a multiple of its LR pixels; intervals: of the
    target bands of a step, "equal" or "irregular" (`ssif.bands.irregular_cuts`).
    """

    steps: int
    batch: int
    lr_sizes: tuple[int, ...]
    rate: float
    halve_at: tuple[float, ...] = ()
    decay: str = "halving"
    average: float = 0.0
    queries: int = 1
    intervals: str = "equal"


@dataclass(frozen=True)
class PatchTraining:
    """Budget of a network on a pixel grid. The method itself sets the decay of the rate (`baselines.grid`).

    crop: {"lr": side} or {"hr": side} in pixels; p gives the other side. average: as for the fields.
    """

    steps: int
    batch: int
    crop: dict
    rate: float
    average: float = 0.0

    def lr_size(self, scale: int) -> int:
        """Side of the LR crop at scale p."""
        return self.crop["lr"] if "lr" in self.crop else self.crop["hr"] // scale


@dataclass(frozen=True)
class Baseline:
    """A network on a pixel grid: `network` holds keyword arguments of its class, whose defaults are the official sizes."""

    network: dict
    training: PatchTraining


@dataclass(frozen=True)
class ClassifierTraining:
    """Budget of a land-use classifier, and the labelled pixels that it learns from.

    Adam runs at a constant `rate`. After every `check_every` steps the mean recall on the validation pixels decides which
    weights are kept. train: smallest and largest number of training pixels of a class; validation: the largest number of
    validation pixels of a class, taken from `validation_from` ("train_region", or "test_region" as in the paper); preprocess: a
    kind of `workflow.land_use.windows.Standardise`.
    """

    steps: int
    batch: int
    rate: float
    check_every: int
    train: tuple[int, int]
    validation: int
    validation_from: str = "train_region"
    preprocess: str = "zscore"


@dataclass(frozen=True)
class LandUse:
    """The land-use classifier of a data set: `network` holds keyword arguments of `workflow.land_use.a2s2k.A2S2K`."""

    network: dict
    training: ClassifierTraining


@dataclass(frozen=True)
class MeasuredMSI:
    """The MSIs that another instrument took of the cubes in the user's own data set (`ssif.data.pairs`).

    bands: needed if the files do not give them; white: as for the cubes; align: whether to remove a shift.
    """

    folder: str
    key: str | None = None
    bands: str | None = None
    white: float | None = None
    align: bool = False


@dataclass(frozen=True)
class Source:
    """The place and the split of the cubes in the user's own data set: arguments of `ssif.data.folder.read`."""

    folder: str
    test: tuple[str, ...] = ()
    region: tuple[int, ...] = ()
    white: float | None = None
    key: str | None = None
    bands: str | None = None
    msi: MeasuredMSI | None = None


@dataclass(frozen=True)
class Data:
    """One data set of a preset: the sensor of its input, the grids of p and C, the networks and their training.

    `network` and `training` belong to the neural fields; `baselines` has a block for each kind of network on a pixel grid;
    `exceptions` gives single fields other values of these keys; `land_use` is the classifier of Table 3 and Figure 9; `source`
    marks a data set of the user's own.
    """

    msi: str
    scales: Values
    counts: Values
    network: FieldSizes
    training: Training
    exceptions: dict = field(default_factory=dict)
    baselines: dict = field(default_factory=dict)
    land_use: LandUse | None = None
    source: Source | None = None

    @property
    def input(self) -> str:
        """Whether the input of the networks was "measured" by another instrument or is "simulated" from the cubes."""
        return "measured" if self.source and self.source.msi else "simulated"

    @property
    def full_count(self) -> int:
        """C_max: the count of the tables, the largest one in the training range."""
        return int(self.counts.train[1])

    @property
    def grid_scales(self) -> list[int]:
        """The scales p that networks on a pixel grid are trained for: the tested integers inside the training range."""
        low, high = self.scales.train
        return [int(p) for p in self.scales.test if p == int(p) and low <= p <= high]


@dataclass(frozen=True)
class Shown:
    """A table or a figure that is not an ablation, with its data set; TABLES and FIGURES say which other keys it has.

    scales: its p, of Tables 1 and 2 all of the data set; methods: its rows, of Tables 1 and 2 and Figures 3 and 4 all of the
    preset; counts: the C of Figure 1; sensors: names (`ssif.sensors`) of the sensors whose bands are predicted; camera: a second
    sensor that takes the input in the table of robustness, "" for none.
    """

    dataset: str
    scales: tuple[float, ...] = ()
    methods: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    sensors: tuple[str, ...] = ()
    camera: str = ""


@dataclass(frozen=True)
class Ablation:
    """Neural fields with one key of `network` or `training`, `change`, at each of `values`. `fixed`: other keys that differ
    from the preset for all of them. They are scored at `scales` and over all C."""

    dataset: str
    scales: tuple[float, ...]
    methods: tuple[str, ...]
    change: str
    values: list
    fixed: dict = field(default_factory=dict)

    def cases(self) -> list[dict]:
        """The changed keys of each value, in order."""
        return [self.fixed | {self.change: value} for value in self.values]


@dataclass(frozen=True)
class Config:
    """A preset, as in config/*.yaml (config/README.md says what each key means).

    seeds_of: method -> its seeds, if they differ from `seeds`; weights: a folder of published weights that replace trainings.
    """

    preset: str
    device: str
    threads: int
    seeds: tuple[int, ...]
    antialias: bool
    methods: tuple[str, ...]
    tables: dict
    datasets: dict
    figures: dict = field(default_factory=dict)
    ablations: dict = field(default_factory=dict)
    precision: str = "auto"
    seeds_of: dict = field(default_factory=dict)
    weights: str = ""


def changed(data: Data, changes: dict, where: str) -> Data:
    """The data set's block with these keys of `network` or `training` changed. Raises UserError for any other key."""
    sizes, budget = ({f.name: f.type for f in dataclasses.fields(part)} for part in (FieldSizes, Training))
    known = {key: typed((sizes | budget)[choose(f"key in {where}:", key, sizes | budget)], value, f"{where}.{key}")
             for key, value in changes.items()}  # fmt: skip
    network = dataclasses.replace(data.network, **{key: value for key, value in known.items() if key in sizes})
    training = dataclasses.replace(data.training, **{key: value for key, value in known.items() if key in budget})
    return dataclasses.replace(data, network=network, training=training)
