"""The command line that the benchmark's programs share."""

import argparse
from collections.abc import Callable, Iterable

from ssif.errors import choose
from workflow.config.presets import load
from workflow.config.schema import Config
from workflow.plan.runs import Run, find
from workflow.plan.targets import Target, targets


def parser(documentation: str) -> argparse.ArgumentParser:
    """A parser with --config, described by a program's own docstring."""
    shared = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared.add_argument("--config", default="config/config.yaml", help="a preset (default: %(default)s)")
    return shared


def chosen_run(documentation: str, known: Callable[[Config], list[Run]]) -> tuple[Config, Run]:
    """The configuration and the run, one of `known`, that --config and --run name. Raises UserError for any other."""
    shared = parser(documentation)
    shared.add_argument("--run", required=True, help="the run's id, e.g. indian_pines.ssif-rf-uf.s0")
    arguments = shared.parse_args()
    config = load(arguments.config)
    return config, find(known(config), arguments.run)


def chosen_target(documentation: str, kind: str, known: Callable[[Config], Iterable[str]]) -> tuple[Config, Target]:
    """The configuration and the target, named by one of `known`, that --config and --<kind> name. Raises UserError for
    any other."""
    shared = parser(documentation)
    shared.add_argument(f"--{kind}", required=True, help=f"the name of a {kind} of the preset")
    arguments = shared.parse_args()
    config = load(arguments.config)
    name = choose(f"{kind} of the preset:", getattr(arguments, kind), known(config))
    return config, targets(config)[name]
