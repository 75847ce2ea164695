"""The command line that the benchmark's programs share."""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from ssif import seals
from ssif.errors import choose
from workflow.config.presets import load
from workflow.config.schema import Config
from workflow.plan import runs
from workflow.plan.runs import Run, find
from workflow.plan.targets import Target, targets


class Parser(argparse.ArgumentParser):
    """A parser whose `parse_args` also sets the folder of results/."""

    def parse_args(self, *arguments) -> argparse.Namespace:
        parsed = super().parse_args(*arguments)
        runs.ROOT = parsed.root
        # A remote storage copies files without their notes and has checksums of its own.
        seals.NOTES = parsed.root == Path()
        return parsed


def parser(documentation: str) -> Parser:
    """A parser with --config and --root; the program's own docstring describes it."""
    shared = Parser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared.add_argument("--config", default="config/config.yaml", help="the preset (default: %(default)s)")
    shared.add_argument("--root", type=Path, default=Path(), help="the folder that holds results/ (default: this one)")
    return shared


def chosen_preset(documentation: str) -> Config:
    """The configuration of --config, for a program without other arguments."""
    return load(parser(documentation).parse_args().config)


def chosen_run(documentation: str, known: Callable[[Config], list[Run]]) -> tuple[Config, Run]:
    """The configuration of --config and the run of --run, which must be one of `known`. Raises UserError for any other."""
    shared = parser(documentation)
    shared.add_argument("--run", required=True, help="the run's id, e.g. indian_pines.ssif-rf-uf.s0")
    arguments = shared.parse_args()
    config = load(arguments.config)
    return config, find(known(config), arguments.run)


def chosen_target(documentation: str, kind: str, known: Callable[[Config], Iterable[str]]) -> tuple[Config, Target]:
    """The configuration of --config and the target of --<kind>, one of `known`. Raises UserError for any other target."""
    shared = parser(documentation)
    shared.add_argument(f"--{kind}", required=True, help=f"the name of a {kind} of the preset")
    arguments = shared.parse_args()
    config = load(arguments.config)
    name = choose(f"{kind} of the preset:", getattr(arguments, kind), known(config))
    return config, targets(config)[name]
