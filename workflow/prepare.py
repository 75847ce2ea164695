"""Read the raw files of a data set and write results/data/<dataset>.h5, or <dataset>.land_cover.h5 with --land-cover.

python -m workflow.prepare --dataset indian_pines [--land-cover] [--config config/config.yaml] [--data-dir DIR]
"""

import dataclasses
from pathlib import Path

from ssif.data.prepare import prepare, prepare_land_cover
from ssif.errors import choose
from workflow.config import presets
from workflow.plan import runs
from workflow.steps import prepared
from workflow.steps.arguments import parser
from workflow.steps.processes import program


@program
def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--dataset", required=True, help="a data set of the preset")
    arguments.add_argument(
        "--data-dir", type=Path, help="the folder of the raw files (default: $SSIF_DATA, or a download)"
    )
    arguments.add_argument("--land-cover", action="store_true", help="read the labels of Table 3 instead of the images")
    arguments = arguments.parse_args()
    config = presets.load(arguments.config)
    name = choose("data set of the preset:", arguments.dataset, config.datasets)
    if arguments.land_cover:
        prepare_land_cover(name, runs.land_cover_file(name), arguments.data_dir)
    else:
        data = config.datasets[name]
        source = dataclasses.asdict(data.source) if data.source else None
        prepare(name, runs.data_file(name), data.msi, arguments.data_dir, source)
        if source:
            # Print what was assumed about the user's own files, so that mistakes show before hours of training.
            for key, value in prepared.data(name).choices.items():
                print(f"{name}: {key}: {value}")


if __name__ == "__main__":
    main()
