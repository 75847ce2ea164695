"""Read a data set's raw files and write results/data/<dataset>.h5.

    python -m workflow.prepare --dataset indian_pines [--config config/config.yaml] [--data-dir DIR]
"""

import argparse
from pathlib import Path

from ssif.data.store import prepare
from ssif.errors import choose, exit_cleanly
from workflow import plan


@exit_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help="one of the data sets of the preset")
    parser.add_argument("--config", default="config/config.yaml", help="a preset (default: %(default)s)")
    parser.add_argument("--data-dir", type=Path, help="folder with the raw files (default: $SSIF_DATA, else downloaded)")
    arguments = parser.parse_args()
    config = plan.load(arguments.config)
    name = choose("data set of the preset:", arguments.dataset, config.datasets)
    prepare(name, plan.data_file(name), config.datasets[name].msi, arguments.data_dir)


if __name__ == "__main__":
    main()
