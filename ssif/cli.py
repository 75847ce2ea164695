"""The `ssif` command: prepare a data set outside the benchmark, say what a prepared file holds, and what sensors see."""

import argparse
from pathlib import Path

from ssif import bandspec, sensors
from ssif.data.store import READERS, Store, prepare
from ssif.errors import exit_cleanly

DEFAULT_MSI = {"cave": "nikon-d700", "cave_validation": "nikon-d700", "synthetic": "nikon-d700"}


def info(path: Path) -> str:
    """What a prepared data set holds, a line each."""
    store = Store(path)
    lines = [f"{path}: {store.bands}, MSI of {store.channels} channels, raw values / {store.scale:g}"]
    lines += [f"{key}: {value}" for key, value in store.choices.items()]
    for split in ("train", "test"):
        for name in store.names(split):
            hsi, _ = store.scene(name)
            lines.append(
                f"{split} {name}: {hsi.shape[0]} x {hsi.shape[1]}, mean {hsi.mean():.4f}, largest {hsi.max():.4f}"
            )
    return "\n".join(lines)


@exit_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(prog="ssif", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    prepared = commands.add_parser("prepare", help="read a data set's raw files and write one HDF5 file")
    prepared.add_argument("dataset", choices=sorted(READERS))
    prepared.add_argument("out", type=Path)
    prepared.add_argument("--msi", help="sensor, CSV of responses, or bmp (default: nikon-d700 for CAVE, else ikonos)")
    prepared.add_argument(
        "--data-dir", type=Path, help="folder with the raw files (default: $SSIF_DATA, else downloaded)"
    )
    described = commands.add_parser("info", help="say what a prepared file holds")
    described.add_argument("file", type=Path)
    commands.add_parser("sensors", help="list the sensors that are known by name")
    listed = commands.add_parser("bands", help="list the bands of a sensor, a CSV or START:STOP:COUNT")
    listed.add_argument("spec", metavar="SPEC", help="sensor, CSV (see docs/sensors.md) or START:STOP:COUNT in nm")
    arguments = parser.parse_args()
    if arguments.command == "info":
        print(info(arguments.file))
    elif arguments.command == "sensors":
        print(sensors.catalogue())
    elif arguments.command == "bands":
        print(bandspec.table(*bandspec.parse_bands(arguments.spec)))
    else:
        _prepare(arguments)


def _prepare(arguments: argparse.Namespace) -> None:
    msi = arguments.msi or DEFAULT_MSI.get(arguments.dataset, "ikonos")
    prepare(arguments.dataset, arguments.out, msi, arguments.data_dir)
    print(info(arguments.out))


if __name__ == "__main__":
    main()
