"""The command line that the benchmark's programs share."""

import argparse

from workflow import plan


def parser(documentation: str) -> argparse.ArgumentParser:
    """A parser with --config, described by a program's own docstring."""
    shared = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared.add_argument("--config", default="config/config.yaml", help="a preset (default: %(default)s)")
    return shared


def chosen_run(documentation: str) -> tuple[plan.Config, plan.Run]:
    """The configuration and the run that --config and --run name. Raises UserError where they name none."""
    shared = parser(documentation)
    shared.add_argument("--run", required=True, help="the run's id, e.g. indian_pines.ssif-rf-uf.s0")
    arguments = shared.parse_args()
    config = plan.load(arguments.config)
    return config, plan.find_run(config, arguments.run)
