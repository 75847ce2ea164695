"""Read a data set's raw files and write results/data/<dataset>.h5.

python -m workflow.prepare --dataset indian_pines [--config config/config.yaml] [--data-dir DIR]
"""

from pathlib import Path

from ssif.data.store import prepare
from ssif.errors import choose, exit_cleanly
from workflow import plan, presets
from workflow.arguments import parser


@exit_cleanly
def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--dataset", required=True, help="one of the data sets of the preset")
    arguments.add_argument(
        "--data-dir", type=Path, help="folder of the raw files (default: $SSIF_DATA, else downloaded)"
    )
    arguments = arguments.parse_args()
    config = presets.load(arguments.config)
    name = choose("data set of the preset:", arguments.dataset, config.datasets)
    prepare(name, plan.data_file(name), config.datasets[name].msi, arguments.data_dir)


if __name__ == "__main__":
    main()
